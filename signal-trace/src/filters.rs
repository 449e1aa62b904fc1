//! FILTERS: which records an output shows. The engine always sees everything.
//!
//! A record is shown if it matches every kind of filter that is given; of one kind, any will do.
//! Filters ask about the target unless their name says sender; what marks a session (`recording`,
//! `loss`, `end`) is always shown.

use clap::Args;
use signal_trace_core::{
    identity::Identity,
    output::{ProcessRef, Record, RecordBody, SenderRef, WorkloadRef},
    signal::Signal,
    workload::Kind,
};

use crate::{
    cli::value::{self, Glob},
    escape,
    sinks::schema,
};

/// Whose signals and shutdowns are shown.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(
    next_help_heading = "Filters (repeat one for alternatives; different ones must all match)"
)]
pub struct Filters {
    /// Only what happens to this process (pid in the initial PID namespace)
    #[arg(long, value_name = "PID")]
    pub target_pid: Vec<u32>,
    /// Only signals from this process, and the shutdowns that they began
    #[arg(long, value_name = "PID")]
    pub sender_pid: Vec<u32>,
    /// Only this container: its name, or its id or the first digits of it; `*` and `?` are wildcards
    #[arg(long, value_name = "NAME|ID")]
    pub container: Vec<Glob>,
    /// Only containers of this image; `*` and `?` are wildcards
    #[arg(long, value_name = "IMAGE")]
    pub image: Vec<Glob>,
    /// Only the containers of this Kubernetes pod: its name or its uid; `*` and `?` are wildcards
    #[arg(long, value_name = "NAME|UID")]
    pub pod: Vec<Glob>,
    /// Only the containers of this Kubernetes namespace; `*` and `?` are wildcards
    #[arg(long, value_name = "NAME")]
    pub namespace: Vec<Glob>,
    /// Only this systemd unit; `*` and `?` are wildcards
    #[arg(long, value_name = "UNIT")]
    pub unit: Vec<Glob>,
    /// Only this cgroup and those below it; with `*` or `?` the whole path must match
    #[arg(long, value_name = "PATH")]
    pub cgroup: Vec<Glob>,
    /// Only processes of this name; `*` and `?` are wildcards
    #[arg(long, value_name = "NAME")]
    pub comm: Vec<Glob>,
    /// Only this signal, what died of it, and the shutdowns that it is part of
    #[arg(long, value_name = "SIGNAL", value_parser = value::signal)]
    pub signal: Vec<Signal>,
}

/// Digits that tell a container's id from a name that happens to begin like it.
const SHORTEST_ID: usize = 4;

/// What a record is about.
#[derive(Default)]
struct Subject<'a> {
    processes: Vec<&'a ProcessRef>,
    workload: Option<&'a WorkloadRef>,
    senders: Vec<&'a SenderRef>,
    signals: Vec<Signal>,
}

impl Filters {
    /// Whether `record` is shown.
    pub fn allow(&self, record: &Record) -> bool {
        if *self == Self::default() {
            return true;
        }
        Subject::of(&record.body).is_none_or(|subject| self.match_subject(&subject))
    }

    /// As the `recording` line tells them.
    pub fn to_wire(&self) -> schema::Filters {
        let Self {
            target_pid,
            sender_pid,
            container,
            image,
            pod,
            namespace,
            unit,
            cgroup,
            comm,
            signal,
        } = self;
        let texts = |globs: &[Glob]| globs.iter().map(|glob| glob.text().to_owned()).collect();
        schema::Filters {
            target_pid: target_pid.clone(),
            sender_pid: sender_pid.clone(),
            container: texts(container),
            image: texts(image),
            pod: texts(pod),
            namespace: texts(namespace),
            unit: texts(unit),
            cgroup: texts(cgroup),
            comm: texts(comm),
            signal: signal.iter().map(|signal| signal.name()).collect(),
        }
    }

    fn match_subject(&self, subject: &Subject<'_>) -> bool {
        let Self {
            target_pid,
            sender_pid,
            container,
            image,
            pod,
            namespace,
            unit,
            cgroup,
            comm,
            signal,
        } = self;
        let Subject { processes, workload, senders, signals } = subject;
        let paths = || {
            let of_processes = processes.iter().filter_map(|p| p.cgroup_path.as_deref());
            of_processes.chain(workload.and_then(|it| it.cgroup_path.as_deref()))
        };
        let identities = || {
            let of_processes = processes.iter().map(|process| process.identity());
            of_processes.chain(workload.map(WorkloadRef::identity))
        };
        any(target_pid, |pid| processes.iter().any(|p| p.process.id.pid == *pid))
            && any(sender_pid, |pid| {
                let mut senders = senders.iter().filter_map(|sender| sender.process.as_ref());
                senders.any(|sender| sender.process.id.pid == *pid)
            })
            && any(container, |glob| identities().any(|it| is_container(glob, &it)))
            && any(image, |glob| identities().any(|it| it.image.is_some_and(|i| glob.matches(i))))
            && any(pod, |glob| identities().any(|it| is_pod(glob, &it)))
            && any(namespace, |glob| {
                identities().any(|it| it.namespace.is_some_and(|name| glob.matches(name)))
            })
            && any(unit, |glob| {
                let mut units = identities().filter_map(|it| it.unit.map(escape::for_json));
                units.any(|unit| is_unit(glob, &unit))
            })
            && any(cgroup, |glob| paths().any(|path| is_in_cgroup(glob, path)))
            && any(comm, |glob| {
                let mut comms = processes.iter().map(|p| p.process.comm);
                comms.any(|comm| glob.matches(&escape::for_json(comm.as_bytes())))
            })
            && any(signal, |signal| signals.contains(signal))
    }
}

/// By name (also the one in its pod), or by the first digits of its id.
fn is_container(glob: &Glob, identity: &Identity<'_>) -> bool {
    let mut names = [identity.name, identity.pod_container].into_iter().flatten();
    let of_id = || {
        let id = identity.container_id?.to_ascii_lowercase();
        let wanted = glob.text().to_ascii_lowercase();
        let is_prefix = wanted.len() >= SHORTEST_ID && id.starts_with(&wanted);
        Some(glob.matches(&id) || (!glob.has_wildcards() && is_prefix))
    };
    let is_container = identity.kind == Kind::Container;
    is_container && (names.any(|name| glob.matches(name)) || of_id() == Some(true))
}

fn is_pod(glob: &Glob, identity: &Identity<'_>) -> bool {
    let mut names = [identity.pod, identity.pod_uid.as_deref()].into_iter().flatten();
    names.any(|name| glob.matches(name))
}

impl<'a> Subject<'a> {
    /// `None` for what marks the session.
    fn of(body: &'a RecordBody) -> Option<Self> {
        Some(match body {
            RecordBody::Signal(record) => Self {
                processes: vec![&record.target],
                senders: vec![&record.sender],
                signals: vec![record.signal],
                workload: None,
            },
            RecordBody::Delivery(record) => {
                Self { signals: vec![record.signal], ..Self::about(&record.process) }
            }
            RecordBody::Exit(record) => Self {
                signals: record.status.signal().into_iter().collect(),
                ..Self::about(&record.process)
            },
            RecordBody::Reap(record) => Self::about(&record.process),
            RecordBody::Zombie(record) => Self::about(&record.process),
            RecordBody::Oom(record) => Self::about(&record.process),
            RecordBody::Finding(record) => {
                Self { workload: Some(&record.workload), ..Self::about(&record.process) }
            }
            RecordBody::Shutdown(record) => {
                let processes = &record.processes;
                let of_processes = processes.iter().filter_map(|report| report.stop.as_ref());
                let stops: Vec<_> = record.stop.iter().chain(of_processes).collect();
                let deaths = processes.iter().filter_map(|report| report.status?.signal());
                Self {
                    processes: processes.iter().map(|report| &report.process).collect(),
                    workload: Some(&record.workload),
                    senders: stops.iter().map(|stop| &stop.sender).collect(),
                    signals: stops.iter().map(|stop| stop.signal).chain(deaths).collect(),
                }
            }
            RecordBody::Loss(_) | RecordBody::End(_) => return None,
        })
    }

    fn about(process: &'a ProcessRef) -> Self {
        Self { processes: vec![process], ..Self::default() }
    }
}

/// Whether one of `wanted` matches, or nothing is wanted.
fn any<T>(wanted: &[T], matches: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(matches)
}

/// As systemctl does: a name without type is a service.
fn is_unit(glob: &Glob, unit: &str) -> bool {
    glob.matches(unit) || unit.strip_suffix(".service").is_some_and(|name| glob.matches(name))
}

fn is_in_cgroup(glob: &Glob, path: &[u8]) -> bool {
    let path = escape::for_json(path);
    if glob.has_wildcards() {
        return glob.matches(&path);
    }
    let prefix = glob.text().trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
