//! Many processes that end at once, on all CPUs: each has its one exit.
//!
//! On Linux 7 raw tracepoints miss some of them, because a second one on the same CPU is skipped
//! while the first is preempted.

use std::{ffi::OsString, thread};

use crate::{
    cases::exit_faults,
    cgroup::{Cgroup, Hierarchies},
    process::{Place, Proc},
    programs,
    session::Session,
};

const SENDERS: usize = 4;
const EACH: usize = 100;

/// What was wrong with the exits.
pub fn faults(hierarchies: Hierarchies) -> Vec<String> {
    let session = Session::start(&[]);
    let cgroup = Cgroup::new_in(hierarchies, "storm");
    let ended: Vec<Proc> = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(|| run(&cgroup))).collect();
        senders.into_iter().flat_map(|one| one.join().expect("it did not panic")).collect()
    });
    let lines = session.finish().lines;
    let mut faults = lines.losses();
    faults.extend(ended.iter().flat_map(|process| exit_faults(process, &lines)));
    faults
}

/// Starts them without waiting for any, so that they end while others start.
fn run(cgroup: &Cgroup) -> Vec<Proc> {
    let place = Place { cgroup: Some(cgroup), pid_namespace: false };
    let start = |code: usize| {
        let words = [OsString::from("exit"), code.to_string().into()];
        Proc::spawn(&[&[programs::helper().into_os_string()], &words[..]].concat(), place)
    };
    let mut all: Vec<_> = (0..EACH).map(start).collect();
    for process in &mut all {
        process.wait();
    }
    all
}
