//! Containers of a Kubernetes node, as their runtime tells of them by the Container Runtime
//! Interface (containerd, CRI-O).

use std::{collections::BTreeMap, path::PathBuf};

use messages::{
    ContainerStatus, ContainerStatusRequest, ContainerStatusResponse, ImageSpec,
    ImageStatusRequest, ImageStatusResponse, PodSandboxStatus, PodSandboxStatusRequest,
    PodSandboxStatusResponse,
};
use prost::Message;
use serde::Deserialize;
use signal_trace_core::{
    labels::Labels,
    signal::Signal,
    time::SECOND,
    workload::{Configured, Kind, Kubernetes, Runtime, Source, Workload},
};

use super::{
    Failure, Subject,
    grpc::{CallError, Channel, DEADLINE, Status},
};

pub mod messages;

/// Where runtimes listen by default: the sockets of their packages, and k3s's own containerd.
pub const SOCKETS: [(&str, Runtime); 3] = [
    ("/run/containerd/containerd.sock", Runtime::Containerd),
    ("/run/crio/crio.sock", Runtime::CriO),
    ("/run/k3s/containerd/containerd.sock", Runtime::Containerd),
];

/// Images whose stop signal is remembered, at most.
const MAX_IMAGES: usize = 256;

/// Words of a preStop command, at most.
const MAX_COMMAND: usize = 64;

/// Bytes of one text that is kept, at most.
const MAX_TEXT: usize = 4096;

/// Labels that are kept, at most.
const MAX_LABELS: usize = 16;

/// Labels of a pod that tell workloads apart.
const LABELS: [&str; 6] = [
    "app",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "k8s-app",
];

/// The two versions that are in use; the newer first.
const VERSIONS: [&str; 2] = ["runtime.v1", "runtime.v1alpha2"];

/// A container runtime with its CRI socket.
#[derive(Debug)]
pub struct Cri {
    channel: Channel,
    runtime: Runtime,
    /// What the server that we are connected to speaks, of [`VERSIONS`].
    version: &'static str,
    /// Stop signals by image, `None` where the image sets none. An image never changes.
    images: BTreeMap<String, Option<Signal>>,
}

impl Cri {
    /// The `runtime` that listens at `socket`.
    pub const fn new(socket: PathBuf, runtime: Runtime) -> Self {
        let channel = Channel::new(socket);
        Self { channel, runtime, version: VERSIONS[0], images: BTreeMap::new() }
    }

    /// What the runtime knows of the container that lives there. It sees only what Kubernetes made
    /// (containerd's namespace `k8s.io`); of any other container it says that there is none.
    pub async fn look_up(&mut self, subject: &Subject) -> Result<Option<Workload>, Failure> {
        let Some(id) = Labels::of(&subject.path).container_id else { return Ok(None) };
        let answer = tokio::time::timeout(DEADLINE, self.ask(id)).await;
        answer.unwrap_or_else(|_| Err(Failure::Broken("no answer in time".into())))
    }

    async fn ask(&mut self, id: &str) -> Result<Option<Workload>, Failure> {
        if let Some(container) = self.container(id).await? {
            return Ok(Some(container));
        }
        let Some((status, info)) = self.sandbox(id).await? else { return Ok(None) };
        Ok(Some(Workload {
            sandbox: true,
            labels: keep(&status.labels),
            kubernetes: Some(pod(status)),
            pid1: info.pid.filter(|pid| *pid != 0),
            ..self.workload(id)
        }))
    }

    fn workload(&self, id: &str) -> Workload {
        Workload {
            kind: Kind::Container,
            runtime: Some(self.runtime),
            id: Some(id.to_owned()),
            ..Workload::default()
        }
    }

    async fn container(&mut self, id: &str) -> Result<Option<Workload>, Failure> {
        let question = ContainerStatusRequest { container_id: id.to_owned(), verbose: true };
        let answer = self.call("RuntimeService/ContainerStatus", &question).await;
        let Some(ContainerStatusResponse { status: Some(status), info }) = found(answer)? else {
            return Ok(None);
        };
        let info: ContainerInfo = read(&info);
        let kubernetes = pod_of(&status.labels);
        // Of the pod's labels the container has none: they are its sandbox's.
        let labels = match &info.sandbox {
            Some(sandbox) if kubernetes.is_some() => {
                self.sandbox(sandbox).await?.map(|(pod, _)| keep(&pod.labels))
            }
            _ => None,
        };
        Ok(Some(Workload {
            stop_signal: self.stop_signal(&status).await?,
            name: status.metadata.and_then(|metadata| text(metadata.name)),
            image: image(status.image.unwrap_or_default(), info.config),
            labels: labels.unwrap_or_else(|| keep(&status.labels)),
            kubernetes,
            pid1: info.pid.filter(|pid| *pid != 0),
            grace_ns: grace(&status.annotations),
            pre_stop: pre_stop(&status.annotations),
            ..self.workload(id)
        }))
    }

    async fn sandbox(
        &mut self,
        id: &str,
    ) -> Result<Option<(PodSandboxStatus, SandboxInfo)>, Failure> {
        let question = PodSandboxStatusRequest { pod_sandbox_id: id.to_owned(), verbose: true };
        let answer = self.call("RuntimeService/PodSandboxStatus", &question).await;
        let answer: Option<PodSandboxStatusResponse> = found(answer)?;
        Ok(answer.and_then(|answer| Some((answer.status?, read(&answer.info)))))
    }

    /// What the runtime will stop the container with; not known if its image has gone.
    async fn stop_signal(
        &mut self,
        status: &ContainerStatus,
    ) -> Result<Option<Configured<Signal>>, Failure> {
        let by = |value, source| Some(Configured { value, source });
        if let Some(signal) = messages::signal(status.stop_signal) {
            return Ok(by(signal, Source::Cri));
        }
        let name = match &status.image {
            Some(image) if status.image_ref.is_empty() => &image.image,
            _ => &status.image_ref,
        };
        Ok(match self.image_signal(name).await? {
            Some(Some(signal)) => by(signal, Source::Image),
            Some(None) => by(Signal::TERM, Source::Cri),
            None => None,
        })
    }

    /// What an image sets, `Some(None)` if it sets nothing; `None` if there is no such image.
    async fn image_signal(&mut self, name: &str) -> Result<Option<Option<Signal>>, Failure> {
        if name.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.images.get(name) {
            return Ok(Some(*known));
        }
        let image = ImageSpec { image: name.to_owned(), ..ImageSpec::default() };
        let question = ImageStatusRequest { image: Some(image), verbose: true };
        let answer = self.call("ImageService/ImageStatus", &question).await;
        let answer: Option<ImageStatusResponse> = found(answer)?;
        // An image that is not there is an answer without content here, not NOT_FOUND.
        let Some(answer) = answer.filter(|answer| !answer.info.is_empty()) else {
            return Ok(None);
        };
        let info: ImageInfo = read(&answer.info);
        let config = info.spec.and_then(|spec| spec.config).unwrap_or_default();
        let signal = match config.stop_signal.as_deref() {
            None | Some("") => None,
            Some(name) => match Signal::parse(name) {
                Some(signal) => Some(signal),
                // What the runtime makes of that is not for us to say.
                None => return Ok(None),
            },
        };
        // A name can be given to another image later, a digest cannot.
        if name.contains("sha256:") && name.len() <= MAX_TEXT {
            if self.images.len() >= MAX_IMAGES {
                self.images.clear();
            }
            self.images.insert(name.to_owned(), signal);
        }
        Ok(Some(signal))
    }

    /// Calls `method` (`Service/Method`) in the version that the server speaks.
    async fn call<A: Message + Default>(
        &mut self,
        method: &str,
        question: &impl Message,
    ) -> Result<A, CallError> {
        if !self.channel.is_connected() {
            // It may be another one by now.
            self.version = VERSIONS[0];
        }
        let answer = self.channel.call(&format!("/{}.{method}", self.version), question).await;
        match answer {
            Err(CallError::Status(status))
                if status.code == Status::UNIMPLEMENTED && self.version == VERSIONS[0] =>
            {
                let older = VERSIONS[1];
                let answer = self.channel.call(&format!("/{older}.{method}"), question).await;
                // It stays with the newer if it knows neither.
                if answer.is_ok() || !is_status(&answer, Status::UNIMPLEMENTED) {
                    self.version = older;
                }
                answer
            }
            answer => answer,
        }
    }
}

fn is_status<A>(answer: &Result<A, CallError>, code: u32) -> bool {
    matches!(answer, Err(CallError::Status(status)) if status.code == code)
}

/// The answer, `None` if there is no such thing.
fn found<A>(answer: Result<A, CallError>) -> Result<Option<A>, Failure> {
    if is_status(&answer, Status::NOT_FOUND) {
        return Ok(None);
    }
    Ok(Some(answer?))
}

/// What a runtime adds for a container in `info`; the same in containerd and CRI-O.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerInfo {
    pid: Option<u32>,
    #[serde(rename = "sandboxID")]
    sandbox: Option<String>,
    /// As the kubelet asked for it; containerd only.
    config: Option<ContainerConfig>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerConfig {
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
struct SandboxInfo {
    pid: Option<u32>,
}

/// The same for an image.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ImageInfo {
    #[serde(rename = "imageSpec")]
    spec: Option<ImageSpecInfo>,
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
fn read<'a, T: Default + Deserialize<'a>>(info: &'a BTreeMap<String, String>) -> T {
    info.get("info").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// The image as it was asked for, as far as the runtime still knows.
fn image(spec: ImageSpec, config: Option<ContainerConfig>) -> Option<String> {
    let asked = config.and_then(|config| config.image).unwrap_or_default();
    text(spec.user_specified_image)
        .or_else(|| text(asked.user_specified_image))
        .or_else(|| text(spec.image))
}

/// `terminationGracePeriodSeconds` of the pod, which the kubelet notes at each container.
fn grace(annotations: &BTreeMap<String, String>) -> Option<Configured<u64>> {
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
fn pre_stop(annotations: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let json = annotations.get("io.kubernetes.container.preStopHandler")?;
    let handler: Handler = serde_json::from_str(json).ok()?;
    let words = handler.exec?.command.into_iter().take(MAX_COMMAND).map(cut);
    let command: Vec<_> = words.collect();
    (!command.is_empty()).then_some(command)
}

/// Pod and container by the kubelet's labels; `None` if it did not make the container.
fn pod_of(labels: &BTreeMap<String, String>) -> Option<Kubernetes> {
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
fn pod(status: PodSandboxStatus) -> Kubernetes {
    let metadata = status.metadata.unwrap_or_default();
    Kubernetes {
        namespace: text(metadata.namespace),
        pod: text(metadata.name),
        uid: text(metadata.uid),
        ..Kubernetes::default()
    }
}

fn keep(labels: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let kept = LABELS.iter().filter_map(|name| Some((*name, labels.get(*name)?)));
    kept.take(MAX_LABELS).map(|(name, value)| (name.into(), cut(value.clone()))).collect()
}

/// A text that may be absent.
fn text(text: String) -> Option<String> {
    (!text.is_empty()).then(|| cut(text))
}

/// Cuts a text where a character begins.
fn cut(mut text: String) -> String {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    text
}

#[cfg(test)]
mod tests;
