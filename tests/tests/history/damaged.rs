//! Files that are torn, foreign, of a later version, or out of reach: never a panic, and the rest is told.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use signal_trace_tests::{
    folder::Folder,
    history::{file, line},
    programs,
};

use super::made::{Said, clean, end, oom, report, session, three_files, zstd};

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
