//! Workloads by name.

use signal_trace_core::{
    identity::Identity,
    output::{ProcessRef, WorkloadRef},
    workload::Kind,
};

use super::event::name_of;
use crate::escape;

/// Digits of a container's id that people read.
const SHORT_ID: usize = 12;

/// `container web (docker 9f2c…, image acme/web:3)`, `container app of pod shop/web-0 (containerd …)`,
/// `unit nginx.service`, `cgroup /x`, `process sh[901]`.
pub fn workload_name(workload: &WorkloadRef) -> String {
    let WorkloadRef { cgroup: _, cgroup_path, known, root } = workload;
    if let Some(root) = root {
        return format!("process {}", name_of(root));
    }
    let path = cgroup_path.as_deref();
    if path.is_none() && known.is_none() {
        return "cgroup of unknown path".to_owned();
    }
    let identity = workload.identity();
    match identity.kind {
        Kind::Container => container(&identity),
        Kind::Unit => format!("unit {}", text(identity.unit.unwrap_or_default())),
        Kind::Cgroup => format!("cgroup {}", text(path.unwrap_or_default())),
    }
}

fn container(identity: &Identity<'_>) -> String {
    let id = identity.container_id.map(short);
    let name = identity.pod_container.or(identity.name).map(of_str);
    let pod = match (identity.namespace, identity.pod, identity.pod_uid.as_deref()) {
        (Some(namespace), Some(pod), _) => format!(" of pod {}/{}", of_str(namespace), of_str(pod)),
        (None, Some(pod), _) => format!(" of pod {}", of_str(pod)),
        (_, None, Some(uid)) => format!(" of pod {}", of_str(uid)),
        (_, None, None) => String::new(),
    };
    // The id is the name where there is no better one.
    let more_id = id.clone().filter(|_| name.is_some());
    let runtime = identity.runtime.map(|runtime| runtime.name().to_owned());
    let runtime_and_id = [runtime, more_id].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let image = identity.image.map(|image| format!("image {}", of_str(image)));
    let details: Vec<_> = [Some(runtime_and_id).filter(|text| !text.is_empty()), image]
        .into_iter()
        .flatten()
        .collect();
    let details = match details.join(", ") {
        none if none.is_empty() => none,
        details => format!(" ({details})"),
    };
    format!("container {}{pod}{details}", name.or(id).unwrap_or_else(|| "of unknown id".to_owned()))
}

/// ` in web`, ` in shop/web-0/app`, ` in nginx.service`: where a process is; nothing for a plain
/// cgroup.
pub fn place(process: &ProcessRef) -> String {
    let identity = process.identity();
    match identity.kind {
        Kind::Container => {
            let own = identity.pod_container.or(identity.name).map(of_str);
            let own = own.or_else(|| identity.container_id.map(short));
            let pod = identity.namespace.zip(identity.pod);
            let pod = pod.map(|(namespace, pod)| format!("{}/{}/", of_str(namespace), of_str(pod)));
            own.map_or_else(String::new, |own| format!(" in {}{own}", pod.unwrap_or_default()))
        }
        Kind::Unit => format!(" in {}", text(identity.unit.unwrap_or_default())),
        Kind::Cgroup => String::new(),
    }
}

fn short(id: &str) -> String {
    of_str(&id.chars().take(SHORT_ID).collect::<String>())
}

fn of_str(name: &str) -> String {
    text(name.as_bytes())
}

/// A name on a line: escaped, and no longer than people read.
fn text(name: &[u8]) -> String {
    const LONGEST: usize = 255;
    if name.len() <= LONGEST {
        return escape::for_text(name).into_owned();
    }
    format!("{}…", escape::for_text(&name[..LONGEST]))
}
