//! Processes that nobody reaps, during a recording and before it.

use nix::sys::signal::Signal;
use signal_trace_tests::{process::Proc, session::Session};

const FINDING: &str = "zombie-not-reaped";

#[test]
fn an_unreaped_child_is_found_and_a_late_reaped_one_is_not() {
    let mut before = Proc::start_in("zombie 0", None);
    let session = Session::start(&[]);
    let mut during = Proc::start_in("zombie 0", None);
    let mut late = Proc::start_in("zombie 1", None);
    let (old, new, reaped) = (before.children[0], during.children[0], late.children[0]);

    for pid in [old, new] {
        session.wait_for(&format!("the finding about zombie {pid}"), |line| {
            line["type"] == "finding"
                && line["finding"]["id"] == FINDING
                && line["process"]["pid"] == pid
        });
    }
    // Still zombies, all the time: our own word for it.
    for pid in [old, new] {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("not reaped");
        assert!(stat.contains(") Z "), "{stat}");
    }
    for process in [&mut before, &mut during, &mut late] {
        process.signal(Signal::SIGKILL);
        process.wait();
    }
    let lines = session.finish().lines;
    assert_eq!(lines.losses(), Vec::<String>::new());
    for (pid, parent) in [(old, before.pid), (new, during.pid)] {
        let findings = lines.findings(pid, FINDING);
        assert_eq!(findings.len(), 1, "one finding about zombie {pid}: {findings:?}");
        let zombies: Vec<_> =
            lines.of("zombie").filter(|line| line["process"]["pid"] == pid).collect();
        assert_eq!(zombies.len(), 1, "one `zombie` line about {pid}");
        assert_eq!(zombies[0]["parent"]["pid"], parent);
        if pid == new {
            let age = zombies[0]["age_seconds"].as_f64().expect("a number");
            assert!((4.99..7.0).contains(&age), "called a zombie at {age} s");
        }
    }
    assert!(lines.findings(reaped, FINDING).is_empty(), "it was reaped after a second");
    assert_eq!(lines.exits(reaped).len(), 1, "its exit is recorded");
}
