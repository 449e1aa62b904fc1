//! FILTERS: which lines an output shows. The engine always sees everything.
//!
//! A line is shown if it matches every kind of filter that is given; of one kind, any will do.
//! Filters ask about the target unless their name says sender; what marks a session (`recording`,
//! `loss`, `end`) is always shown.

use clap::Args;
use signal_trace_core::{identity::Identity, signal::Signal, workload::Kind};

use crate::{
    cli::value::{self, Glob},
    escape,
    sinks::schema::{self, Body, Line, Process, Sender, Workload},
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

/// What a line is about.
#[derive(Default)]
struct Subject<'a> {
    processes: Vec<&'a Process>,
    workload: Option<&'a Workload>,
    senders: Vec<&'a Sender>,
    signals: Vec<&'a str>,
}

impl Filters {
    /// Whether everything is shown.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `line` is shown.
    pub fn allow(&self, line: &Line) -> bool {
        self.is_empty() || Subject::of(&line.body).is_none_or(|it| self.match_subject(&it))
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
            let of_processes = processes.iter().filter_map(|process| process.cgroup.as_deref());
            of_processes.chain(workload.and_then(|it| it.cgroup.as_deref()))
        };
        // A path tells who it is, too: a process can be in a container that is not the workload.
        let by_path = |matches: &dyn Fn(&Identity<'_>) -> bool| {
            paths().any(|path| matches(&Identity::of(Some(&escape::from_json(path)), None)))
        };
        any(target_pid, |pid| processes.iter().any(|process| process.pid == *pid))
            && any(sender_pid, |pid| {
                let mut senders = senders.iter().filter_map(|sender| sender.process.as_ref());
                senders.any(|sender| sender.pid == *pid)
            })
            && any(container, |glob| {
                workload.is_some_and(|it| is_container(glob, it))
                    || by_path(&|it| {
                        it.kind == Kind::Container
                            && it.container_id.is_some_and(|id| is_id(glob, id))
                    })
            })
            && any(image, |glob| {
                workload.is_some_and(|it| it.image.as_ref().is_some_and(|it| glob.matches(it)))
            })
            && any(pod, |glob| {
                workload.is_some_and(|it| is_pod(glob, it))
                    || by_path(&|it| it.pod_uid.as_deref().is_some_and(|uid| glob.matches(uid)))
            })
            && any(namespace, |glob| {
                let pod = workload.and_then(|it| it.kubernetes.as_ref());
                let namespace = pod.and_then(|pod| pod.namespace.as_ref());
                namespace.is_some_and(|name| glob.matches(name))
            })
            && any(unit, |glob| {
                workload.is_some_and(|it| it.unit.as_ref().is_some_and(|it| is_unit(glob, it)))
                    || by_path(&|it| it.unit.is_some_and(|it| is_unit(glob, &escape::for_json(it))))
            })
            && any(cgroup, |glob| paths().any(|path| is_in_cgroup(glob, path)))
            && any(comm, |glob| processes.iter().any(|process| glob.matches(&process.comm)))
            && any(signal, |signal| signals.contains(&signal.name().as_str()))
    }
}

/// By name (also the one in its pod), or by the first digits of its id.
fn is_container(glob: &Glob, workload: &Workload) -> bool {
    let in_pod = workload.kubernetes.as_ref().and_then(|pod| pod.container.as_deref());
    let mut names = [workload.name.as_deref(), in_pod].into_iter().flatten();
    workload.kind == "container"
        && (names.any(|name| glob.matches(name))
            || workload.id.as_deref().is_some_and(|id| is_id(glob, id)))
}

fn is_id(glob: &Glob, id: &str) -> bool {
    let (id, wanted) = (id.to_ascii_lowercase(), glob.text().to_ascii_lowercase());
    let is_prefix = wanted.len() >= SHORTEST_ID && id.starts_with(&wanted);
    glob.matches(&id) || (!glob.has_wildcards() && is_prefix)
}

fn is_pod(glob: &Glob, workload: &Workload) -> bool {
    let pod = workload.kubernetes.as_ref();
    let names = pod.map(|pod| [pod.pod.as_deref(), pod.uid.as_deref()]);
    names.into_iter().flatten().flatten().any(|name| glob.matches(name))
}

impl<'a> Subject<'a> {
    /// `None` for what marks the session.
    fn of(body: &'a Body) -> Option<Self> {
        let about = |process: &'a Process, workload: Option<&'a Workload>| Self {
            processes: vec![process],
            workload,
            ..Self::default()
        };
        Some(match body {
            Body::Signal(line) => Self {
                senders: vec![&line.sender],
                signals: vec![&line.signal.name],
                ..about(&line.target.process, line.target.workload.as_deref())
            },
            Body::Delivery(line) => Self {
                signals: vec![&line.signal.name],
                ..about(&line.process, line.workload.as_deref())
            },
            Body::Exit(line) => Self {
                signals: line.exit.signal.as_deref().into_iter().collect(),
                ..about(&line.process, line.workload.as_deref())
            },
            Body::Reap(line) => about(&line.process, line.workload.as_deref()),
            Body::Zombie(line) => about(&line.process, line.workload.as_deref()),
            Body::Oom(line) => about(&line.process, line.workload.as_deref()),
            Body::Finding(line) => about(&line.process, Some(&line.workload)),
            Body::Shutdown(line) => {
                let of_processes = line.processes.iter().filter_map(|it| it.stop.as_ref());
                let stops: Vec<_> = line.stop.iter().chain(of_processes).collect();
                let ends = line.processes.iter().filter_map(|it| it.exit.as_ref());
                let deaths = ends.filter_map(|exit| exit.signal.as_deref());
                Self {
                    processes: line.processes.iter().map(|it| &it.process).collect(),
                    workload: Some(&line.workload),
                    senders: stops.iter().map(|stop| &stop.sender).collect(),
                    signals: stops.iter().map(|stop| stop.signal.as_str()).chain(deaths).collect(),
                }
            }
            Body::Recording(_) | Body::Loss(_) | Body::End(_) => return None,
        })
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

fn is_in_cgroup(glob: &Glob, path: &str) -> bool {
    if glob.has_wildcards() {
        return glob.matches(path);
    }
    let prefix = glob.text().trim_end_matches('/');
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
