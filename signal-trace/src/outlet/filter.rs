//! Which lines an outlet wants.

use signal_trace_core::findings::Severity;

use crate::{
    cli::value::Glob,
    selection::severity,
    sinks::schema::{Body, Finding, Line, Workload},
};

/// What marks a session (`recording`, `loss`, `end`) always passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Types of lines.
    pub types: Vec<String>,
    /// Shutdowns and findings: only those with a finding of this severity or worse.
    pub min_severity: Option<Severity>,
    /// Only Kubernetes namespaces that one of these matches; if none is given, all.
    pub namespaces: Vec<Glob>,
    /// Not these.
    pub except_namespaces: Vec<Glob>,
}

impl Filter {
    /// Types that can be chosen.
    pub const TYPES: [&str; 8] =
        ["signal", "delivery", "exit", "reap", "zombie", "oom", "shutdown", "finding"];
    /// Those that are, unless others are: what is quiet when all is well.
    pub const DEFAULT_TYPES: [&str; 4] = ["shutdown", "finding", "zombie", "oom"];

    /// Whether lines of this type may pass.
    pub fn allows_kind(&self, kind: &str) -> bool {
        !Self::TYPES.contains(&kind) || self.types.iter().any(|wanted| wanted == kind)
    }

    /// Whether this line passes.
    pub fn allows(&self, line: &Line) -> bool {
        let (workload, findings): (_, &[Finding]) = match &line.body {
            Body::Recording(_) | Body::Loss(_) | Body::End(_) => return true,
            Body::Signal(line) => (line.target.workload.as_deref(), &[]),
            Body::Delivery(line) => (line.workload.as_deref(), &[]),
            Body::Exit(line) => (line.workload.as_deref(), &[]),
            Body::Reap(line) => (line.workload.as_deref(), &[]),
            Body::Zombie(line) => (line.workload.as_deref(), &[]),
            Body::Oom(line) => (line.workload.as_deref(), &[]),
            Body::Shutdown(line) => (Some(&line.workload), &line.findings),
            Body::Finding(line) => (Some(&line.workload), std::slice::from_ref(&line.finding)),
        };
        let judged = matches!(line.body, Body::Shutdown(_) | Body::Finding(_));
        self.allows_kind(line.body.kind())
            && (!judged || self.is_bad_enough(findings))
            && self.is_namespace(workload)
    }

    fn is_bad_enough(&self, findings: &[Finding]) -> bool {
        self.min_severity
            .is_none_or(|least| findings.iter().any(|finding| severity(finding) >= least))
    }

    fn is_namespace(&self, workload: Option<&Workload>) -> bool {
        let pod = workload.and_then(|workload| workload.kubernetes.as_ref());
        let namespace = pod.and_then(|pod| pod.namespace.as_deref());
        let one_of = |globs: &[Glob]| {
            namespace.is_some_and(|name| globs.iter().any(|glob| glob.matches(name)))
        };
        (self.namespaces.is_empty() || one_of(&self.namespaces)) && !one_of(&self.except_namespaces)
    }
}
