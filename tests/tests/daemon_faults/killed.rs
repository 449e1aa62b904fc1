//! `kill -9` of the daemon, and what the next one makes of it.

use std::os::unix::fs::OpenOptionsExt as _;

use signal_trace_tests::{bpf, cgroup::Cgroup, clock::boot_ns, lines::findings_of};

use super::*;

/// Programs, maps and links are freed when their last user is, after RCU grace periods.
const FREED: Duration = Duration::from_secs(20);

const CONFIG: &str = "[sinks.file]\nenabled = true\npath = \"FOLDER/log/st.jsonl\"\n\
                      filter.types = [\"signal\", \"shutdown\", \"zombie\", \"finding\", \"exit\"]\n";

#[test]
fn nothing_of_it_stays_in_the_kernel() {
    let agent = Agent::start(CONFIG);
    let ours = bpf::of(agent.pid().as_raw());
    let kinds: BTreeSet<_> = ours.iter().map(|(kind, _)| *kind).collect();
    assert!(kinds.contains(&bpf::Kind::Program) && kinds.contains(&bpf::Kind::Map), "{ours:?}");
    assert!(ours.is_subset(&bpf::all()));
    let _folder = agent.kill();
    let mut left = BTreeSet::new();
    Deadline::after(FREED).until_or_not(|| {
        left = ours.intersection(&bpf::all()).copied().collect();
        left.is_empty()
    });
    assert!(left.is_empty(), "left in the kernel: {left:?}");
}

#[test]
fn an_orderly_end_leaves_nothing_either() {
    let mut agent = Agent::start(CONFIG);
    let ours = bpf::of(agent.pid().as_raw());
    agent.end();
    Deadline::after(FREED)
        .until("the end of all that was loaded", || bpf::all().is_disjoint(&ours));
}

#[test]
fn the_next_one_goes_on_in_the_file_and_says_what_it_saw() {
    let mut neglected = Proc::start("zombie 0", Place::default());
    let zombie = neglected.children[0];
    let is_our_zombie = |line: &Value| line["type"] == "zombie" && line["process"]["pid"] == zombie;
    let first = Agent::start(CONFIG);
    let seen = stop();
    first.wait_for_shutdown(LOG, seen);
    first.wait_for(LOG, "the zombie", is_our_zombie);
    let folder = first.kill();
    let meanwhile = stop();
    let before = whole(&folder.file(LOG));

    let mut second = Agent::start_in(folder, CONFIG, |_| {});
    let after = stop();
    second.wait_for_shutdown(LOG, after);
    let sessions = |line: &&Value| line["type"] == "recording";
    second.wait_for(LOG, "the zombie again", {
        let second_begins = before.lines().count();
        let lines = second.lines(LOG);
        assert_eq!(lines[second_begins]["type"], "recording");
        let known: BTreeSet<_> = lines[..second_begins].iter().map(ToString::to_string).collect();
        move |line| is_our_zombie(line) && !known.contains(&line.to_string())
    });
    second.end();

    let text = whole(&second.folder.file(LOG));
    assert!(text.starts_with(&before), "nothing of the first is lost");
    let lines = second.lines(LOG);
    assert_eq!(lines.iter().filter(sessions).count(), 2);
    assert_eq!(lines.iter().filter(|line| line["type"] == "end").count(), 1);
    for pid in [seen, after] {
        assert_eq!(lines.iter().filter(|line| is_end_of(line, pid)).count(), 1, "process {pid}");
    }
    // Nobody saw how that one ended, and nobody says so.
    let mention = |line: &&Value| {
        let name = format!("\"pid\":{meanwhile},");
        line.to_string().contains(&name)
    };
    assert_eq!(lines.iter().find(mention), None, "process {meanwhile}");
    neglected.signal(Signal::SIGKILL);
    neglected.wait();
}

#[test]
fn half_a_line_is_cut_off_and_nothing_else() {
    let first = Agent::start(CONFIG);
    let seen = stop();
    first.wait_for_shutdown(LOG, seen);
    let folder = first.kill();
    let before = whole(&folder.file(LOG));
    // A kill in the midst of a write is rare: the file as one would leave it.
    let torn = &before.lines().next_back().expect("lines")[..before.len().min(60)];
    let path = folder.file(LOG);
    let mut file = fs::File::options().append(true).mode(0o600).open(&path).expect("it is there");
    std::io::Write::write_all(&mut file, torn.as_bytes()).expect("the disk has room");
    drop(file);
    let mut second = Agent::start_in(folder, CONFIG, |_| {});
    let after = stop();
    second.wait_for_shutdown(LOG, after);
    second.end();
    let text = whole(&path);
    assert!(text.starts_with(&before));
    assert!(
        text[before.len()..].starts_with("{\"schema\":") && !text.contains(&format!("{torn}{{"))
    );
    assert!(second.stderr().contains("ended in half a line"), "{}", second.stderr());
    // Each line is held against the schema.
    assert_eq!(second.lines(LOG).iter().filter(|line| is_end_of(line, after)).count(), 1);
}

#[test]
fn killed_while_it_writes_it_leaves_only_whole_lines_for_the_next() {
    let mut folder = signal_trace_tests::folder::Folder::new();
    let mut storm = Storm::new();
    let mut sessions = 0;
    let begun = boot_ns();
    while sessions < 5 {
        let agent = Agent::start_in(folder, CONFIG, |_| {});
        sessions += 1;
        storm.send(40 * sessions);
        folder = agent.kill();
    }
    let mut last = Agent::start_in(folder, CONFIG, |_| {});
    last.wait_for_shutdown(LOG, stop());
    last.end();
    whole(&last.folder.file(LOG));
    let lines = last.lines(LOG);
    let count = lines.iter().filter(|line| line["type"] == "recording").count();
    assert_eq!(count, sessions + 1, "after {} ms", (boot_ns() - begun) / 1_000_000);
}

#[test]
fn what_was_asked_to_stop_before_it_started_is_not_accused() {
    let cgroup = Cgroup::new("deaf");
    let mut deaf = Proc::start_in("ignore", Some(&cgroup));
    deaf.signal(Signal::SIGTERM);
    let mut agent = Agent::start(CONFIG);
    deaf.signal(Signal::SIGKILL);
    deaf.wait();
    let line = agent.wait_for_shutdown(LOG, deaf.pid);
    agent.end();
    assert_eq!(line["complete"], false, "{line}");
    let findings = findings_of(&line);
    assert!(findings.iter().all(|(_, severity)| *severity == "info"), "{line}");
}
