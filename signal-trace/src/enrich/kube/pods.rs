//! The pods of this node, and what they add to what is known of a container.

use std::collections::{HashMap, HashSet, VecDeque};

use signal_trace_core::{
    labels::Labels,
    time::SECOND,
    workload::{Configured, Kind, Source, Workload},
};

use super::{
    Change, What,
    pod::{Container, Pod},
};

/// Pods that are remembered; a node has a few hundred at most.
pub(super) const MOST_PODS: usize = 1024;
/// Of these, pods that have gone: their containers may end only after them.
const MOST_GONE: usize = 64;

/// What is known of pods, by uid.
#[derive(Debug, Default)]
pub struct Pods {
    by_uid: HashMap<String, Pod>,
    /// Those that the API has no longer, the first to go first.
    gone: VecDeque<String>,
    said_full: bool,
}

impl Pods {
    /// Takes note of what is new; the uids of the pods that changed.
    pub fn take_in(&mut self, change: Change) -> HashSet<String> {
        let mut changed = HashSet::new();
        match change.what {
            What::All(pods) => {
                let all: HashSet<_> = pods.iter().map(|pod| pod.uid.clone()).collect();
                let lost = self.by_uid.keys().filter(|uid| !all.contains(*uid)).cloned();
                for uid in lost.collect::<Vec<_>>() {
                    self.has_gone(uid);
                }
                changed.extend(pods.into_iter().filter_map(|pod| self.put(pod)));
            }
            What::Now(pod) => changed.extend(self.put(pod)),
            What::Gone(pod) => {
                let uid = pod.uid.clone();
                changed.extend(self.put(pod));
                self.has_gone(uid);
            }
        }
        changed
    }

    /// The pod's uid, if that is something new.
    fn put(&mut self, mut pod: Pod) -> Option<String> {
        let uid = pod.uid.clone();
        if uid.is_empty() {
            return None;
        }
        self.gone.retain(|gone| *gone != uid);
        match self.by_uid.get_mut(&uid) {
            Some(known) => {
                if pod.no_grace {
                    // What its containers were stopped with was said before.
                    pod.grace_seconds = known.grace_seconds.or(pod.grace_seconds);
                    pod.deletion_timestamp =
                        known.deletion_timestamp.clone().or(pod.deletion_timestamp);
                }
                let is_new = *known != pod;
                *known = pod;
                is_new.then_some(uid)
            }
            None => self.has_room().then(|| {
                self.by_uid.insert(uid.clone(), pod);
                uid
            }),
        }
    }

    fn has_room(&mut self) -> bool {
        if self.by_uid.len() < MOST_PODS {
            return true;
        }
        if let Some(first) = self.gone.pop_front() {
            self.by_uid.remove(&first);
            return true;
        }
        if !std::mem::replace(&mut self.said_full, true) {
            tracing::warn!(
                "the Kubernetes API tells of more than {MOST_PODS} pods on this node: the others \
                 are shown without what it knows of them"
            );
        }
        false
    }

    fn has_gone(&mut self, uid: String) {
        if !self.by_uid.contains_key(&uid) || self.gone.contains(&uid) {
            return;
        }
        self.gone.push_back(uid);
        if self.gone.len() > MOST_GONE
            && let Some(first) = self.gone.pop_front()
        {
            self.by_uid.remove(&first);
        }
    }

    /// All that is known of the container with the cgroup `path` in the pod `uid`: what another source
    /// `learned` of it, and what the API adds. If nobody else knows the container, what its cgroups
    /// were `told` before stays, also when the pod does not speak of this container any more.
    pub fn complete(
        &self,
        uid: Option<&str>,
        path: &[u8],
        learned: Option<&Workload>,
        told: Option<&Workload>,
    ) -> Option<Workload> {
        let known = learned.or(told);
        let Some((uid, pod)) = uid.and_then(|uid| self.by_uid.get_key_value(uid)) else {
            return known.cloned();
        };
        let mut workload = known.cloned().or_else(|| of_path(path))?;
        if workload.kind == Kind::Container {
            pod.complete(uid, &mut workload);
        }
        Some(workload)
    }
}

impl Pod {
    fn complete(&self, uid: &str, workload: &mut Workload) {
        let kubernetes = workload.kubernetes.get_or_insert_default();
        fill(&mut kubernetes.uid, Some(uid));
        fill(&mut kubernetes.namespace, self.namespace.as_deref());
        fill(&mut kubernetes.pod, self.name.as_deref());
        renew(&mut kubernetes.owner, self.owner.as_ref());
        renew(&mut kubernetes.deletion_timestamp, self.deletion_timestamp.as_ref());
        workload.labels.clone_from(&self.labels);
        if let Some(seconds) = self.grace_seconds {
            let value = seconds.saturating_mul(SECOND);
            workload.grace_ns = Some(Configured { value, source: Source::Kubernetes });
        }
        if workload.sandbox {
            // It is none of the pod's containers.
            return;
        }
        let id = workload.id.as_deref();
        let name = kubernetes.container.as_deref();
        let is_it = |container: &&Container| id.is_some() && container.id.as_deref() == id;
        let named = |container: &&Container| Some(&*container.name) == name;
        let containers = &self.containers;
        let found = containers.iter().find(is_it).or_else(|| containers.iter().find(named));
        if let Some(container) = found {
            fill(&mut kubernetes.container, Some(&container.name));
            fill(&mut workload.name, Some(&container.name));
            fill(&mut workload.image, container.image.as_deref());
            workload.runtime = workload.runtime.or(container.runtime);
            renew(&mut workload.pre_stop, container.pre_stop.as_ref());
        }
    }
}

/// What others have said stands.
fn fill(field: &mut Option<String>, value: Option<&str>) {
    if field.is_none() {
        *field = value.map(str::to_owned);
    }
}

/// The API knows it best.
fn renew<T: Clone>(field: &mut Option<T>, value: Option<&T>) {
    if value.is_some() {
        *field = value.cloned();
    }
}

/// What the path tells of a container.
fn of_path(path: &[u8]) -> Option<Workload> {
    let labels = Labels::of(path);
    (labels.kind == Kind::Container).then(|| Workload {
        kind: Kind::Container,
        runtime: labels.runtime,
        id: labels.container_id.map(str::to_owned),
        ..Workload::default()
    })
}

/// The pod that a container is one of: by the path of its cgroup, else by what was `learned` of it.
pub fn pod_uid(path: &[u8], learned: Option<&Workload>) -> Option<String> {
    let labels = Labels::of(path);
    if labels.kind != Kind::Container {
        return None;
    }
    let by_path = labels.pod_uid().filter(|uid| {
        // The cgroup of the pod is the one above. Else it is a container within a container of the
        // pod, whose settings are others.
        let above = parent(parent(labels.manager));
        Labels::of(above).pod_uid().as_ref() != Some(uid)
    });
    by_path.or_else(|| learned?.kubernetes.as_ref()?.uid.clone())
}

fn parent(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    path.get(..slash.unwrap_or(0)).unwrap_or_default()
}
