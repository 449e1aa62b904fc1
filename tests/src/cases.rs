//! Runs many helper processes at once and holds the recording against what really happened.

mod faults;

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::{
    cgroup::{Cgroup, Hierarchies},
    clock::{Deadline, boot_ns},
    lines::Lines,
    process::{Bracket, Place, Proc},
    session::Session,
};

pub(crate) use self::faults::{SLACK, exit_faults, time_fault};
use self::faults::{findings_of, killer, signal_faults};

/// What the harness does to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing: it ends by itself.
    Nothing,
    /// SIGTERM.
    Term,
    /// SIGKILL.
    Kill,
    /// SIGTERM, and SIGKILL so many milliseconds later.
    TermKill(u64),
    /// SIGTERM, and SIGKILL to the child that it left behind.
    TermKillOrphan(u64),
}

/// A process and what signal-trace must say of it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// For `st-proc`.
    pub mode: &'static str,
    /// As PID 1 of its own namespace.
    pub pid_namespace: bool,
    /// What is done to it.
    pub act: Act,
    /// Its verdict; `None`: there must be no shutdown at all.
    pub verdict: Option<&'static str>,
    /// That of its workload.
    pub workload: &'static str,
    /// That of its children, if it has any.
    pub children: &'static str,
    /// The findings above `info`.
    pub findings: &'static [&'static str],
}

impl Case {
    /// What it is called in tables.
    pub fn name(&self) -> String {
        let place = if self.pid_namespace { " (pid 1)" } else { "" };
        let act = match self.act {
            Act::Nothing => "",
            Act::Term => ": TERM",
            Act::Kill => ": KILL",
            Act::TermKill(_) => ": TERM, KILL",
            Act::TermKillOrphan(_) => ": TERM, KILL to its child",
        };
        format!("{}{place}{act}", self.mode)
    }

    /// A process without children in our own PID namespace.
    pub const fn new(
        mode: &'static str,
        act: Act,
        verdict: &'static str,
        workload: &'static str,
    ) -> Self {
        Self {
            mode,
            pid_namespace: false,
            act,
            verdict: Some(verdict),
            workload,
            children: "",
            findings: &[],
        }
    }

    /// The same as PID 1 of its own namespace.
    #[must_use]
    pub const fn as_pid1(self) -> Self {
        Self { pid_namespace: true, ..self }
    }

    /// The same with those findings above `info`.
    #[must_use]
    pub const fn with_findings(self, findings: &'static [&'static str]) -> Self {
        Self { findings, ..self }
    }

    /// The same with children of that verdict.
    #[must_use]
    pub const fn with_children(self, verdict: &'static str) -> Self {
        Self { children: verdict, ..self }
    }
}

/// What really happened to one process.
#[derive(Debug)]
pub struct Outcome {
    case: Case,
    /// The process.
    pub main: Proc,
    orphan: Option<Proc>,
    term: Option<Bracket>,
    kill: Option<Bracket>,
    // Dropped last: it can go only when it is empty.
    cgroup: Option<Cgroup>,
}

/// Starts all cases `rounds` times, in cgroups of their own and in ours; acts, and reaps.
pub fn run(cases: &[Case], rounds: usize) -> Vec<Outcome> {
    run_in(Hierarchies::Unified, cases, rounds)
}

fn run_in(hierarchies: Hierarchies, cases: &[Case], rounds: usize) -> Vec<Outcome> {
    nix::sys::prctl::set_child_subreaper(true).expect("any process may be a subreaper");
    let mut all: Vec<_> = (0..rounds)
        .flat_map(|_| cases)
        .flat_map(|case| [Some(hierarchies), None].map(|own| Outcome::start(*case, own)))
        .collect();
    all.iter_mut().for_each(Outcome::signal_first);
    let begin = boot_ns();
    let deadline = Deadline::after(Duration::from_secs(30));
    loop {
        let passed = Duration::from_nanos(boot_ns() - begin);
        let mut left = 0;
        for one in &mut all {
            one.signal_again(passed);
            left += usize::from(!one.reap());
        }
        if left == 0 {
            return all;
        }
        assert!(!deadline.passed(), "{left} processes did not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs the cases in both kinds of place inside one session; all that is wrong with it.
pub fn check(cases: &[Case], rounds: usize) -> Vec<String> {
    let mut checked = check_each(Hierarchies::Unified, cases, rounds);
    let mut faults = std::mem::take(&mut checked.losses);
    faults.extend(checked.cases.into_iter().flatten());
    faults
}

/// What was wrong with a session.
#[derive(Debug)]
pub struct Checked {
    /// What is missing from it.
    pub losses: Vec<String>,
    /// With each case, in the order in which they were given.
    pub cases: Vec<Vec<String>>,
}

/// The same, with cgroups in these hierarchies, told case by case.
pub fn check_each(hierarchies: Hierarchies, cases: &[Case], rounds: usize) -> Checked {
    let session = Session::start(&["--grace", "1s"]);
    let outcomes = run_in(hierarchies, cases, rounds);
    for one in outcomes.iter().filter(|one| one.case.verdict.is_some()) {
        session.wait_for_shutdown(one.orphan.as_ref().unwrap_or(&one.main).pid);
    }
    let lines = session.finish().lines;
    let mut by_case = vec![Vec::new(); cases.len()];
    // Each round has every case in two places.
    for (one, place) in outcomes.iter().zip((0..).map(|n| n / 2 % cases.len())) {
        by_case[place].extend(one.faults(&lines));
    }
    Checked { losses: lines.losses(), cases: by_case }
}

/// Panics with the first faults, if there are any.
pub fn assert_none(faults: &[String]) {
    let shown = faults.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{} faults:\n{shown}", faults.len());
}

impl Outcome {
    fn start(case: Case, own_cgroup: Option<Hierarchies>) -> Self {
        let name = case.mode.split(' ').next().unwrap_or_default();
        let cgroup = own_cgroup.map(|hierarchies| Cgroup::new_in(hierarchies, name));
        let place = Place { cgroup: cgroup.as_ref(), pid_namespace: case.pid_namespace };
        let main = Proc::start(case.mode, place);
        Self { case, main, orphan: None, term: None, kill: None, cgroup }
    }

    fn signal_first(&mut self) {
        match self.case.act {
            Act::Nothing => {}
            Act::Kill => self.kill = Some(self.main.signal(Signal::SIGKILL)),
            _ => self.term = Some(self.main.signal(Signal::SIGTERM)),
        }
    }

    fn signal_again(&mut self, passed: Duration) {
        let (Act::TermKill(ms) | Act::TermKillOrphan(ms)) = self.case.act else { return };
        if passed < Duration::from_millis(ms) || self.kill.is_some() {
            return;
        }
        let target = if matches!(self.case.act, Act::TermKill(_)) {
            &mut self.main
        } else if self.main.status.is_none() {
            // It is no orphan yet, and not ours.
            return;
        } else {
            self.orphan.insert(Proc::adopt(self.main.children[0]))
        };
        // It fails if the process ended too soon; then its status is wrong and reported as such.
        if target.status.is_none() {
            self.kill = Some(target.signal(Signal::SIGKILL));
        }
    }

    /// Whether all of it has ended.
    fn reap(&mut self) -> bool {
        let orphan = matches!(self.case.act, Act::TermKillOrphan(_));
        let mut done = !orphan || self.orphan.is_some();
        for process in [Some(&mut self.main), self.orphan.as_mut()].into_iter().flatten() {
            done &= process.status.is_some() || process.try_wait().is_some();
        }
        done
    }

    /// Who is killed without a word is worth a warning only in a cgroup: outside of containers and
    /// units many programs end their children so.
    fn wanted_findings(&self) -> Vec<&str> {
        let mut findings = self.case.findings.to_vec();
        findings.retain(|id| self.cgroup.is_some() || *id != "killed-without-stop-signal");
        findings
    }

    /// Everything that the recording says wrongly or not at all.
    fn faults(&self, lines: &Lines) -> Vec<String> {
        let mut faults = Vec::new();
        let mut must = |what: &str, found: &Value, wanted: Value| {
            if *found != wanted {
                faults.push(format!("{what}: {found}, must be {wanted}"));
            }
        };
        if let Some((shutdown, report)) = lines.shutdown(self.main.pid) {
            must("workload verdict", &shutdown["verdict"], json!(self.case.workload));
            must("process verdict", &report["verdict"], json!(self.case.verdict));
            must("exit in shutdown", &report["exit"]["wait_status"], json!(self.main.status));
            must("killed_by", &report["killed_by"], killer(&self.main));
            must("complete", &shutdown["complete"], json!(true));
            must("stop sent", &json!(!shutdown["stop"].is_null()), json!(self.term.is_some()));
            must("main", &report["main"], json!(true));
            must("findings", &findings_of(shutdown), json!(self.wanted_findings()));
            if let Some(cgroup) = &self.cgroup {
                must("cgroup", &shutdown["workload"]["cgroup"], json!(cgroup.path));
            } else {
                must("workload kind", &shutdown["workload"]["kind"], json!("process"));
            }
        } else {
            must("shutdown", &Value::Null, json!(self.case.verdict));
        }
        for pid in &self.main.children {
            let report = lines.shutdown(*pid).map_or(&Value::Null, |(_, report)| report);
            must("verdict of a child", &report["verdict"], json!(self.case.children));
        }
        if let Some(orphan) = &self.orphan {
            let report = lines.shutdown(orphan.pid).map_or(&Value::Null, |(_, report)| report);
            must("killed_by of the orphan", &report["killed_by"], killer(orphan));
        }
        for process in std::iter::once(&self.main).chain(&self.orphan) {
            faults.extend(exit_faults(process, lines));
        }
        let killed = self.orphan.as_ref().unwrap_or(&self.main);
        faults.extend(signal_faults(self.main.pid, "SIGTERM", self.term, lines));
        faults.extend(signal_faults(killed.pid, "SIGKILL", self.kill, lines));
        let place = if self.cgroup.is_some() { "own cgroup" } else { "our cgroup" };
        let who = format!("`{}` (pid {}, {place})", self.case.mode, self.main.pid);
        faults.into_iter().map(|fault| format!("{who}: {fault}")).collect()
    }
}
