//! The files in one container's folder.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use signal_trace_core::workload::{Kind, Runtime, Workload};

use crate::enrich::{annotations::Annotations, docker, files, text::Text};

/// runc's `state.json`.
#[derive(Debug, Deserialize)]
pub(super) struct Runc {
    init_process_pid: Option<u32>,
    /// Folder of the container's cgroup, by controller; by the empty string that of v2.
    #[serde(default)]
    pub cgroup_paths: BTreeMap<String, String>,
    #[serde(default)]
    config: RuncConfig,
}

#[derive(Debug, Default, Deserialize)]
struct RuncConfig {
    /// The bundle's annotations, and where the bundle is: `key=value`.
    #[serde(default)]
    labels: Annotations,
}

/// crun's `status`.
#[derive(Debug, Deserialize)]
pub(super) struct Crun {
    pid: Option<u32>,
    /// Relative to the root of every hierarchy.
    #[serde(rename = "cgroup-path")]
    pub cgroup_path: Option<Text>,
}

/// The `config.json` of a bundle.
#[derive(Debug, Default, Deserialize)]
struct Bundle {
    #[serde(default)]
    annotations: Annotations,
}

pub(super) fn runc(folder: &Path) -> Option<Runc> {
    files::json(&folder.join("state.json"))
}

pub(super) fn crun(folder: &Path) -> Option<Crun> {
    files::json(&folder.join("status"))
}

/// What `folder` says of the container `id`. `runtime` is whose folder it is, if that is known.
pub(super) fn read(folder: &Path, id: &str, runtime: Option<Runtime>) -> Option<Workload> {
    if !files::is_folder(folder) {
        return None;
    }
    if let Some(docker) = files::json::<docker::Inspect>(&folder.join("config.v2.json")) {
        return docker.workload(id).ok();
    }
    if let Some(state) = runc(folder) {
        let pid1 = state.init_process_pid;
        return Some(workload(id, &state.config.labels, pid1, runtime.or(Some(Runtime::Runc))));
    }
    let bundle = |name: &str| files::json::<Bundle>(&folder.join(name));
    if let Some(status) = crun(folder) {
        let annotations = bundle("config.json").unwrap_or_default().annotations;
        return Some(workload(id, &annotations, status.pid, runtime.or(Some(Runtime::Crun))));
    }
    let Bundle { annotations } =
        bundle("config.json").or_else(|| bundle("userdata/config.json"))?;
    // Beside containerd's bundle.
    let pid1 = files::json::<u32>(&folder.join("init.pid"));
    Some(workload(id, &annotations, pid1, runtime))
}

fn workload(
    id: &str,
    annotations: &Annotations,
    pid1: Option<u32>,
    runtime: Option<Runtime>,
) -> Workload {
    let engine = match annotations.manager() {
        Some("libpod") => Some(Runtime::Podman),
        Some("cri-o") => Some(Runtime::CriO),
        _ => annotations.is_containerd_cri().then_some(Runtime::Containerd),
    };
    let kubernetes = annotations.kubernetes();
    Workload {
        kind: Kind::Container,
        sandbox: annotations.is_sandbox(),
        runtime: engine.or(runtime),
        id: Some(Text::of(id.as_bytes()).0),
        name: kubernetes.as_ref().and_then(|pod| pod.container.clone()),
        image: annotations.image(),
        kubernetes,
        labels: annotations.labels(),
        pid1: pid1.filter(|pid| *pid != 0),
        stop_signal: annotations.stop_signal(),
        grace_ns: annotations.grace(),
        ..Workload::default()
    }
}
