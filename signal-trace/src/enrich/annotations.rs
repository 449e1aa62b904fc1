//! Labels and annotations: those few that tell something, of the many that there may be.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use signal_trace_core::{
    signal::Signal,
    time::SECOND,
    workload::{Configured, Kubernetes, Source as Told},
};

use super::text::Text;

/// What people tell workloads apart by; these go into the workload's labels.
const LABELS: [&str; 10] = [
    "app",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "com.docker.compose.project",
    "com.docker.compose.service",
    "io.podman.compose.project",
    "io.podman.compose.service",
    "k8s-app",
];

/// What engines write for themselves: containerd's CRI plugin, CRI-O, cri-dockerd (as labels),
/// and Podman; and two of the Kubernetes API.
const ANNOTATIONS: [&str; 19] = [
    CRI_NAMES.container,
    CRI_NAMES.namespace,
    CRI_NAMES.pod,
    CRI_NAMES.uid,
    "io.kubernetes.cri.container-type",
    "io.kubernetes.cri.image-name",
    POD_NAMES.container,
    POD_NAMES.namespace,
    POD_NAMES.pod,
    POD_NAMES.uid,
    "io.kubernetes.cri-o.ContainerType",
    "io.kubernetes.cri-o.ImageName",
    "io.kubernetes.docker.type",
    "io.kubernetes.pod.terminationGracePeriod",
    "annotation.io.kubernetes.pod.terminationGracePeriod",
    "kubernetes.io/config.mirror",
    MANAGER,
    "pod-template-hash",
    STOP_SIGNAL,
];

const MANAGER: &str = "io.container.manager";
const STOP_SIGNAL: &str = "org.opencontainers.image.stopSignal";

struct Names {
    container: &'static str,
    namespace: &'static str,
    pod: &'static str,
    uid: &'static str,
}

const CRI_NAMES: Names = Names {
    container: "io.kubernetes.cri.container-name",
    namespace: "io.kubernetes.cri.sandbox-namespace",
    pod: "io.kubernetes.cri.sandbox-name",
    uid: "io.kubernetes.cri.sandbox-uid",
};

const POD_NAMES: Names = Names {
    container: "io.kubernetes.container.name",
    namespace: "io.kubernetes.pod.namespace",
    pod: "io.kubernetes.pod.name",
    uid: "io.kubernetes.pod.uid",
};

/// The ones that we know. Read from a JSON object, or from runc's list of `key=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Annotations(BTreeMap<&'static str, String>);

impl Annotations {
    /// Those of a map that we know.
    pub fn of(map: &BTreeMap<String, String>) -> Self {
        let mut known = Self::default();
        for (key, value) in map {
            known.add(key, Text::of(value.as_bytes()));
        }
        known
    }

    fn add(&mut self, key: &str, value: Text) {
        let known = LABELS.iter().chain(&ANNOTATIONS).find(|known| **known == key);
        if let (Some(key), Some(value)) = (known, value.given()) {
            self.0.insert(key, value);
        }
    }

    /// The value of one that we know.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Those that tell workloads apart, sorted.
    pub fn labels(&self) -> Vec<(String, String)> {
        let labels = self.0.iter().filter(|(key, _)| LABELS.contains(*key));
        labels.map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    /// Pod and container, if there is a word of either.
    pub fn kubernetes(&self) -> Option<Kubernetes> {
        let get = |of: fn(&Names) -> &'static str| {
            let value = self.get(of(&CRI_NAMES)).or_else(|| self.get(of(&POD_NAMES)));
            value.map(str::to_owned)
        };
        let kubernetes = Kubernetes {
            namespace: get(|names| names.namespace),
            pod: get(|names| names.pod),
            uid: get(|names| names.uid),
            // cri-dockerd calls a sandbox `POD`; the others name none.
            container: get(|names| names.container).filter(|_| !self.is_sandbox()),
            ..Kubernetes::default()
        };
        (kubernetes != Kubernetes::default()).then_some(kubernetes)
    }

    /// Whether it holds the namespaces of a pod.
    pub fn is_sandbox(&self) -> bool {
        [
            ("io.kubernetes.cri.container-type", "sandbox"),
            ("io.kubernetes.cri-o.ContainerType", "sandbox"),
            ("io.kubernetes.docker.type", "podsandbox"),
        ]
        .iter()
        .any(|(key, value)| self.get(key) == Some(*value))
    }

    /// The image, as CRI asked for it.
    pub fn image(&self) -> Option<String> {
        let names = ["io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName"];
        names.iter().find_map(|key| self.get(key)).map(str::to_owned)
    }

    /// The pod's grace period.
    pub fn grace(&self) -> Option<Configured<u64>> {
        let keys = [
            "io.kubernetes.pod.terminationGracePeriod",
            "annotation.io.kubernetes.pod.terminationGracePeriod",
        ];
        let seconds: u64 = keys.iter().find_map(|key| self.get(key))?.parse().ok()?;
        Some(Configured { value: seconds.saturating_mul(SECOND), source: Told::Kubernetes })
    }

    /// The image's stop signal; of Podman's containers it is the container's own.
    pub fn stop_signal(&self) -> Option<Configured<Signal>> {
        let source = if self.manager() == Some("libpod") { Told::Podman } else { Told::Image };
        Some(Configured { value: Signal::parse(self.get(STOP_SIGNAL)?)?, source })
    }

    /// `libpod` or `cri-o`.
    pub fn manager(&self) -> Option<&str> {
        self.get(MANAGER)
    }

    /// Whether containerd's CRI plugin made it.
    pub fn is_containerd_cri(&self) -> bool {
        self.get("io.kubernetes.cri.container-type").is_some()
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Known;

        impl<'de> Visitor<'de> for Known {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels or annotations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut known = Annotations::default();
                while let Some(Text(key)) = map.next_key()? {
                    if LABELS.contains(&&*key) || ANNOTATIONS.contains(&&*key) {
                        known.add(&key, map.next_value::<Option<Text>>()?.unwrap_or_default());
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(known)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Annotations, A::Error> {
                let mut known = Annotations::default();
                while let Some(Text(pair)) = list.next_element()? {
                    if let Some((key, value)) = pair.split_once('=') {
                        known.add(key, Text::of(value.as_bytes()));
                    }
                }
                Ok(known)
            }

            fn visit_unit<E>(self) -> Result<Annotations, E> {
                Ok(Annotations::default())
            }
        }

        deserializer.deserialize_any(Known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Annotations {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn only_known_labels_are_kept_sorted_and_cut() {
        let long = "v".repeat(5 << 10);
        let labels = read(&format!(
            r#"{{"k8s-app": "b", "app": "{long}", "maintainer": "{long}", "\ud800": 1, "x": {{"y": []}}}}"#
        ))
        .labels();
        assert_eq!(labels.len(), 2);
        assert_eq!((&*labels[0].0, labels[0].1.len()), ("app", 4096));
        assert_eq!((&*labels[1].0, &*labels[1].1), ("k8s-app", "b"));
        assert_eq!(read("null").labels(), []);
    }

    #[test]
    fn pods_are_read_of_every_engine() {
        let containerd = read(
            r#"{"io.kubernetes.cri.container-name": "web", "io.kubernetes.cri.container-type":
            "container", "io.kubernetes.cri.image-name": "nginx:1", "io.kubernetes.cri.sandbox-name":
            "web-1", "io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.sandbox-uid":
            "u"}"#,
        );
        let list = read(
            r#"["io.kubernetes.cri.container-name=web", "io.kubernetes.cri.sandbox-name=web-1",
            "no pair", "io.kubernetes.cri.sandbox-namespace=shop", "io.kubernetes.cri.sandbox-uid=u"]"#,
        );
        let dockershim = read(
            r#"{"io.kubernetes.container.name": "web", "io.kubernetes.pod.name": "web-1",
            "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "u",
            "annotation.io.kubernetes.pod.terminationGracePeriod": "30"}"#,
        );
        for annotations in [&containerd, &list, &dockershim] {
            let pod = annotations.kubernetes().unwrap();
            assert_eq!(pod.namespace.as_deref(), Some("shop"));
            assert_eq!(pod.pod.as_deref(), Some("web-1"));
            assert_eq!(pod.uid.as_deref(), Some("u"));
            assert_eq!(pod.container.as_deref(), Some("web"));
            assert!(!annotations.is_sandbox());
        }
        assert_eq!(containerd.image().as_deref(), Some("nginx:1"));
        assert_eq!(dockershim.grace().unwrap().value, 30 * SECOND);
        let sandbox = read(
            r#"{"io.kubernetes.docker.type": "podsandbox", "io.kubernetes.container.name": "POD"}"#,
        );
        assert!(sandbox.is_sandbox());
        assert_eq!(sandbox.kubernetes(), None);
    }

    #[test]
    fn the_stop_signal_is_podmans_or_the_images() {
        let image = read(r#"{"org.opencontainers.image.stopSignal": "SIGQUIT"}"#);
        assert_eq!(image.stop_signal().unwrap().source, Told::Image);
        let podman = read(
            r#"{"org.opencontainers.image.stopSignal": "37", "io.container.manager": "libpod"}"#,
        );
        let signal = podman.stop_signal().unwrap();
        assert_eq!((signal.value.number(), signal.source), (37, Told::Podman));
    }
}
