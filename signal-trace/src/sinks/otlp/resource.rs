//! The resource that everything comes from: this agent on this node.

use std::env::consts::ARCH;

use opentelemetry_proto::tonic::{common::v1::InstrumentationScope, resource::v1::Resource};

use super::{
    super::schema::{Body, Line},
    attributes::Attributes,
    ids::Ids,
};

/// The version of the semantic conventions that the attributes are named by.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The agent's machine, as the `recording` line tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Name of the node.
    pub node: String,
    /// Id of this boot: ids of traces depend on it.
    pub boot_id: String,
    /// Release of the kernel.
    pub kernel: String,
    /// The agent runs in a pod: the name of the node is then that of Kubernetes.
    pub in_kubernetes: bool,
}

impl Host {
    /// The machine of a session, if `line` begins one.
    pub fn of(line: &Line, in_kubernetes: bool) -> Option<Self> {
        let Body::Recording(recording) = &line.body else { return None };
        Some(Self {
            node: line.node.clone(),
            boot_id: recording.boot_id.clone(),
            kernel: recording.kernel.clone(),
            in_kubernetes,
        })
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The resource.
pub fn resource(host: &Host, ids: &Ids) -> Resource {
    let Host { node, boot_id: _, kernel, in_kubernetes } = host;
    let mut attributes = Attributes::default();
    attributes.set("service.name", "signal-trace");
    attributes.set("service.version", VERSION);
    attributes.set("service.instance.id", ids.instance());
    attributes.set("host.name", node.as_str());
    attributes.set("host.arch", arch());
    attributes.set("k8s.node.name", in_kubernetes.then_some(node.as_str()));
    // Not `os.name` and `os.version`, which mean the distribution: in a container, that is the
    // image's.
    attributes.set("os.type", "linux");
    attributes.set("signal_trace.kernel.release", kernel.as_str());
    Resource { attributes: attributes.into_list(), ..Resource::default() }
}

/// The scope.
pub fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "signal-trace".to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    }
}

/// As the semantic conventions call it.
fn arch() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
