//! One round of one class: all its scenarios side by side in one session.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::{
    live::Live,
    program::{Program, Tools},
    scenario::{Class, Scenario},
};
use crate::{
    clock::{Deadline, boot_ns},
    process::{Place, Proc},
    session::Session,
};

/// The scenarios begin so far apart: they are not to be a load test.
const APART_MS: u64 = 12;

/// All that is wrong with what a session says of the scenarios of `class`.
pub fn check(class: Class, scenarios: &[Scenario], tools: &Tools) -> Vec<String> {
    nix::sys::prctl::set_child_subreaper(true).expect("any process may be a subreaper");
    let ours: Vec<_> = scenarios.iter().filter(|scenario| scenario.class == class).collect();
    let start = |early: bool| {
        let chosen = ours.iter().filter(move |scenario| scenario.early == early);
        chosen.map(|scenario| Live::spawn(scenario, tools)).collect::<Vec<_>>()
    };
    let mut all = start(true);
    all.iter_mut().for_each(Live::await_ready);
    let session = Session::start(class.options());
    let mut late = start(false);
    late.iter_mut().for_each(Live::await_ready);
    all.append(&mut late);
    let urgent = Urgent::begin();
    await_tracer(tools, &session);
    play(&mut all, tools, &session);
    drop(urgent);
    if class != Class::Unfinished {
        await_reports(&all, &session);
    }
    let recorded = session.finish_with(class.exit_code());
    let mut faults = if class == Class::Lossy { Vec::new() } else { recorded.lines.losses() };
    faults.extend(all.iter().flat_map(|one| one.faults(&recorded.lines)));
    faults
}

/// Waits until the tracer has seen a signal that is younger than all these processes: it then knows
/// their cgroups too, however busy the machine is.
fn await_tracer(tools: &Tools, session: &Session) {
    let words = tools.words(Program::C("HUP:ignore"), None);
    let mut probe = Proc::spawn(&words, Place::default());
    probe.await_ready();
    probe.signal(Signal::SIGHUP);
    session.wait_for("a signal to the probe", |line| {
        line["type"] == "signal" && line["target"]["process"]["pid"] == probe.pid
    });
}

/// While it lives, this thread comes before all others: what is done to the scenarios is done in
/// time on a busy machine too. What it starts is as usual.
struct Urgent;

impl Urgent {
    fn begin() -> Self {
        schedule(libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, 1);
        Self
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        schedule(libc::SCHED_OTHER, 0);
    }
}

fn schedule(policy: i32, priority: i32) {
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: `parameters` outlives the call. Where it is not allowed (no real-time budget in a
    // container), the scenarios run as they can.
    let _set = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
}

fn play(all: &mut [Live], tools: &Tools, session: &Session) {
    let begin = boot_ns();
    let deadline = Deadline::after(Duration::from_secs(40));
    loop {
        let mut left = Vec::new();
        for (place, one) in (0..).zip(all.iter_mut()) {
            let passed = (boot_ns() - begin) / 1_000_000;
            let Some(passed) = passed.checked_sub(place * APART_MS) else {
                left.push(one.scenario.name);
                continue;
            };
            one.act(passed, tools, session);
            if !one.settle() || passed < one.scenario.lasts {
                left.push(one.scenario.name);
            }
        }
        if left.is_empty() {
            return;
        }
        assert!(!deadline.passed(), "these did not end: {left:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Gives the reports a while to come. What is missing then is found by the comparison.
fn await_reports(all: &[Live], session: &Session) {
    let deadline = Deadline::after(Duration::from_secs(5));
    let mut missing: Vec<_> = all
        .iter()
        .filter(|one| one.scenario.end.is_some())
        .map(|one| one.pid(one.scenario.subject))
        .collect();
    while !missing.is_empty() && !deadline.passed() {
        missing.retain(|pid| {
            !session.has(|line| {
                let mut reports = line["processes"].as_array().into_iter().flatten();
                line["type"] == "shutdown"
                    && reports.any(|p| p["process"]["pid"] == *pid && !p["exit"].is_null())
            })
        });
        std::thread::sleep(Duration::from_millis(50));
    }
}
