//! The file sink on disks that are full, read-only, or taken away.

use signal_trace_tests::{disk::Disk, folder::Folder};

use super::*;

const SIGNALS: &str = "filter.types = [\"signal\", \"shutdown\"]\n";

/// A daemon whose file is on a disk of its own, and whose standard output tells what should be
/// there.
fn on_disk(kib: u64, more: &str) -> (Agent, Disk) {
    let folder = Folder::new();
    let disk = Disk::mount(folder.file("log"), kib);
    let config = format!("[sinks.stdout]\n{SIGNALS}{FILE}{SIGNALS}{more}");
    (Agent::start_in(folder, &config, |_| {}), disk)
}

#[test]
fn a_full_disk_costs_what_is_told_and_it_recovers() {
    let (mut agent, disk) = on_disk(1024, "queue.lines = 40\n");
    let mut storm = Storm::new();
    storm.send(20);
    wait_until_current(&agent, LOG);
    for _ in 0..2 {
        disk.fill();
        storm.send(150);
        // The other sink goes on.
        wait_until_current(&agent, "stdout");
        whole(&agent.folder.file(LOG));
        disk.free();
        wait_until_through(LOG, |pid| agent.lines(LOG).iter().any(|line| is_end_of(line, pid)));
    }
    let told = agent.stderr();
    assert!(told.contains("No space left on device") && told.contains("free some"), "{told}");
    agent.end();
    whole(&agent.folder.file(LOG));
    assert_missing_is_told(&agent.lines(LOG), &agent.lines("stdout"));
    assert_eq!(agent.lines(LOG).last().expect("lines")["type"], "end");
}

#[test]
fn a_disk_that_is_read_only_at_the_start_gets_all_when_it_is_not_any_more() {
    let folder = Folder::new();
    let disk = Disk::mount(folder.file("log"), 1024);
    disk.set_read_only(true);
    let mut agent = Agent::start_in(folder, FILE, |_| {});
    let pids = stop_many(5);
    agent.wait_for_shutdown("stdout", pids[4]);
    let told = agent.stderr();
    assert!(told.contains("Read-only file system") && told.contains("st.jsonl"), "{told}");
    disk.set_read_only(false);
    wait_until_current(&agent, LOG);
    agent.end();
    let lines = lines_of_all(&[agent.folder.file(LOG)]);
    assert_all_once(&lines, &pids);
    drop((disk, agent));
}

#[test]
fn a_disk_that_becomes_read_only_is_waited_for() {
    let mut agent = Agent::start(FILE);
    let mut pids = stop_many(3);
    agent.wait_for_shutdown(LOG, pids[2]);
    // Over the folder that it writes to: one that is in use cannot be made read-only.
    let disk = Disk::mount(agent.folder.file("log"), 64);
    disk.set_read_only(true);
    pids.extend(stop_many(3));
    agent.wait_for_shutdown("stdout", pids[5]);
    drop(disk);
    wait_until_current(&agent, LOG);
    let told = agent.stderr();
    assert!(told.contains("Read-only file system"), "{told}");
    agent.end();
    whole(&agent.folder.file(LOG));
    assert_all_once(&agent.lines(LOG), &pids);
}

#[test]
fn a_log_file_that_is_deleted_comes_again() {
    let mut agent = Agent::start(FILE);
    let before = stop();
    agent.wait_for_shutdown(LOG, before);
    fs::remove_file(agent.folder.file(LOG)).expect("it is there");
    let pids = stop_many(3);
    agent.wait_for_shutdown(LOG, pids[2]);
    agent.end();
    assert_all_once(&lines_of_all(&[agent.folder.file(LOG)]), &pids);
}

#[test]
fn a_folder_that_is_deleted_comes_again() {
    let mut agent = Agent::start(&format!("{FILE}[hardening]\nenabled = false\n"));
    let before = stop();
    agent.wait_for_shutdown(LOG, before);
    fs::remove_dir_all(agent.folder.file("log")).expect("it is there");
    let pids = stop_many(3);
    agent.wait_for_shutdown(LOG, pids[2]);
    agent.end();
    assert_all_once(&lines_of_all(&[agent.folder.file(LOG)]), &pids);
}

/// Landlock allows writing below a folder, not below a name: another folder is another one.
#[test]
fn hardened_it_says_that_a_deleted_folder_needs_a_restart() {
    let mut agent = Agent::start(FILE);
    let before = stop();
    agent.wait_for_shutdown(LOG, before);
    fs::remove_dir_all(agent.folder.file("log")).expect("it is there");
    agent.wait_for_shutdown("stdout", stop());
    let told = || agent.stderr();
    Deadline::after(Duration::from_secs(10)).until_or_not(|| told().contains("the sink file"));
    assert!(told().contains("cannot make the folder"), "{}", told());
    assert!(told().contains("restart signal-trace if it is hardened"), "{}", told());
    agent.end();
}
