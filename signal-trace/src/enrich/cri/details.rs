//! What is read out of the answers of a runtime: annotations and labels of the kubelet, and the JSON
//! that a runtime adds. Anybody may have written any of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use signal_trace_core::{
    time::SECOND,
    workload::{Configured, Kubernetes, Source},
};

use super::messages::{ImageSpec, PodSandboxStatus};

/// Words of a preStop command, at most.
const MAX_COMMAND: usize = 64;

/// Bytes of one text that is kept, at most.
const MAX_TEXT: usize = 4096;

/// Labels of a pod that tell workloads apart.
const LABELS: [&str; 6] = [
    "app",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "k8s-app",
];

/// What a runtime adds for a container in `info`; the same in containerd and CRI-O.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ContainerInfo {
    /// Its first process.
    pub pid: Option<u32>,
    /// Id of its sandbox.
    #[serde(rename = "sandboxID")]
    pub sandbox: Option<String>,
    /// As the kubelet asked for it; containerd only.
    pub config: Option<ContainerConfig>,
}

/// What the kubelet asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ContainerConfig {
    image: Option<ConfigImage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfigImage {
    user_specified_image: String,
}

/// The same for a sandbox.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SandboxInfo {
    /// Its first process.
    pub pid: Option<u32>,
}

/// The same for an image.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ImageInfo {
    #[serde(rename = "imageSpec")]
    spec: Option<ImageSpecInfo>,
}

impl ImageInfo {
    /// The image's `StopSignal`, if it sets one.
    pub fn stop_signal(self) -> Option<String> {
        self.spec?.config?.stop_signal.filter(|name| !name.is_empty())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ImageSpecInfo {
    config: Option<ImageConfig>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ImageConfig {
    #[serde(rename = "StopSignal")]
    stop_signal: Option<String>,
}

/// Reads the entry `info`. It is there for debugging, so there may be anything in it, or nothing.
pub fn read<'a, T: Default + Deserialize<'a>>(info: &'a BTreeMap<String, String>) -> T {
    info.get("info").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// The image as it was asked for, as far as the runtime still knows.
pub fn image(spec: ImageSpec, config: Option<ContainerConfig>) -> Option<String> {
    let asked = config.and_then(|config| config.image).unwrap_or_default();
    text(spec.user_specified_image)
        .or_else(|| text(asked.user_specified_image))
        .or_else(|| text(spec.image))
}

/// `terminationGracePeriodSeconds` of the pod, which the kubelet notes at each container.
pub fn grace(annotations: &BTreeMap<String, String>) -> Option<Configured<u64>> {
    let seconds: u64 = annotations.get("io.kubernetes.pod.terminationGracePeriod")?.parse().ok()?;
    Some(Configured { value: seconds.saturating_mul(SECOND), source: Source::Kubernetes })
}

/// A lifecycle handler of the pod's specification, if it is one that runs a command.
#[derive(Deserialize)]
struct Handler {
    exec: Option<Exec>,
}

#[derive(Deserialize)]
struct Exec {
    #[serde(default)]
    command: Vec<String>,
}

/// The command of the preStop hook, which the kubelet notes likewise.
pub fn pre_stop(annotations: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let json = annotations.get("io.kubernetes.container.preStopHandler")?;
    let handler: Handler = serde_json::from_str(json).ok()?;
    let words = handler.exec?.command.into_iter().take(MAX_COMMAND).map(cut);
    let command: Vec<_> = words.collect();
    (!command.is_empty()).then_some(command)
}

/// Pod and container by the kubelet's labels; `None` if it did not make the container.
pub fn pod_of(labels: &BTreeMap<String, String>) -> Option<Kubernetes> {
    let label = |name: &str| labels.get(name).cloned().and_then(text);
    let pod = Kubernetes {
        namespace: label("io.kubernetes.pod.namespace"),
        pod: label("io.kubernetes.pod.name"),
        uid: label("io.kubernetes.pod.uid"),
        container: label("io.kubernetes.container.name"),
        ..Kubernetes::default()
    };
    (pod != Kubernetes::default()).then_some(pod)
}

/// The pod of a sandbox.
pub fn pod(status: PodSandboxStatus) -> Kubernetes {
    let metadata = status.metadata.unwrap_or_default();
    Kubernetes {
        namespace: text(metadata.namespace),
        pod: text(metadata.name),
        uid: text(metadata.uid),
        ..Kubernetes::default()
    }
}

/// The labels that tell workloads apart.
pub fn keep(labels: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let kept = LABELS.iter().filter_map(|name| Some((*name, labels.get(*name)?)));
    kept.map(|(name, value)| (name.into(), cut(value.clone()))).collect()
}

/// A text that may be absent.
pub fn text(text: String) -> Option<String> {
    (!text.is_empty()).then(|| cut(text))
}

/// Cuts a text where a character begins.
fn cut(mut text: String) -> String {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text
}
