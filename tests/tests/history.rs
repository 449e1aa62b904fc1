//! `report` over the files of a daemon: what is asked for is shown, what is missing is said.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;
use signal_trace_tests::{
    cgroup::Cgroup,
    clock::Deadline,
    folder::Folder,
    history::{Stored, file, line},
    process::Proc,
    programs,
    session::Session,
};

/// What a report says.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        assert!(!said.err.contains("panicked"), "{}", said.err);
        said
    }
}

fn report(paths: &[&Path], options: &[&str]) -> Said {
    let output = Command::new(programs::signal_trace())
        .arg("report")
        .args(paths)
        .args(options)
        .env_remove("RUST_BACKTRACE")
        .output();
    output.expect("signal-trace can be started").into()
}

fn session(time: &str) -> Stored {
    line("docker-oom", "recording").at(time)
}

/// The shutdown of a pod that ran out of memory.
fn oom(time: &str, pod: &str, id: &str) -> Stored {
    let line = line("docker-oom", "shutdown").at(time).in_pod(pod);
    line.replace("e93ba4b85a0-18042", id)
}

fn clean(time: &str, pod: &str, id: &str) -> Stored {
    let line = line("docker-clean", "shutdown").at(time).in_pod(pod);
    line.replace("e921026de54-17453", id)
}

fn end(time: &str) -> Stored {
    line("verdicts", "end").at(time)
}

fn exit(time: &str) -> Stored {
    line("docker-oom", "exit").at(time)
}

/// Three files of one session: a compressed one, one that is not yet, and the one being written.
fn three_files() -> Folder {
    let folder = Folder::new();
    let start = session("2026-11-22T10:00:00");
    let old = file(&[
        start.clone(),
        exit("2026-11-22T10:00:01"),
        oom("2026-11-23T03:00:00", "web-0", "a-1"),
        clean("2026-11-23T04:00:00", "web-1", "a-2"),
    ]);
    let compressed = zstd(&old);
    fs::write(folder.file("signal-trace-20261123T120000Z.jsonl.zst"), compressed).expect("ours");
    let middle = file(&[
        start.clone(),
        exit("2026-11-23T12:00:01"),
        oom("2026-11-24T03:00:12", "web-0", "a-3"),
        oom("2026-11-24T03:00:13", "web-1", "a-4"),
    ]);
    fs::write(folder.file("signal-trace-20261124T040000Z.jsonl"), middle).expect("ours");
    let live = file(&[
        start,
        clean("2026-11-24T04:00:01", "web-0", "a-5"),
        oom("2026-11-24T05:00:00", "web-0", "a-6"),
    ]);
    fs::write(folder.file("signal-trace.jsonl"), live).expect("ours");
    folder
}

fn zstd(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new(programs::system("zstd", "zstd"))
        .args(["-q", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("zstd can be started");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends").stdout
}

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
fn an_agent_that_was_killed_leaves_a_gap_and_no_damage() {
    let folder = Folder::new();
    let torn = oom("2026-11-24T01:00:00", "web-0", "a-1");
    let torn = &torn.text()[..torn.text().len() / 2];
    let text = file(&[session("2026-11-24T00:00:00"), clean("2026-11-24T00:30:00", "web-0", "a-0")])
        + torn
        // The next agent goes on behind it.
        + &file(&[
            session("2026-11-24T02:00:00"),
            oom("2026-11-24T03:00:00", "web-0", "a-2"),
            line("lossy", "loss").at("2026-11-24T03:30:00"),
            end("2026-11-24T04:00:00"),
            session("2026-11-24T05:00:00"),
            oom("2026-11-24T06:00:00", "web-0", "a-3"),
        ])
        + torn;
    fs::write(folder.file("signal-trace.jsonl"), text).expect("ours");
    let said = report(&[folder.path()], &[]);
    assert_eq!((said.code, said.err.as_str()), (Some(3), ""), "{}", said.out);
    for words in [
        "shutdowns   3: 2 oom-killed, 1 graceful",
        "sessions    3: 1 ended in order, 1 did not end in order, 1 without an end",
        "2026-11-24 01:00:00Z to 2026-11-24 02:00:00Z: the agent was killed",
        "7 signal_deliver lost",
        "2026-11-24 04:00:00Z to 2026-11-24 05:00:00Z: no agent ran",
        "1 line of the files damaged",
    ] {
        assert!(said.out.contains(words), "no {words}: {}", said.out);
    }
    assert_eq!(said.out.matches("signal-trace 0.1.0: ").count(), 3, "{}", said.out);
}

#[test]
fn a_shutdown_that_is_reported_again_counts_once() {
    let folder = Folder::new();
    let first = line("torn", "recording").at("2026-11-24T00:00:00");
    let running = signal_trace_tests::history::lines("torn");
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
fn what_is_not_known_is_passed_over_and_kept() {
    let folder = Folder::new();
    let later = oom("2026-11-24T01:00:00", "web-0", "a-1")
        .replace("\"type\":\"shutdown\"", "\"type\":\"later\"");
    let more = oom("2026-11-24T02:00:00", "web-0", "a-2")
        .replace("\"stop\":null", "\"stop\":null,\"a_later_field\":[1]");
    // Written by another program: other spaces, another order.
    let json: serde_json::Value =
        serde_json::from_str(oom("2026-11-24T03:00:00", "web-0", "a-3").text()).expect("JSON");
    let other = serde_json::to_string(&json).expect("JSON").replace(":{", ": {");
    let lines = [session("2026-11-24T00:00:00"), later, more.clone()];
    fs::write(folder.file("signal-trace.jsonl"), file(&lines) + &other + "\n\n").expect("ours");
    let said =
        report(&[folder.path()], &["--format", "json", "--pod", "web-0", "--finding", "oom-kill"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    assert_eq!(said.out, file(&[lines[0].clone(), more]) + &other + "\n");
    assert!(report(&[folder.path()], &[]).out.contains("shutdowns   2: 2 oom-killed"));
}

#[test]
fn files_of_others_are_none_of_ours_unless_they_are_named() {
    let folder = three_files();
    let before = report(&[folder.path()], &[]);
    fs::write(folder.file("other.jsonl"), "{\"level\":\"info\"}\n").expect("ours");
    fs::write(folder.file("notes.txt"), "signal-trace\n").expect("ours");
    fs::write(folder.file("signal-trace-20261125T000000Z.jsonl.zst.tmp"), "half").expect("ours");
    fs::create_dir(folder.file("signal-trace-dir.jsonl")).expect("ours");
    // Being compressed.
    let half = &zstd(&file(&[session("2026-11-22T10:00:00")]))[..9];
    fs::write(folder.file("signal-trace-20261124T040000Z.jsonl.zst"), half).expect("ours");
    let after = report(&[folder.path()], &[]);
    assert_eq!((after.code, &after.out, &after.err), (before.code, &before.out, &before.err));
    let other = folder.file("other.jsonl");
    let named = report(&[&other, folder.path()], &[]);
    assert_eq!((named.code, &named.out), (Some(2), &before.out), "the rest is told: {}", named.err);
    assert!(named.err.contains("other.jsonl is no recording"), "{}", named.err);
    assert_eq!(named.err.lines().count(), 1, "{}", named.err);
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_rest_is_told() {
    let folder = three_files();
    let damaged = [&[0x28, 0xb5, 0x2f, 0xfd][..], b"and then nonsense, more of it"].concat();
    fs::write(folder.file("signal-trace-20261121T000000Z.jsonl.zst"), damaged).expect("ours");
    // In its midst, and before anything whole.
    let start = file(&[session("2026-11-22T10:00:00")]);
    let many =
        (0..200).map(|id| oom("2026-11-22T12:00:00", &format!("web-{id}"), "a").text().to_owned());
    let many = zstd(&(start + &many.collect::<Vec<_>>().join("\n")));
    for (name, length) in [("20261122T130000Z", many.len() - 20), ("20261122T140000Z", 50)] {
        let name = format!("signal-trace-{name}.jsonl.zst");
        fs::write(folder.file(&name), &many[..length]).expect("ours");
    }
    let said = report(&[folder.path()], &[]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("cannot read ") && said.err.contains("signal-trace-20261121"));
    assert!(said.err.contains("20261122T130000Z.jsonl.zst breaks off"), "{}", said.err);
    assert!(said.err.contains("20261122T140000Z.jsonl.zst is empty"), "{}", said.err);
    assert!(said.out.contains("2026-11-22 12:00:00.000000Z  OOM-KILLED"), "{}", said.out);
    assert!(said.out.contains("2026-11-24 05:00:00.000000Z  OOM-KILLED"), "{}", said.out);
}

#[test]
fn who_may_not_read_is_told_so() {
    let folder = three_files();
    let program = folder.file("program");
    fs::copy(programs::signal_trace(), &program).expect("ours");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    let mode = |name: &str, mode| {
        fs::set_permissions(folder.file(name), fs::Permissions::from_mode(mode)).expect("ours");
    };
    mode("program", 0o755);
    mode("signal-trace.jsonl", 0o644);
    mode("signal-trace-20261124T040000Z.jsonl", 0o600);
    mode("signal-trace-20261123T120000Z.jsonl.zst", 0o644);
    let as_nobody = |path: &Path| -> Said {
        let mut command = Command::new(programs::system("setpriv", "util-linux"));
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(&program).arg("report").arg(path).current_dir("/");
        command.output().expect("setpriv can be started").into()
    };
    let said = as_nobody(folder.path());
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("20261124T040000Z.jsonl: Permission denied"), "{}", said.err);
    assert!(said.out.contains("shutdowns   4: "), "{}", said.out);
    mode("", 0o700);
    let outer = Folder::new();
    fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    fs::copy(&program, outer.file("program")).expect("ours");
    let mut command = Command::new(programs::system("setpriv", "util-linux"));
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command.arg(outer.file("program")).arg("report").arg(folder.path()).current_dir("/");
    let said: Said = command.output().expect("setpriv can be started").into();
    assert_eq!(said.code, Some(2), "{}", said.out);
    assert!(said.err.contains("Permission denied"), "{}", said.err);
}

#[test]
fn an_empty_folder_is_said_to_be_empty() {
    let folder = Folder::new();
    let said = report(&[folder.path()], &[]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("holds no history") && said.err.contains("sinks.file.path"));
    // The agent has just begun.
    fs::write(folder.file("signal-trace.jsonl"), "").expect("ours");
    let said = report(&[folder.path()], &[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("nothing is in its files yet"), "{}", said.err);
    let first = file(&[session("2026-11-24T00:00:00")]);
    fs::write(folder.file("signal-trace.jsonl"), &first).expect("ours");
    let said = report(&[folder.path()], &["--format", "json"]);
    assert_eq!((said.code, said.err.as_str(), said.out), (Some(0), "", first));
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
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let folder = Folder::new();
    let mut lines = vec![session("2026-11-24T00:00:00")];
    lines.extend((0..3000).map(|id| oom("2026-11-24T01:00:00", "web-0", &format!("a-{id}"))));
    fs::write(folder.file("signal-trace.jsonl"), file(&lines)).expect("ours");
    for format in ["text", "json"] {
        let mut child = Command::new(programs::signal_trace())
            .args(["report", "--format", format])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("signal-trace can be started");
        let mut first = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut first).expect("readable");
        drop(out);
        let said: Said = child.wait_with_output().expect("it ends").into();
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{format}");
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

#[test]
fn memory_does_not_grow_with_the_history() {
    const MOST: u64 = 50 << 10;
    let folder = Folder::new();
    let first = file(&[session("2026-11-24T00:00:00")]);
    for number in 0..4 {
        let lines = (0..4000).map(|id| {
            let lines = [
                exit("2026-11-24T01:00:00"),
                oom("2026-11-24T01:00:00", &format!("web-{id}"), &format!("a-{number}-{id}")),
            ];
            file(&lines)
        });
        let text = first.clone() + &lines.collect::<String>();
        let name = format!("signal-trace-2026112{number}T000000Z.jsonl");
        fs::write(folder.file(&name), text).expect("ours");
    }
    let mut child = Command::new(programs::signal_trace())
        .arg("report")
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("signal-trace can be started");
    // Not what wait4(2) tells: that begins with the peak of whoever started it.
    let (mut peak, mut status) = (0, None);
    Deadline::after(Duration::from_secs(120)).until("the report to end", || {
        peak = peak_of(child.id()).unwrap_or(peak);
        status = child.try_wait().expect("it is our child");
        status.is_some()
    });
    assert!(status.expect("waited for").success());
    assert!((1 << 10..MOST).contains(&peak), "{peak} KiB at most, for 55 MB of history");
}

/// `VmHWM`, KiB.
fn peak_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
