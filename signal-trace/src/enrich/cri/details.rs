//! What is read out of the answers of a runtime: annotations and labels of the kubelet, and the JSON
//! that a runtime adds. Anybody may have written any of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use signal_trace_core::workload::Kubernetes;

use super::messages::{ImageSpec, PodSandboxStatus};
use crate::enrich::text::Text;

/// Words of a preStop command, at most.
const MAX_COMMAND: usize = 64;

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
pub fn image(spec: &ImageSpec, config: Option<ContainerConfig>) -> Option<String> {
    let asked = config.and_then(|config| config.image).unwrap_or_default();
    text(&spec.user_specified_image)
        .or_else(|| text(&asked.user_specified_image))
        .or_else(|| text(&spec.image))
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
    let words = handler.exec?.command.into_iter().take(MAX_COMMAND);
    let command: Vec<_> = words.map(|word| Text::of(word.as_bytes()).0).collect();
    (!command.is_empty()).then_some(command)
}

/// The pod of a sandbox.
pub fn pod(status: PodSandboxStatus) -> Kubernetes {
    let metadata = status.metadata.unwrap_or_default();
    Kubernetes {
        namespace: text(&metadata.namespace),
        pod: text(&metadata.name),
        uid: text(&metadata.uid),
        ..Kubernetes::default()
    }
}

/// A text that may be absent.
pub fn text(text: &str) -> Option<String> {
    Text::of(text.as_bytes()).given()
}
