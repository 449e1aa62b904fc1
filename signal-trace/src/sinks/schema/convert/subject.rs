//! Processes and workloads on the wire.

use std::borrow::Cow;

use signal_trace_core::{
    event::Process as CoreProcess,
    identity::Identity,
    ids::ProcessId,
    output::{ProcessRef, WorkloadRef},
    time::ClockAnchor,
    workload::{Kind, Runtime, Workload as Known},
};

use super::super::{Kubernetes, Process, StopSignal, Time, Workload};
use crate::escape;

pub(super) fn process_ref(process: &ProcessRef, clock: &ClockAnchor) -> Process {
    // What it belongs to stands beside it.
    let ProcessRef { process, cgroup_path, workload: _ } = process;
    process_of(process, cgroup_path.as_deref(), clock)
}

pub(super) fn process_of(
    process: &CoreProcess,
    cgroup: Option<&[u8]>,
    clock: &ClockAnchor,
) -> Process {
    // Process group, namespace, cgroup id and state bits matter to the engine only.
    let CoreProcess {
        id,
        parent,
        pgid: _,
        ns_pid,
        ns_level: _,
        ns_inum: _,
        uid,
        cgroup: _,
        comm,
        flags: _,
    } = process;
    Process {
        pid: id.pid,
        start_time: Time::of(id.start(), clock),
        comm: escape::for_json(comm.as_bytes()),
        ppid: parent.map(|parent| parent.pid),
        uid: *uid,
        ns_pid: Some(*ns_pid).filter(|pid| *pid > 0),
        cgroup: cgroup.map(escape::for_json),
    }
}

pub(super) fn workload_of(workload: &WorkloadRef, clock: &ClockAnchor) -> Workload {
    let WorkloadRef { cgroup: _, cgroup_path, known, root } = workload;
    let path = cgroup_path.as_deref();
    let described = describe(path, known.as_deref());
    let Some(root) = root else { return described };
    let ProcessId { pid, start_ticks } = root.id;
    Workload {
        kind: "process".into(),
        id: Some(format!("{pid}:{start_ticks}")),
        name: Some(escape::for_json(root.comm.as_bytes())),
        process: Some(process_of(root, path, clock)),
        ..described
    }
}

/// The container or unit that a process is in.
pub(super) fn workload_around(process: &ProcessRef) -> Option<Box<Workload>> {
    let ProcessRef { process: _, cgroup_path, workload } = process;
    let described = describe(cgroup_path.as_deref(), workload.as_deref());
    (process.identity().kind != Kind::Cgroup).then(|| Box::new(described))
}

fn describe(path: Option<&[u8]>, known: Option<&Known>) -> Workload {
    let cgroup = path.map(escape::for_json);
    let identity = Identity::of(path, known);
    let text = |text: Option<&str>| text.map(str::to_owned);
    let unit = identity.unit.map(escape::for_json);
    let (id, name) = match identity.kind {
        Kind::Container => (text(identity.container_id), text(identity.name)),
        Kind::Unit => (unit.clone(), unit.clone()),
        Kind::Cgroup => {
            let last = cgroup.as_deref().and_then(|path| path.rsplit('/').next());
            (cgroup.clone(), last.map(str::to_owned))
        }
    };
    let of_api = known.and_then(|known| known.kubernetes.as_ref());
    let in_pod = identity.pod_uid.is_some() || of_api.is_some();
    let stop_signal = known.and_then(|known| known.stop_signal);
    Workload {
        kind: identity.kind.name().into(),
        id,
        name,
        runtime: identity.runtime.map(|runtime| Runtime::name(runtime).into()),
        image: text(identity.image),
        kubernetes: in_pod.then(|| Kubernetes {
            namespace: text(identity.namespace),
            pod: text(identity.pod),
            uid: identity.pod_uid.map(Cow::into_owned),
            container: text(identity.pod_container),
            owner: of_api.and_then(|pod| pod.owner.clone()),
            deletion_timestamp: of_api.and_then(|pod| pod.deletion_timestamp.clone()),
        }),
        unit,
        labels: known.map(|known| known.labels.iter().cloned().collect()).unwrap_or_default(),
        stop_signal: stop_signal
            .map(|set| StopSignal { signal: set.value.name(), source: set.source.name().into() }),
        process: None,
        cgroup,
    }
}
