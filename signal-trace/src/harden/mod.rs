//! Gives up what tracing does not need once the programs are attached: capabilities, system calls,
//! files and ports. `docs/hardening.md` says what is dropped when, and what it costs.
//!
//! Each step is best effort: what a kernel or a container does not let us give up stays, and is said.

mod capabilities;
mod landlock;
mod seccomp;

use std::{fmt, path::PathBuf, thread};

use nix::sys::prctl;

use crate::capture::procfs::{Helper, Root};

/// What is still needed after [`apply`].
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Folders in which files are written, created and removed. They must be there already.
    pub writable: Vec<PathBuf>,
    /// TCP ports that are connected to, of any host: of the API server, of an OTLP receiver.
    pub connect_ports: Vec<u16>,
    /// Where the node's processes are shown: what is dropped must not hide them. All clones of it
    /// look through a helper process where [`apply`] had to start one.
    pub proc: Root,
}

/// How far one step got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All of it is done.
    Done,
    /// Some of it; the text says what is missing.
    Partly,
    /// Nothing was changed.
    Not,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is about: `capabilities`, `no_new_privs`, `seccomp`, `landlock`.
    pub name: &'static str,
    /// How far it got.
    pub state: State,
    /// What was done, or why not: one short sentence.
    pub text: String,
}

/// What [`apply`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// In the order in which they were taken.
    pub steps: Vec<Step>,
}

impl Outcome {
    /// Whether nothing is left open.
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| step.state == State::Done)
    }
}

/// For one line of a log: `capabilities: kept ...; seccomp: ...`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", step.name, step.text)?;
        }
        Ok(())
    }
}

impl Step {
    const fn new(name: &'static str, state: State, text: String) -> Self {
        Self { name, state, text }
    }
}

/// Restricts the calling thread and those that it starts. Call it once, on the only thread: after the
/// programs are attached ([`crate::capture::Capture::attach`]) and files and listeners are open.
///
/// It cannot be undone, and never fails: the outcome says what was not possible.
pub fn apply(plan: &Plan) -> Outcome {
    let landlock = landlock::Restriction::new(plan);
    let blind = landlock.works() && start_helper(&plan.proc).is_err();
    restrict(landlock, blind)
}

/// What [`apply`] would do here: on a thread of its own, which ends then.
pub fn trial(plan: &Plan) -> Outcome {
    let work = || restrict(landlock::Restriction::new(plan), false);
    let tried =
        thread::scope(|scope| thread::Builder::new().spawn_scoped(scope, work).ok()?.join().ok());
    tried.unwrap_or_else(|| {
        let text = "cannot be tried: there is no thread left".to_owned();
        Outcome { steps: vec![Step::new("hardening", State::Not, text)] }
    })
}

fn restrict(landlock: landlock::Restriction, blind: bool) -> Outcome {
    // Landlock first: its files are opened with all rights, and seccomp refuses what it needs.
    let landlock = landlock.apply(blind);
    let steps = vec![capabilities::drop_most(), no_new_privs(), seccomp::refuse(), landlock];
    Outcome { steps }
}

/// Who looks at others when Landlock has taken that from us. It has no more rights than we keep.
fn start_helper(proc: &Root) -> std::io::Result<()> {
    let helper = Helper::start(|| {
        drop((capabilities::drop_most(), no_new_privs(), seccomp::refuse()));
    })?;
    proc.set_helper(helper);
    Ok(())
}

fn no_new_privs() -> Step {
    match prctl::set_no_new_privs() {
        Ok(()) => Step::new("no_new_privs", State::Done, "set".to_owned()),
        Err(errno) => Step::new("no_new_privs", State::Not, format!("not set ({errno})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_one_line() {
        let step = |name, state, text: &str| Step::new(name, state, text.to_owned());
        let mut outcome = Outcome {
            steps: vec![step("a", State::Done, "all"), step("b", State::Partly, "no z (x)")],
        };
        assert_eq!(outcome.to_string(), "a: all; b: no z (x)");
        assert!(!outcome.is_complete());
        outcome.steps.pop();
        assert!(outcome.is_complete());
    }

    /// Needs root, as the tests of this workspace do.
    #[test]
    fn a_trial_changes_nothing_here() {
        let status = || std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let of = |text: &str| {
            let wanted = ["CapEff", "CapBnd", "NoNewPrivs", "Seccomp"];
            let kept = |line: &&str| wanted.iter().any(|name| line.starts_with(name));
            text.lines().filter(kept).map(str::to_owned).collect::<Vec<_>>()
        };
        let before = status();
        let outcome = trial(&Plan::default());
        assert_eq!(of(&before), of(&status()));
        let names: Vec<_> = outcome.steps.iter().map(|step| step.name).collect();
        assert_eq!(names, ["capabilities", "no_new_privs", "seccomp", "landlock"]);
        assert!(outcome.steps.iter().all(|step| step.state != State::Not), "{outcome}");
    }
}
