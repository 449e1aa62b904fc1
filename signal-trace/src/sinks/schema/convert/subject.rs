//! Processes and workloads on the wire.

use signal_trace_core::{
    event::Process as CoreProcess,
    ids::ProcessId,
    labels::Labels,
    output::{ProcessRef, WorkloadRef},
    time::{BootNs, ClockAnchor},
    workload::{Kind, Runtime},
};

use super::super::{Kubernetes, Process, Time, Workload};
use crate::escape;

pub(super) fn process_ref(process: &ProcessRef, clock: &ClockAnchor) -> Process {
    let ProcessRef { process, cgroup_path } = process;
    process_of(process, cgroup_path.as_deref(), clock)
}

pub(super) fn process_of(
    process: &CoreProcess,
    cgroup: Option<&[u8]>,
    clock: &ClockAnchor,
) -> Process {
    // Process group, namespace, cgroup id and state bits matter to the engine only.
    let CoreProcess {
        id: ProcessId { pid, start_ticks },
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
        pid: *pid,
        start_time: Time::of(BootNs(start_ticks.saturating_mul(ProcessId::TICK_NS)), clock),
        comm: escape::for_json(comm.as_bytes()),
        ppid: parent.map(|parent| parent.pid),
        uid: *uid,
        ns_pid: Some(*ns_pid).filter(|pid| *pid > 0),
        cgroup: cgroup.map(escape::for_json),
    }
}

pub(super) fn workload_of(workload: &WorkloadRef, clock: &ClockAnchor) -> Workload {
    let WorkloadRef { cgroup: _, cgroup_path, root } = workload;
    let path = cgroup_path.as_deref();
    let cgroup = path.map(escape::for_json);
    let labels = path.map(Labels::of).unwrap_or_default();
    let unit = labels.unit.map(escape::for_json);
    let (kind, id, name) = match (root, labels.kind) {
        (Some(root), _) => {
            let ProcessId { pid, start_ticks } = root.id;
            let name = escape::for_json(root.comm.as_bytes());
            ("process", Some(format!("{pid}:{start_ticks}")), Some(name))
        }
        (None, Kind::Container) => ("container", labels.container_id.map(str::to_owned), None),
        (None, Kind::Unit) => ("unit", unit.clone(), unit.clone()),
        (None, Kind::Cgroup) => {
            let last = cgroup.as_deref().and_then(|path| path.rsplit('/').next());
            ("cgroup", cgroup.clone(), last.map(str::to_owned))
        }
    };
    Workload {
        kind,
        id,
        name,
        runtime: labels.runtime.map(Runtime::name),
        image: None,
        kubernetes: labels.pod_uid().map(|uid| Kubernetes {
            namespace: None,
            pod: None,
            uid: Some(uid),
            container: None,
        }),
        unit,
        process: root.as_ref().map(|root| process_of(root, path, clock)),
        cgroup,
    }
}
