//! `report` over the files of a daemon: what is asked for is shown, what is missing is said.

mod damaged;
mod large;
mod made;

use std::fs;

use nix::sys::signal::Signal;
use signal_trace_tests::{
    cgroup::Cgroup,
    folder::Folder,
    history::{file, line, lines},
    process::Proc,
    session::Session,
};

use made::{clean, end, exit, oom, report, session, three_files};

#[test]
fn why_it_restarted_at_3_am_is_one_command() {
    let folder = three_files();
    let options = ["--since", "2026-11-24 02:30", "--until", "2026-11-24 03:30", "--pod", "web-0"];
    let said = report(&[folder.path()], &[&options[..], &["--finding", "oom-kill"]].concat());
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    let blocks: Vec<_> = said.out.lines().filter(|line| line.contains("OOM-KILLED")).collect();
    let expected =
        "2026-11-24 03:00:12.000000Z  OOM-KILLED  container app of pod shop/web-0 (docker";
    assert_eq!(blocks.len(), 1, "{}", said.out);
    assert!(blocks[0].starts_with(expected), "{}", said.out);
    for words in [
        "signal-trace 0.1.0: node since 2026-11-22T10:00:00.000000000Z",
        "error    oom-kill",
        "; 1 file read, 2 of other times left out",
        "asked for   since 2026-11-24 02:30:00Z until 2026-11-24 03:30:00Z",
        "shutdowns   1: 1 oom-killed",
        "worst       shop/app: 1 of 1 shutdown not clean (1 oom-killed)",
        "findings    1 error oom-kill",
        "gaps        none",
    ] {
        assert!(said.out.contains(words), "no {words}: {}", said.out);
    }
    assert_eq!(said.out.matches("signal-trace 0.1.0").count(), 1, "one session: {}", said.out);
}

#[test]
fn json_is_what_the_files_hold() {
    let folder = three_files();
    let all = report(&[folder.path()], &["--format", "json"]);
    assert_eq!((all.code, all.err.as_str()), (Some(0), ""));
    let expected = file(&[
        session("2026-11-22T10:00:00"),
        exit("2026-11-22T10:00:01"),
        oom("2026-11-23T03:00:00", "web-0", "a-1"),
        clean("2026-11-23T04:00:00", "web-1", "a-2"),
        exit("2026-11-23T12:00:01"),
        oom("2026-11-24T03:00:12", "web-0", "a-3"),
        oom("2026-11-24T03:00:13", "web-1", "a-4"),
        clean("2026-11-24T04:00:01", "web-0", "a-5"),
        oom("2026-11-24T05:00:00", "web-0", "a-6"),
    ]);
    assert_eq!(all.out, expected);
    let some = ["--format", "json", "--verdict", "graceful", "--container", "app"];
    let some = report(&[folder.path()], &some);
    let expected = file(&[
        session("2026-11-22T10:00:00"),
        clean("2026-11-23T04:00:00", "web-1", "a-2"),
        clean("2026-11-24T04:00:01", "web-0", "a-5"),
    ]);
    assert_eq!(some.out, expected);
    // The files by name, in any order, and twice.
    let paths = ["signal-trace.jsonl", "signal-trace-20261124T040000Z.jsonl"];
    let paths = paths.map(|name| folder.file(name));
    let zst = folder.file("signal-trace-20261123T120000Z.jsonl.zst");
    let named = report(&[&paths[0], &paths[1], &zst, folder.path()], &["--format", "json"]);
    assert_eq!(named.out, all.out);
    // Into a file, too; but not into one that is read.
    let to = folder.file("out.jsonl");
    let text = to.to_str().expect("text");
    assert_eq!(report(&[folder.path()], &["--format", "json", "-o", text]).out, "");
    assert_eq!(fs::read_to_string(&to).expect("written"), all.out);
    let live = paths[0].to_str().expect("text");
    let refused = report(&[folder.path()], &["-o", live]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("it is to be read"), "{}", refused.err);
    assert!(!fs::read(&paths[0]).expect("there").is_empty());
}

#[test]
fn an_exit_code_tells_of_findings_and_of_gaps() {
    let folder = three_files();
    assert_eq!(report(&[folder.path()], &["--fail-on", "error"]).code, Some(1));
    let clean = ["--fail-on", "error", "--verdict", "graceful"];
    assert_eq!(report(&[folder.path()], &clean).code, Some(0));
    let before = report(&[folder.path()], &["--since", "2026-11-22", "--until", "2026-11-23"]);
    assert_eq!(before.code, Some(3));
    let words = "gaps        2026-11-22 00:00:00Z to 2026-11-22 10:00:00Z: no agent ran, or what it \
                 wrote is not here";
    assert!(before.out.contains(words), "{}", before.out);
    let wrong = report(&[folder.path()], &["--since", "2026-11-23", "--until", "2026-11-22"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("is not before"), "{}", wrong.err);
    let none = report(&[folder.path()], &["--since", "2001-01-01", "--until", "2001-01-02"]);
    assert_eq!(none.code, Some(0), "{}{}", none.out, none.err);
    assert!(none.out.contains("nothing from the time that was asked for"), "{}", none.out);
}

#[test]
fn a_shutdown_that_is_reported_again_counts_once() {
    let folder = Folder::new();
    let first = line("torn", "recording").at("2026-11-24T00:00:00");
    let running = lines("torn");
    let running = running.iter().find(|line| line.text().contains("\"verdict\":\"still-running\""));
    let running = running.expect("it is cut in the midst of a shutdown").at("2026-11-24T01:00:00");
    let again = oom("2026-11-24T02:00:00", "web-0", "b-2");
    let id = running.text().split("\"shutdown_id\":\"").nth(1).expect("an id");
    let id = id.split('"').next().expect("an id").to_owned();
    let again = again.replace("\"amends\":null", &format!("\"amends\":\"{id}\""));
    fs::write(folder.file("signal-trace.jsonl"), file(&[first, running, again])).expect("ours");
    let shutdowns = |options: &[&str]| {
        let out = report(&[folder.path()], options).out;
        let row = out.lines().find_map(|line| line.strip_prefix("shutdowns   ").map(str::to_owned));
        row.unwrap_or(out)
    };
    assert_eq!(shutdowns(&[]), "1: 1 oom-killed");
    assert_eq!(shutdowns(&["--until", "2026-11-24T01:30"]), "1: 1 still-running");
    // The last word is not what was asked for.
    assert_eq!(shutdowns(&["--verdict", "still-running"]), "none");
    assert_eq!(shutdowns(&["--verdict", "oom-killed"]), "1: 1 oom-killed");
}

#[test]
fn several_nodes_are_told_apart() {
    let folder = Folder::new();
    for (node, hour) in [("n2", "01"), ("n1", "02")] {
        let lines = [
            session(&format!("2026-11-24T{hour}:00:00")).on(node),
            oom(&format!("2026-11-24T{hour}:30:00"), "web-0", "a-1").on(node),
            end(&format!("2026-11-24T{hour}:40:00")).on(node),
        ];
        fs::write(folder.file(&format!("{node}-signal-trace.jsonl")), file(&lines)).expect("ours");
    }
    let said = report(&[folder.path()], &["--until", "2026-11-24T03:00"]);
    assert_eq!(said.code, Some(3), "{}", said.out);
    let heads: Vec<_> = said
        .out
        .lines()
        .filter_map(|line| line.split("  OOM-KILLED").next().filter(|it| *it != line))
        .collect();
    let expected = ["2026-11-24 02:30:00.000000Z  n1", "2026-11-24 01:30:00.000000Z  n2"];
    assert_eq!(heads, expected, "node by node: {}", said.out);
    for words in ["2 nodes; 2 files read", "01:40:00Z to 2026-11-24 03:00:00Z on n2: no agent ran"]
    {
        assert!(said.out.contains(words), "no {words}: {}", said.out);
    }
}

#[test]
fn what_a_live_session_printed_reads_the_same_as_history() {
    let live = Session::start(&["--grace", "1s"]);
    let cgroup = Cgroup::new("history");
    let mut process = Proc::start_in("ignore", Some(&cgroup));
    process.signal(Signal::SIGTERM);
    process.signal(Signal::SIGKILL);
    process.wait();
    live.wait_for_shutdown(process.pid);
    let recorded = live.finish();
    let folder = Folder::new();
    let text: String = recorded.printed.iter().flat_map(|line| [line, "\n"]).collect();
    fs::write(folder.file("signal-trace.jsonl"), &text).expect("ours");
    let said = report(&[folder.path()], &["--format", "json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert!(said.out == text, "it is verbatim");
    // The recording of the same, with inputs, is replayed; also beside history.
    let replayed = report(&[&recorded.file], &["--format", "json"]);
    assert!(replayed.out == text, "a replay says the same");
    let pid = process.pid.to_string();
    let options = ["--target-pid", &pid, "--verdict", "forced"];
    let both = report(&[folder.path(), &recorded.file], &options);
    assert_eq!((both.code, both.err.as_str()), (Some(0), ""));
    assert_eq!(both.out.matches("  FORCED  ").count(), 2, "{}", both.out);
    assert_eq!(both.out.matches("  SIGTERM  ").count(), 0, "{}", both.out);
}
