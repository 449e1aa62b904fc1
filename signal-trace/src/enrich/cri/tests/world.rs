//! A made-up runtime with one container of one pod.

use signal_trace_core::{ids::CgroupKey, time::SECOND, workload::Kubernetes};

use super::*;
use crate::net::grpc::fake::Reply;

/// Its container.
pub const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The sandbox of that.
pub const SANDBOX: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const UID: &str = "12345678-9abc-def0-1234-56789abcdef0";

/// Whoever lives in the cgroup of this container.
pub fn subject(id: &str) -> Subject {
    let path = format!("/kubepods/burstable/pod{UID}/{id}").into_bytes();
    Subject { key: CgroupKey::V2(7), path }
}

/// A map.
pub fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}

/// A container of a pod, as the kubelet makes it.
fn status() -> ContainerStatus {
    ContainerStatus {
        metadata: Some(messages::ContainerMetadata { name: "web".into() }),
        image: Some(ImageSpec { image: "shop/web:1".into(), ..ImageSpec::default() }),
        image_ref: "sha256:6a2a".into(),
        labels: map([
            ("io.kubernetes.container.name", "web"),
            ("io.kubernetes.pod.name", "web-7d9c"),
            ("io.kubernetes.pod.namespace", "shop"),
            ("io.kubernetes.pod.uid", UID),
        ]),
        annotations: map([
            ("io.kubernetes.container.hash", "deadbeef"),
            ("io.kubernetes.pod.terminationGracePeriod", "6"),
            (
                "io.kubernetes.container.preStopHandler",
                r#"{"exec":{"command":["sh","-c","sleep 2"]}}"#,
            ),
        ]),
        stop_signal: 0,
    }
}

/// What the made-up runtime knows.
#[derive(Clone)]
pub struct World {
    /// The version of the interface that it speaks.
    pub version: &'static str,
    /// Of its one container.
    pub status: ContainerStatus,
    /// JSON with that.
    pub info: &'static str,
    /// JSON of its one image; empty if that is gone, `refused` if it does not want to tell.
    pub image: &'static str,
}

impl World {
    /// With a container as a real containerd describes it.
    pub fn new() -> Self {
        let info = r#"{"sandboxID":"SANDBOX","pid":16673,"removing":false,
            "config":{"metadata":{"name":"web"},"image":{"image":"sha256:6a2a"}},
            "runtimeSpec":{"process":{}}}"#;
        Self {
            version: "runtime.v1",
            status: status(),
            info: info.replace("SANDBOX", SANDBOX).leak(),
            image: r#"{"chainID":"x","imageSpec":{"config":{"Env":["PATH=/bin"]}}}"#,
        }
    }

    fn answer(&self, method: &str, message: &[u8]) -> Reply {
        let Some(method) = method.strip_prefix(&format!("/{}.", self.version)) else {
            return Reply::HeadersOnly(Status::UNIMPLEMENTED, b"unknown service");
        };
        match method {
            "RuntimeService/ContainerStatus" => {
                let question = ContainerStatusRequest::decode(message).unwrap();
                assert!(question.verbose);
                if question.container_id != ID {
                    return Reply::HeadersOnly(Status::NOT_FOUND, b"not found");
                }
                let info = map([("info", self.info)]);
                Reply::message(&ContainerStatusResponse { status: Some(self.status.clone()), info })
            }
            "RuntimeService/PodSandboxStatus" => {
                let question = PodSandboxStatusRequest::decode(message).unwrap();
                if question.pod_sandbox_id != SANDBOX {
                    return Reply::HeadersOnly(Status::NOT_FOUND, b"not found");
                }
                Reply::message(&PodSandboxStatusResponse {
                    status: Some(PodSandboxStatus {
                        metadata: Some(messages::PodSandboxMetadata {
                            name: "web-7d9c".into(),
                            uid: UID.into(),
                            namespace: "shop".into(),
                        }),
                        labels: map([("app", "shop"), ("pod-template-hash", "7d9c")]),
                    }),
                    info: map([("info", r#"{"pid":16600}"#)]),
                })
            }
            "ImageService/ImageStatus" => {
                let question = ImageStatusRequest::decode(message).unwrap();
                assert!(question.verbose);
                assert_eq!(question.image.unwrap().image, self.status.image_ref);
                if self.image == "refused" {
                    return Reply::HeadersOnly(13, b"internal");
                }
                let info =
                    if self.image.is_empty() { map([]) } else { map([("info", self.image)]) };
                Reply::message(&ImageStatusResponse { info })
            }
            method => panic!("{method}"),
        }
    }

    /// Starts it, and what asks it.
    pub fn serve(self) -> (Fake, Cri) {
        let fake = Fake::start(move |method, message| self.answer(method, message));
        let cri = Cri::new(fake.socket(), Runtime::Containerd);
        (fake, cri)
    }

    /// What is found out of its container.
    pub async fn look_up(self) -> Workload {
        let (_fake, mut cri) = self.serve();
        cri.look_up(&subject(ID)).await.unwrap().unwrap()
    }
}

/// What is to be found out of it.
pub fn container() -> Workload {
    Workload {
        kind: Kind::Container,
        runtime: Some(Runtime::Containerd),
        id: Some(ID.into()),
        name: Some("web".into()),
        image: Some("shop/web:1".into()),
        kubernetes: Some(Kubernetes {
            namespace: Some("shop".into()),
            pod: Some("web-7d9c".into()),
            uid: Some(UID.into()),
            container: Some("web".into()),
            ..Kubernetes::default()
        }),
        labels: vec![("app".into(), "shop".into())],
        pid1: Some(16673),
        stop_signal: Some(Configured { value: Signal::TERM, source: Source::Cri }),
        grace_ns: Some(Configured { value: 6 * SECOND, source: Source::Kubernetes }),
        pre_stop: Some(["sh", "-c", "sleep 2"].map(String::from).to_vec()),
        ..Workload::default()
    }
}
