//! What is kept of a pod, and how that is read from the API's JSON. Whoever may make pods wrote much
//! of it: every text is cut, and every list is bounded.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use signal_trace_core::workload::Runtime;

use super::super::{
    annotations::Annotations,
    text::{Text, given},
};

/// Of a pod: its containers, those that it begins with, and those that somebody debugs it with.
const MOST_CONTAINERS: usize = 64;
const MOST_OWNERS: usize = 16;
/// Words of a hook's command, and bytes of them.
const MOST_WORDS: usize = 64;
const MOST_COMMAND: usize = 16 << 10;
/// Ids and versions; honest ones are half as long.
const MOST_ID: usize = 128;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Raw")]
pub(super) struct Pod {
    /// As the paths of its cgroups have it; empty if it has none.
    pub uid: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// `Deployment/web`.
    pub owner: Option<String>,
    pub labels: Vec<(String, String)>,
    pub deletion_timestamp: Option<String>,
    /// The time that it has to stop.
    pub grace_seconds: Option<u64>,
    /// It is deleted without any grace. The kubelet does that when all of its containers have ended:
    /// then they had more. So had they if somebody forced it.
    pub no_grace: bool,
    pub containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Container {
    pub name: String,
    pub image: Option<String>,
    /// The command of its hook.
    pub pre_stop: Option<Vec<String>>,
    /// Of the one that runs or ran last.
    pub id: Option<String>,
    pub runtime: Option<Runtime>,
}

/// As the API has it. What is not there, `null`, or of no interest is all the same.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    namespace: Option<Text>,
    name: Option<Text>,
    uid: Option<Text>,
    resource_version: Option<Text>,
    labels: Annotations,
    annotations: Annotations,
    owner_references: Bounded<Owner, MOST_OWNERS>,
    deletion_timestamp: Option<Text>,
    deletion_grace_period_seconds: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Owner {
    kind: Option<Text>,
    name: Option<Text>,
    controller: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    termination_grace_period_seconds: Option<i64>,
    containers: Bounded<ContainerSpec, MOST_CONTAINERS>,
    init_containers: Bounded<ContainerSpec, MOST_CONTAINERS>,
    ephemeral_containers: Bounded<ContainerSpec, MOST_CONTAINERS>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerSpec {
    name: Option<Text>,
    image: Option<Text>,
    lifecycle: Option<Lifecycle>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Lifecycle {
    pre_stop: Option<Handler>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Handler {
    exec: Option<Exec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Exec {
    command: Bounded<Text, MOST_WORDS>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(rename = "containerStatuses")]
    containers: Bounded<ContainerStatus, MOST_CONTAINERS>,
    #[serde(rename = "initContainerStatuses")]
    init: Bounded<ContainerStatus, MOST_CONTAINERS>,
    #[serde(rename = "ephemeralContainerStatuses")]
    ephemeral: Bounded<ContainerStatus, MOST_CONTAINERS>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    name: Option<Text>,
    #[serde(rename = "containerID")]
    id: Option<Text>,
}

impl Raw {
    /// Where in the history of all pods this is.
    pub fn version(&mut self) -> Option<String> {
        version(self.metadata.resource_version.take())
    }
}

/// A version that can stand in a query as it is. They are opaque, but digits so far.
pub(super) fn version(text: Option<Text>) -> Option<String> {
    let plain = |text: &String| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    given(text).filter(|text| text.len() <= MOST_ID && plain(text))
}

impl From<Raw> for Pod {
    fn from(raw: Raw) -> Self {
        let Raw { metadata, spec, status } = raw;
        let seconds = |seconds: Option<i64>| seconds.and_then(|number| u64::try_from(number).ok());
        let deletion = seconds(metadata.deletion_grace_period_seconds);
        let statuses: Vec<_> = [status.containers, status.init, status.ephemeral]
            .into_iter()
            .flat_map(|Bounded(statuses)| statuses)
            .collect();
        let containers = [spec.containers, spec.init_containers, spec.ephemeral_containers]
            .into_iter()
            .flat_map(|Bounded(containers)| containers)
            .take(MOST_CONTAINERS);
        Self {
            uid: uid(&metadata.annotations, metadata.uid),
            owner: owner(metadata.owner_references, metadata.labels.get(TEMPLATE_HASH)),
            namespace: given(metadata.namespace),
            name: given(metadata.name),
            labels: metadata.labels.labels(),
            deletion_timestamp: given(metadata.deletion_timestamp),
            grace_seconds: deletion
                .filter(|seconds| *seconds > 0)
                .or_else(|| seconds(spec.termination_grace_period_seconds)),
            no_grace: deletion == Some(0),
            containers: containers.filter_map(|spec| Container::of(spec, &statuses)).collect(),
        }
    }
}

impl Container {
    fn of(spec: ContainerSpec, statuses: &[ContainerStatus]) -> Option<Self> {
        let name = spec.name?;
        let status = statuses.iter().find(|status| status.name.as_ref() == Some(&name));
        let id = status.and_then(|status| status.id.as_ref()?.0.split_once("://"));
        let exec = spec.lifecycle.and_then(|lifecycle| lifecycle.pre_stop?.exec);
        Some(Self {
            name: name.given()?,
            image: given(spec.image),
            pre_stop: exec.and_then(|exec| command(exec.command)),
            runtime: id.and_then(|(runtime, _)| {
                Runtime::ALL.into_iter().find(|known| known.name() == runtime)
            }),
            id: id.map(|(_, id)| id.to_owned()).filter(|id| id.len() <= MOST_ID),
        })
    }
}

fn command(Bounded(words): Bounded<Text, MOST_WORDS>) -> Option<Vec<String>> {
    let mut room = MOST_COMMAND;
    let fits = |word: &String| {
        let rest = room.checked_sub(word.len());
        room = rest.unwrap_or(0);
        rest.is_some()
    };
    let words: Vec<_> = words.into_iter().map(|Text(word)| word).take_while(fits).collect();
    (!words.is_empty()).then_some(words)
}

const TEMPLATE_HASH: &str = "pod-template-hash";
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A pod that the kubelet was given as a file has a hash for its uid, on the node. The API knows it
/// by another uid, and notes the first. Nobody else's uid looks like that: it cannot be taken for one.
fn uid(annotations: &Annotations, own: Option<Text>) -> String {
    let is_hash = |uid: &&str| uid.len() == 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit());
    match annotations.get(MIRROR).filter(is_hash) {
        Some(hash) => hash.to_owned(),
        None => given(own).filter(|uid| uid.len() <= MOST_ID).unwrap_or_default(),
    }
}

/// Whom the pod belongs to. A Deployment owns it by way of a `ReplicaSet`, which bears its name
/// and the hash of the pods' template.
fn owner(Bounded(owners): Bounded<Owner, MOST_OWNERS>, hash: Option<&str>) -> Option<String> {
    let owner = owners.into_iter().find(|owner| owner.controller == Some(true))?;
    let (kind, name) = (given(owner.kind)?, given(owner.name)?);
    let deployment = hash
        .filter(|_| kind == "ReplicaSet")
        .and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'))
        .filter(|deployment| !deployment.is_empty());
    let owner = match deployment {
        Some(deployment) => format!("Deployment/{deployment}"),
        None => format!("{kind}/{name}"),
    };
    Text::of(owner.as_bytes()).given()
}

/// The first `MOST` of a list.
pub(super) struct Bounded<T, const MOST: usize>(pub Vec<T>);

impl<T, const MOST: usize> Default for Bounded<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Bounded<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First<T, const MOST: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for First<T, MOST> {
            type Value = Bounded<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut first = Vec::new();
                while first.len() < MOST {
                    let Some(item) = list.next_element()? else { return Ok(Bounded(first)) };
                    first.push(item);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Bounded(first))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Bounded::default())
            }
        }

        deserializer.deserialize_any(First(PhantomData))
    }
}
