//! SIGTERM: an `end` line in every sink, exit code 0, and soon; also when a sink hangs.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::net::UnixStream,
    thread,
};

use signal_trace_tests::clock::boot_ns;

use super::{readers::piped, *};

/// A second on a quiet machine; these run while others do.
const SOON: Duration = Duration::from_secs(2);

const FEED: &str = "[sinks.socket]\nenabled = true\npath = \"FOLDER/feed\"\n";

fn assert_ended(agent: &Agent) {
    let lines = lines_of_all(&[agent.folder.file(LOG)]);
    let ends: Vec<_> = lines.iter().filter(|line| line["type"] == "end").collect();
    assert_eq!(ends.len(), 1);
    assert_eq!(lines.last(), Some(ends[0]));
}

#[test]
fn every_sink_has_an_end() {
    let mut agent = Agent::start(&format!("{FILE}{FEED}"));
    let feed = UnixStream::connect(agent.folder.file("feed")).expect("somebody listens");
    // From now on: who does not read what other tests do misses the end.
    let last = thread::spawn(|| BufReader::new(feed).lines().last());
    wait_until_current(&agent, LOG);
    let took = agent.end();
    assert!(took < SOON, "{took:?}");
    assert_ended(&agent);
    assert_eq!(agent.lines("stdout").last().expect("lines")["type"], "end");
    let last = last.join().expect("it reads").expect("lines").expect("readable");
    assert!(last.contains("\"type\":\"end\""), "{last}");
}

/// A daemon whose standard output nobody reads any more.
fn hanging() -> (Agent, fs::File) {
    let (agent, pipe) = piped(&format!("[sinks.stdout]\nfilter.types = [\"signal\"]\n{FILE}"));
    Storm::new().send(300);
    wait_until_current(&agent, LOG);
    (agent, pipe)
}

#[test]
fn a_sink_that_hangs_holds_up_no_end() {
    let (mut agent, pipe) = hanging();
    let took = agent.end();
    assert!(took < SOON, "{took:?}");
    assert_ended(&agent);
    let told = agent.stderr();
    assert!(told.contains("did not get out of the sink stdout"), "{told}");
    drop(pipe);
}

#[test]
fn a_second_one_ends_it_at_once() {
    let (mut agent, pipe) = hanging();
    agent.signal(Signal::SIGTERM);
    // It waits for standard output now.
    agent.wait_for(LOG, "the end", |line| line["type"] == "end");
    let before = boot_ns();
    agent.signal(Signal::SIGTERM);
    assert_eq!(agent.wait(), Some(0));
    let took = Duration::from_nanos(boot_ns() - before);
    assert!(took < SOON, "{took:?}");
    // It would have ended soon without, too.
    assert!(agent.stderr().contains("told to end again"), "{}", agent.stderr());
    assert_ended(&agent);
    drop(pipe);
}

#[test]
fn a_disk_that_is_gone_holds_up_no_end() {
    let mut agent = Agent::start(FILE);
    wait_until_current(&agent, LOG);
    let folder = agent.folder.file("log");
    fs::remove_dir_all(&folder).expect("it is there");
    fs::write(&folder, "in the way").expect("the folder is ours");
    agent.wait_for_shutdown("stdout", stop());
    let took = agent.end();
    assert!(took < SOON, "{took:?}");
    let told = agent.stderr();
    assert!(told.contains("the sink file fails") && told.contains("Not a directory"), "{told}");
}
