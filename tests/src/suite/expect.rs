//! What must be said of a scenario.

use super::Who;

/// What a report must say of one process.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Which.
    pub who: Who,
    /// What it did with its stop signal.
    pub verdict: &'static str,
    /// Whose SIGKILL ended it, if one did.
    pub killed_by: Option<&'static str>,
}

/// What a report must say.
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing by itself"]
pub struct Expect {
    /// The verdict of the workload.
    pub workload: &'static str,
    /// What it must say of processes; of others it may say anything.
    pub processes: Vec<Process>,
    /// Id and severity; above `info` these and no others.
    pub findings: Vec<(&'static str, &'static str)>,
    /// Who told whom: if there are any, these and no others.
    pub edges: Vec<(Who, Who)>,
    /// Who must be among those that nobody told.
    pub never_told: Vec<Who>,
}

/// A process that must be reported as a zombie.
#[derive(Clone, Copy, Debug)]
pub struct Zombie {
    /// Which.
    pub who: Who,
    /// At least so many lines: each time the age has doubled.
    pub lines: usize,
    /// What its parent does with SIGCHLD.
    pub parent_sigchld: &'static str,
    /// Its first parent is gone.
    pub orphaned: bool,
}

impl Expect {
    /// The verdicts of the workload and of the main process.
    pub fn new(workload: &'static str, main: &'static str) -> Self {
        Self::of(workload).process(0, main)
    }

    /// The verdict of the workload alone.
    pub fn of(workload: &'static str) -> Self {
        Self { workload, ..Self::default() }
    }

    /// The verdict of a process that was not killed.
    pub fn process(mut self, who: usize, verdict: &'static str) -> Self {
        self.processes.push(Process { who: Who(who), verdict, killed_by: None });
        self
    }

    /// The verdict of one that was.
    pub fn killed(mut self, who: usize, verdict: &'static str, by: &'static str) -> Self {
        self.processes.retain(|process| process.who != Who(who));
        self.processes.push(Process { who: Who(who), verdict, killed_by: Some(by) });
        self
    }

    /// By whom the main process was killed.
    pub fn by(mut self, role: &'static str) -> Self {
        self.processes[0].killed_by = Some(role);
        self
    }

    /// A finding at `info`.
    pub fn info(self, id: &'static str) -> Self {
        self.finding(id, "info")
    }

    /// A warning.
    pub fn warning(self, id: &'static str) -> Self {
        self.finding(id, "warning")
    }

    /// An error.
    pub fn error(self, id: &'static str) -> Self {
        self.finding(id, "error")
    }

    fn finding(mut self, id: &'static str, severity: &'static str) -> Self {
        self.findings.push((id, severity));
        self
    }

    /// Who told whom to stop: these, and no others.
    pub fn edges(mut self, edges: &[(usize, usize)]) -> Self {
        self.edges = edges.iter().map(|(from, to)| (Who(*from), Who(*to))).collect();
        self
    }

    /// Who was never told.
    pub fn never_told(mut self, who: &[usize]) -> Self {
        self.never_told = who.iter().copied().map(Who).collect();
        self
    }
}
