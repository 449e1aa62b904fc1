//! What a manager said of a workload, as it stands in a recording.

use serde::{Deserialize, Serialize};
use signal_trace_core::{
    signal::Signal,
    workload::{Configured, Kind, Kubernetes, Runtime, Source, Workload},
};

/// [`Workload`] on the wire; what is not known is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WireWorkload {
    kind: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sandbox: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runtime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kubernetes: Option<WireKubernetes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    labels: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pid1: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_signal: Option<WireConfigured<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace_ns: Option<WireConfigured<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pre_stop: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WireKubernetes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pod: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deletion_timestamp: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WireConfigured<T> {
    value: T,
    source: String,
}

pub(super) fn to_wire(workload: &Workload) -> WireWorkload {
    let Workload {
        kind,
        sandbox,
        runtime,
        id,
        name,
        image,
        unit,
        kubernetes,
        labels,
        pid1,
        stop_signal,
        grace_ns,
        pre_stop,
    } = workload.clone();
    WireWorkload {
        kind: kind.name().to_owned(),
        sandbox,
        runtime: runtime.map(|runtime| runtime.name().to_owned()),
        id,
        name,
        image,
        unit,
        kubernetes: kubernetes.map(|kubernetes| {
            let Kubernetes { namespace, pod, uid, container, owner, deletion_timestamp } =
                kubernetes;
            WireKubernetes { namespace, pod, uid, container, owner, deletion_timestamp }
        }),
        labels,
        pid1,
        stop_signal: stop_signal.map(|set| configured(set.value.name(), set.source)),
        grace_ns: grace_ns.map(|set| configured(set.value, set.source)),
        pre_stop,
    }
}

fn configured<T>(value: T, source: Source) -> WireConfigured<T> {
    WireConfigured { value, source: source.name().to_owned() }
}

/// The error says what in it cannot be used.
pub(super) fn from_wire(workload: WireWorkload) -> Result<Workload, String> {
    let WireWorkload {
        kind,
        sandbox,
        runtime,
        id,
        name,
        image,
        unit,
        kubernetes,
        labels,
        pid1,
        stop_signal,
        grace_ns,
        pre_stop,
    } = workload;
    let stop_signal = stop_signal.map(|set| {
        let value = Signal::parse(&set.value)
            .ok_or_else(|| format!("has the unknown signal {:?}", set.value))?;
        Ok::<_, String>(Configured { value, source: source(&set.source)? })
    });
    let grace_ns = grace_ns
        .map(|set| Ok::<_, String>(Configured { value: set.value, source: source(&set.source)? }));
    Ok(Workload {
        kind: find(&Kind::ALL, Kind::name, "kind of workload", &kind)?,
        sandbox,
        runtime: runtime
            .map(|runtime| find(&Runtime::ALL, Runtime::name, "runtime", &runtime))
            .transpose()?,
        id,
        name,
        image,
        unit,
        kubernetes: kubernetes.map(|kubernetes| {
            let WireKubernetes { namespace, pod, uid, container, owner, deletion_timestamp } =
                kubernetes;
            Kubernetes { namespace, pod, uid, container, owner, deletion_timestamp }
        }),
        labels,
        pid1,
        stop_signal: stop_signal.transpose()?,
        grace_ns: grace_ns.transpose()?,
        pre_stop,
    })
}

fn source(name: &str) -> Result<Source, String> {
    find(&Source::ALL, Source::name, "source", name)
}

fn find<T: Copy>(
    all: &[T],
    name_of: fn(T) -> &'static str,
    what: &str,
    name: &str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|one| name_of(*one) == name);
    found.ok_or_else(|| format!("has the unknown {what} {name:?}"))
}
