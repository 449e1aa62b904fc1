//! Workloads by name.

use super::event::name;
use crate::{
    escape,
    sinks::schema::{Kubernetes, Workload},
};

/// Digits of a container's id that people read.
const SHORT_ID: usize = 12;

/// `container web (docker 9f2c…, image acme/web:3)`, `container app of pod shop/web-0 (containerd …)`,
/// `unit nginx.service`, `cgroup /x`, `process sh[901]`.
pub fn workload_name(workload: &Workload) -> String {
    if let Some(root) = &workload.process {
        return format!("process {}", name(root));
    }
    match workload.kind.as_ref() {
        "container" => container(workload),
        "unit" => format!("unit {}", text(workload.unit.as_deref().unwrap_or_default())),
        _ => workload.cgroup.as_ref().map_or_else(
            || "cgroup of unknown path".to_owned(),
            |path| format!("cgroup {}", text(path)),
        ),
    }
}

fn container(workload: &Workload) -> String {
    let id = workload.id.as_deref().map(short);
    let nobody = Kubernetes::default();
    let kubernetes = workload.kubernetes.as_ref().unwrap_or(&nobody);
    let name = kubernetes.container.as_deref().or(workload.name.as_deref()).map(text);
    let pod = match (&kubernetes.namespace, &kubernetes.pod, &kubernetes.uid) {
        (Some(namespace), Some(pod), _) => format!(" of pod {}/{}", text(namespace), text(pod)),
        (None, Some(pod), _) => format!(" of pod {}", text(pod)),
        (_, None, Some(uid)) => format!(" of pod {}", text(uid)),
        (_, None, None) => String::new(),
    };
    // The id is the name where there is no better one.
    let more_id = id.clone().filter(|_| name.is_some());
    let runtime = workload.runtime.as_deref().map(text);
    let runtime_and_id = [runtime, more_id].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let image = workload.image.as_deref().map(|image| format!("image {}", text(image)));
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
pub fn place(workload: &Workload) -> String {
    match workload.kind.as_ref() {
        "container" => {
            let kubernetes = workload.kubernetes.as_ref();
            let own = kubernetes.and_then(|it| it.container.as_deref());
            let own = own.or(workload.name.as_deref()).map(text);
            let own = own.or_else(|| workload.id.as_deref().map(short));
            let pod = kubernetes.and_then(|it| it.namespace.as_deref().zip(it.pod.as_deref()));
            let pod = pod.map(|(namespace, pod)| format!("{}/{}/", text(namespace), text(pod)));
            own.map_or_else(String::new, |own| format!(" in {}{own}", pod.unwrap_or_default()))
        }
        "unit" => format!(" in {}", text(workload.unit.as_deref().unwrap_or_default())),
        _ => String::new(),
    }
}

fn short(id: &str) -> String {
    text(&id.chars().take(SHORT_ID).collect::<String>())
}

/// A name on a line: escaped, and no longer than people read.
fn text(name: &str) -> String {
    const LONGEST: usize = 255;
    let bytes = escape::from_json(name);
    if bytes.len() <= LONGEST {
        return escape::for_text(&bytes).into_owned();
    }
    format!("{}…", escape::for_text(&bytes[..LONGEST]))
}
