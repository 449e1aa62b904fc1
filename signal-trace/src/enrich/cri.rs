//! Containers of a Kubernetes node, as their runtime tells of them by the Container Runtime
//! Interface (containerd, CRI-O).

use std::{collections::BTreeMap, path::PathBuf};

use details::{ContainerInfo, ImageInfo, SandboxInfo, image, pod, pre_stop, read, text};
use messages::{
    ContainerStatus, ContainerStatusRequest, ContainerStatusResponse, ImageSpec,
    ImageStatusRequest, ImageStatusResponse, PodSandboxStatus, PodSandboxStatusRequest,
    PodSandboxStatusResponse,
};
use prost::Message;
use signal_trace_core::{
    labels::Labels,
    signal::Signal,
    workload::{Configured, Kind, Runtime, Source, Workload},
};

use super::{Failure, Subject, annotations::Annotations, http::DEADLINE};
use crate::net::{
    Peer,
    grpc::{CallError, Channel, Status},
};

mod details;
pub mod messages;

/// Where runtimes listen by default: the sockets of their packages, and k3s's own containerd.
pub const SOCKETS: [(&str, Runtime); 3] = [
    ("/run/containerd/containerd.sock", Runtime::Containerd),
    ("/run/crio/crio.sock", Runtime::CriO),
    ("/run/k3s/containerd/containerd.sock", Runtime::Containerd),
];

/// Images whose stop signal is remembered, at most.
const MAX_IMAGES: usize = 256;

/// Bytes of the name of such an image, at most.
const MAX_NAME: usize = 512;

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
    pub fn new(socket: PathBuf, runtime: Runtime) -> Self {
        let channel = Channel::new(Peer::Unix(socket), DEADLINE);
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
            labels: Annotations::of(&status.labels).labels(),
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
        let own = Annotations::of(&status.labels);
        let kubernetes = own.kubernetes();
        // Of the pod's labels the container has none: they are its sandbox's.
        let labels = match &info.sandbox {
            Some(sandbox) if kubernetes.is_some() => {
                self.sandbox(sandbox).await?.map(|(pod, _)| Annotations::of(&pod.labels).labels())
            }
            _ => None,
        };
        Ok(Some(Workload {
            stop_signal: self.stop_signal(&status).await?,
            name: status.metadata.and_then(|metadata| text(&metadata.name)),
            image: image(&status.image.unwrap_or_default(), info.config),
            labels: labels.unwrap_or_else(|| own.labels()),
            kubernetes,
            pid1: info.pid.filter(|pid| *pid != 0),
            grace_ns: Annotations::of(&status.annotations).grace(),
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
        let answer: ImageStatusResponse =
            match self.call("ImageService/ImageStatus", &question).await {
                Ok(answer) => answer,
                // The rest of what is known of the container is worth more than this.
                Err(CallError::Status(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
        // An image that is not there is an answer without content here, not NOT_FOUND.
        if answer.info.is_empty() {
            return Ok(None);
        }
        let info: ImageInfo = read(&answer.info);
        let signal = match info.stop_signal() {
            None => None,
            Some(name) => match Signal::parse(&name) {
                Some(signal) => Some(signal),
                // What the runtime makes of that is not for us to say.
                None => return Ok(None),
            },
        };
        // A name can be given to another image later, a digest cannot.
        if name.contains("sha256:") && name.len() <= MAX_NAME {
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

#[cfg(test)]
mod tests;
