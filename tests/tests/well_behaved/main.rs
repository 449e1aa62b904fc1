//! Real systems that behave well: not one may be accused of anything, however busy the machine.
//!
//! They run side by side in one session, three times over.

mod databases;
mod pools;
mod runtimes;
mod servers;
mod shells;
mod verdicts;
mod ways;

use std::thread;

use signal_trace_tests::{
    cases::assert_none,
    cgroup,
    running::Running,
    session::Session,
    system::{End, System},
    workshop::Workshop,
};

/// Whether each is in a cgroup of its own or, together with all others, in ours.
const ROUNDS: [bool; 4] = [true, false, true, true];

#[test]
fn none_is_accused() {
    let systems: Vec<System> = std::iter::empty()
        .chain(servers::SYSTEMS)
        .chain(databases::SYSTEMS)
        .chain(runtimes::SYSTEMS)
        .chain(pools::SYSTEMS)
        .chain(shells::SYSTEMS)
        .chain(ways::SYSTEMS)
        .collect();
    cgroup::remove_leftovers();
    let workshop = Workshop::new();
    workshop.make_database();
    runtimes::prepare(&workshop);
    ways::prepare(&workshop);
    // The strict one takes INT and QUIT for stops from the first moment, as with containers whose
    // images say so; the mild one must see that they were no reload and no thread dump.
    let sessions = [start_session(&["WINCH"]), start_session(&["WINCH", "INT", "QUIT"])];
    let mut all = Vec::new();
    for own_cgroup in ROUNDS {
        let round = systems.iter().filter(|system| own_cgroup || !system.needs_cgroup);
        let start = |system: &System| Running::start(*system, own_cgroup, &workshop);
        let mut round = side_by_side(round.collect(), start);
        // Not before all are up, so that their shutdowns overlap.
        side_by_side(round.iter_mut().collect(), Running::stop);
        all.extend(round);
    }
    let [mild, strict] = sessions;
    let mut faults = judge("mild", mild, all.iter());
    faults.extend(judge("strict", strict, all.iter().filter(|one| !one.system.lives_through_quit)));
    assert_none(&faults);
}

fn start_session(stop_signals: &[&str]) -> Session {
    let arguments: Vec<_> =
        stop_signals.iter().flat_map(|signal| ["--stop-signal", signal]).collect();
    Session::start(&arguments)
}

/// Ends a session; all that it said wrongly of the systems.
fn judge<'a>(
    name: &str,
    session: Session,
    systems: impl Iterator<Item = &'a Running<'a>> + Clone,
) -> Vec<String> {
    for running in systems.clone().filter(|one| matches!(one.system.end, End::Stops { .. })) {
        session.wait_for_shutdown(running.main);
    }
    let lines = session.finish().lines;
    let mut faults = lines.losses();
    for running in systems {
        let place = if running.cgroup.is_some() { "own cgroup" } else { "our cgroup" };
        let who = format!("{} ({place}, {name} session)", running.system.name);
        let found = verdicts::faults(running, &lines);
        faults.extend(found.iter().map(|fault| format!("{who}: {fault}")));
    }
    faults
}

/// Runs `work` for each in a thread of its own; panics when all are done if one did.
fn side_by_side<T: Send, R: Send>(all: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = all.into_iter().map(|one| scope.spawn(move || work(one))).collect();
        let (done, failed): (Vec<_>, Vec<_>) =
            threads.into_iter().map(thread::ScopedJoinHandle::join).partition(Result::is_ok);
        assert!(failed.is_empty(), "{} systems failed, see above", failed.len());
        done.into_iter().flatten().collect()
    })
}
