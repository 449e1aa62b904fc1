//! Workloads, processes and senders as attributes: by the semantic conventions of OpenTelemetry
//! where those have a name, else below `signal_trace.` and named as in the JSON contract.
//! `docs/otlp.md` lists them all.

use std::borrow::Cow;

use super::{
    super::schema::{Exit, Kubernetes, Process, Sender, Workload},
    attributes::Attributes,
    image::Image,
};
use crate::{escape, metrics};

/// Kinds of owners that have an attribute of their own (`k8s.deployment.name`).
const OWNERS: [&str; 7] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
];

/// Sets what is known of a workload.
pub fn workload(attributes: &mut Attributes, workload: &Workload) {
    let Workload {
        kind,
        id,
        name,
        runtime,
        image,
        cgroup,
        kubernetes,
        unit,
        labels,
        stop_signal,
        // Its pid is in the id.
        process: _,
    } = workload;
    let of_container = |text: &Option<String>| text.clone().filter(|_| kind == "container");
    attributes.set("signal_trace.workload.kind", &**kind);
    attributes.set("signal_trace.workload.name", &*metrics::stable_name(workload));
    if kind != "container" {
        attributes.set("signal_trace.workload.id", id.as_deref());
    }
    attributes.set("container.id", of_container(id));
    attributes.set("container.name", of_container(name));
    let Image { name, tag, repo_digest, id } =
        image.as_deref().map(Image::parse).unwrap_or_default();
    attributes.set("container.image.name", name);
    attributes.set("container.image.tags", Vec::from_iter(tag));
    attributes.set("container.image.repo_digests", Vec::from_iter(repo_digest));
    attributes.set("container.image.id", id);
    attributes.set("container.runtime.name", runtime.as_deref());
    if let Some(pod) = kubernetes {
        self::pod(attributes, pod);
    }
    attributes.set("signal_trace.workload.unit", unit.as_deref());
    attributes.set("signal_trace.workload.cgroup", cgroup.as_deref());
    // The CRI source tells the labels of the pod, not of its containers.
    let prefix = if kubernetes.is_some() { "k8s.pod.label" } else { "container.label" };
    for (key, value) in labels {
        attributes.set(format!("{prefix}.{key}"), value.as_str());
    }
    if let Some(configured) = stop_signal {
        attributes.set("signal_trace.workload.stop_signal", configured.signal.as_str());
        attributes.set("signal_trace.workload.stop_signal.source", &*configured.source);
    }
}

fn pod(attributes: &mut Attributes, kubernetes: &Kubernetes) {
    let Kubernetes { namespace, pod, uid, container, owner, deletion_timestamp } = kubernetes;
    attributes.set("k8s.namespace.name", namespace.as_deref());
    attributes.set("k8s.pod.name", pod.as_deref());
    attributes.set("k8s.pod.uid", uid.as_deref());
    attributes.set("k8s.container.name", container.as_deref());
    attributes.set("signal_trace.kubernetes.owner", owner.as_deref());
    if let Some((kind, name)) = owner.as_deref().and_then(|owner| owner.split_once('/'))
        && OWNERS.contains(&kind)
    {
        attributes.set(format!("k8s.{}.name", kind.to_ascii_lowercase()), name);
    }
    attributes.set("signal_trace.kubernetes.deletion_timestamp", deletion_timestamp.as_deref());
}

/// What the workload is called from one start to the next, if it is called anything: the same as in
/// the metrics.
pub fn stable_name(workload: &Workload) -> Option<Cow<'_, str>> {
    // In brackets is the kind of what has no name.
    Some(metrics::stable_name(workload)).filter(|name| !name.starts_with('('))
}

/// Sets what is known of a process.
pub fn process(attributes: &mut Attributes, process: &Process) {
    let Process { pid, start_time, comm, ppid, uid, ns_pid, cgroup } = process;
    attributes.set("process.pid", *pid);
    attributes.set("process.vpid", *ns_pid);
    attributes.set("process.parent_pid", *ppid);
    // The name of the main thread is what ps and top show, which is what a title is. It is not the
    // name of the executable, nor that of the command: a process calls itself as it likes.
    attributes.set("process.title", comm.as_str());
    attributes.set("process.creation.time", start_time.to_string());
    attributes.set("process.real_user.id", *uid);
    attributes.set("signal_trace.process.cgroup", cgroup.as_deref());
}

/// Sets how a process ended.
pub fn exit(attributes: &mut Attributes, exit: &Exit) {
    let Exit { code, signal, core_dumped, wait_status } = exit;
    attributes.set("process.exit.code", *code);
    attributes.set("signal_trace.exit.signal", signal.as_deref());
    attributes.set("signal_trace.exit.core_dumped", *core_dumped);
    attributes.set("signal_trace.exit.wait_status", *wait_status);
}

/// Sets who sent a signal.
pub fn sender(attributes: &mut Attributes, sender: &Sender) {
    let Sender { process, workload, role } = sender;
    attributes.set("signal_trace.sender.role", &**role);
    attributes.set("signal_trace.sender.pid", process.as_ref().map(|process| process.pid));
    let comm = process.as_ref().map(|process| process.comm.as_str());
    attributes.set("signal_trace.sender.comm", comm);
    let sent_by = workload.as_deref().and_then(stable_name);
    attributes.set("signal_trace.sender.workload", sent_by.as_deref());
}

/// The name of a process for people: in quotes where it could pass for something else.
pub fn name(process: &Process) -> String {
    escape::for_text(&escape::from_json(&process.comm)).into_owned()
}

/// `sh[901]`.
pub fn name_and_pid(process: &Process) -> String {
    format!("{}[{}]", name(process), process.pid)
}
