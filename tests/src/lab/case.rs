//! A case of the lab: what is done, what must come of it, and what must be said of it.

use std::{fmt, ops::RangeInclusive, sync::atomic::AtomicUsize, thread};

use super::{System, row::Row};
use crate::{expected::Expected, session::Session};

/// One way to run and to stop a system; `B` is what it runs on.
#[derive(Debug)]
pub struct Case<B> {
    /// What is special about it.
    pub name: &'static str,
    /// Does it, and tells what became of it. A panic is a fault of this case alone.
    pub run: fn(&B) -> Got,
    /// What must have become of it.
    pub end: End,
    /// What must be said of it.
    pub says: fn(Expected) -> Expected,
}

/// What must become of a system.
#[derive(Clone, Debug)]
pub struct End {
    /// As engines count: 128 + N for death by signal N.
    pub exit_code: i64,
    /// From the request to stop to the end, seconds.
    pub seconds: RangeInclusive<f64>,
    /// What else must be true of it afterwards, as [`Got::facts`].
    pub facts: &'static [&'static str],
}

/// What became of a system, by its engine and by the harness.
#[derive(Clone, Debug)]
pub struct Got {
    /// Of the container.
    pub id: String,
    /// The process that this is about, as the node sees it.
    pub pid: i32,
    /// As in [`End`].
    pub exit_code: i64,
    /// As in [`End`].
    pub seconds: f64,
    /// Of its queue, its log, and so on.
    pub facts: Vec<String>,
    /// What must be said besides, of other processes.
    pub also: Vec<Expected>,
}

impl End {
    /// It ends with this exit code, within these seconds.
    pub const fn exits(exit_code: i64, seconds: RangeInclusive<f64>) -> Self {
        Self { exit_code, seconds, facts: &[] }
    }

    /// And these are the facts.
    #[must_use]
    pub const fn with(self, facts: &'static [&'static str]) -> Self {
        Self { facts, ..self }
    }

    /// What is different.
    fn faults(&self, got: &Got) -> Vec<String> {
        let mut faults = Vec::new();
        if got.exit_code != self.exit_code {
            faults.push(format!("the exit code is {}", got.exit_code));
        }
        if !self.seconds.contains(&got.seconds) {
            faults.push(format!("it took {:.2} s", got.seconds));
        }
        if got.facts != self.facts {
            faults.push(format!("the facts are {:?}", got.facts));
        }
        faults
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.seconds.start(), self.seconds.end());
        write!(f, "exit {} within {from}–{to} s", self.exit_code)?;
        self.facts.iter().try_for_each(|fact| write!(f, "; {fact}"))
    }
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {} in {:.1} s", self.exit_code, self.seconds)?;
        self.facts.iter().try_for_each(|fact| write!(f, "; {fact}"))
    }
}

/// Runs cases, so many at a time, beside a session, and compares. The bench is gone afterwards.
pub fn run_all<B: Sync>(
    system: &System,
    bench: B,
    session: Session,
    cases: &[Case<B>],
    at_a_time: usize,
) -> Vec<Row> {
    let ended = a_few_at_a_time(cases, at_a_time, |case| (case.run)(&bench));
    let shut_down = cases.iter().zip(&ended).filter_map(|(case, ended)| {
        let pid = ended.as_ref().ok()?.pid;
        (case.says)(Expected::of(case.name, pid)).shuts_down().then_some(pid)
    });
    let pids: Vec<_> = shut_down.collect();
    session.wait_for_shutdowns(&pids);
    let recorded = session.finish();
    drop(bench);
    let mut rows: Vec<_> = cases
        .iter()
        .zip(ended)
        .map(|(case, ended)| {
            let mut row = Row::new(system, case.name, &case.end);
            match ended {
                Ok(got) => {
                    row.faults = case.end.faults(&got);
                    row.judge(&got, case.says, &recorded);
                }
                Err(fault) => row.faults.push(fault),
            }
            row
        })
        .collect();
    if let Some(first) = rows.first_mut() {
        first.faults.extend(recorded.lines.losses());
    }
    rows
}

/// Results in the order of what they are of; the message of a panic in place of one.
fn a_few_at_a_time<T: Sync, R: Send>(
    all: &[T],
    at_a_time: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Result<R, String>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(one) = all.get(place) else { return done };
            // What it leaves behind is cleared away with the bench.
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(one)));
            done.push((place, result.map_err(|panic| message(&*panic))));
        }
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_a_time).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("panics are caught")).collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// What a panic says.
pub(super) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}
