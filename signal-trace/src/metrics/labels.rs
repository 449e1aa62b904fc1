//! The labels that tell workloads apart: chosen by the operator, the same for the life of a series.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use prometheus_client::encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder};
use serde::{Deserialize, Serialize};
use signal_trace_core::escape::escaped;

use crate::sinks::schema::{Kubernetes, Workload};

/// A longer value is cut: names are made by people and by programs that mean no good.
const LONGEST: usize = 128;
/// The value of every label of what found no room.
const OTHER: &str = "other";

/// What a series can be told apart by. None is the id of a container or a process: each would be
/// another series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// Namespace of the pod.
    Namespace,
    /// The name that stays: owner of the pod (`Deployment/web`), service of Compose, container in
    /// the pod, container, unit.
    Workload,
    /// `container`, `unit`, `cgroup`, `process`.
    Kind,
    /// `docker`, `containerd` and so on.
    Runtime,
    /// Image of the container.
    Image,
    /// Unit of systemd.
    Unit,
    /// `app.kubernetes.io/name`, `app` or `k8s-app`.
    App,
}

impl Label {
    /// Every label.
    pub const ALL: [Self; 7] = [
        Self::Namespace,
        Self::Workload,
        Self::Kind,
        Self::Runtime,
        Self::Image,
        Self::Unit,
        Self::App,
    ];
    /// Those that are used if nobody says otherwise.
    pub const DEFAULT: [Self; 2] = [Self::Namespace, Self::Workload];

    /// Its name, in the configuration and in the series.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Workload => "workload",
            Self::Kind => "kind",
            Self::Runtime => "runtime",
            Self::Image => "image",
            Self::Unit => "unit",
            Self::App => "app",
        }
    }

    /// Its value; empty, which to Prometheus is the same as none, if there is nothing to say.
    fn of(self, workload: &Workload) -> Cow<'_, str> {
        let pod = workload.kubernetes.as_ref();
        let text = |text: Option<&'_ str>| Cow::Owned(text.unwrap_or_default().to_owned());
        let label = |keys: &[&str]| keys.iter().find_map(|key| workload.labels.get(*key));
        match self {
            Self::Namespace => text(pod.and_then(|pod| pod.namespace.as_deref())),
            Self::Workload => stable_name(workload),
            Self::Kind => text(Some(&*workload.kind)),
            Self::Runtime => text(workload.runtime.as_deref()),
            Self::Image => text(workload.image.as_deref()),
            Self::Unit => workload.unit.as_deref().map_or_else(Cow::default, without_numbers),
            Self::App => {
                text(label(&["app.kubernetes.io/name", "app", "k8s-app"]).map(String::as_str))
            }
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|label| label.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("there is no label `{text}`: choose out of {known}")
        })
    }
}

/// What the workload is called from one start to the next.
pub fn stable_name(workload: &Workload) -> Cow<'_, str> {
    let service = ["com.docker.compose.service", "io.podman.compose.service"];
    let pod = workload.kubernetes.as_ref();
    let of_pod =
        |field: fn(&Kubernetes) -> &Option<String>| pod.and_then(|pod| field(pod).as_deref());
    if let Some(owner) = of_pod(|pod| &pod.owner) {
        return without_run(owner);
    }
    let service = service.iter().find_map(|key| workload.labels.get(*key)).map(String::as_str);
    let container = || workload.name.as_deref().filter(|_| workload.kind == "container");
    let given = service.or_else(|| of_pod(|pod| &pod.container)).or_else(container);
    if let Some(name) = given.filter(|name| !name.is_empty()) {
        return Cow::Borrowed(name);
    }
    match workload.unit.as_deref() {
        Some(unit) if workload.kind == "unit" => without_numbers(unit),
        // No engine calls anything so.
        _ => Cow::Owned(format!("({})", workload.kind)),
    }
}

/// A `Job` without the number that its `CronJob` gives to each run.
fn without_run(owner: &str) -> Cow<'_, str> {
    match owner.rsplit_once('-') {
        Some((job, run))
            if owner.starts_with("Job/")
                && run.len() >= 8
                && run.bytes().all(|c| c.is_ascii_digit()) =>
        {
            Cow::Borrowed(job)
        }
        _ => Cow::Borrowed(owner),
    }
}

/// A unit that systemd made for one run, without what is of this run: `session-4.scope`,
/// `run-r3f….service`, `systemd-coredump@7-4242-0.service`.
fn without_numbers(unit: &str) -> Cow<'_, str> {
    let Some((stem, suffix)) = unit.rsplit_once('.') else { return Cow::Borrowed(unit) };
    if let Some((template, instance)) = stem.split_once('@') {
        let numbers =
            instance.contains('-') && instance.bytes().all(|c| c.is_ascii_digit() || c == b'-');
        return if numbers {
            Cow::Owned(format!("{template}@*.{suffix}"))
        } else {
            Cow::Borrowed(unit)
        };
    }
    for prefix in ["session-", "run-"] {
        if stem.strip_prefix(prefix).is_some_and(|rest| rest.bytes().any(|c| c.is_ascii_digit())) {
            return Cow::Owned(format!("{prefix}*.{suffix}"));
        }
    }
    Cow::Borrowed(unit)
}

/// Without control characters and what else hides on a screen (an alert is a text for people), and
/// not longer than allowed.
fn tidy(text: &str) -> Box<str> {
    // Some is longer when escaped; no more of it is looked at than can be kept.
    let text = cut(text);
    let safe = escaped(text.as_bytes()).to_string();
    // A backslash alone does no harm, and names of systemd are full of them.
    if safe.replace("\\\\", "\\") == text {
        return text.into();
    }
    cut(&safe).into()
}

/// The beginning that may be kept, without half a character.
fn cut(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// The labels that were chosen, in their order.
pub(super) type Chosen = Arc<[Label]>;

/// Values of the chosen labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Values(Arc<[Box<str>]>);

impl Values {
    /// Those of a workload; `None` is what is neither in a container nor in a unit.
    pub(super) fn of(chosen: &Chosen, workload: Option<&Workload>) -> Self {
        let value = |label: &Label| match (workload, label) {
            (Some(workload), label) => tidy(&label.of(workload)),
            (None, Label::Workload) => "(process)".into(),
            (None, Label::Kind) => "process".into(),
            (None, _) => "".into(),
        };
        Self(chosen.iter().map(value).collect())
    }

    /// Those of what found no room.
    pub(super) fn other(chosen: &Chosen) -> Self {
        Self(chosen.iter().map(|_| OTHER.into()).collect())
    }
}

/// Names and values, to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Labels<'a>(pub &'a Chosen, pub &'a Values);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (label, value) in self.0.iter().zip(self.1.0.iter()) {
            (label.name(), &**value).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A workload of which nothing is known.
    pub(crate) fn nobody(kind: &'static str) -> Workload {
        Workload {
            kind: kind.into(),
            id: Some("9f2c".into()),
            name: None,
            runtime: None,
            image: None,
            cgroup: Some("/some/where".into()),
            kubernetes: None,
            unit: None,
            labels: BTreeMap::new(),
            stop_signal: None,
            process: None,
        }
    }

    fn in_pod(owner: Option<&str>, container: Option<&str>) -> Kubernetes {
        let text = |text: &str| text.to_owned();
        Kubernetes {
            namespace: Some("shop".into()),
            pod: Some("web-7d4b9c-abcde".into()),
            uid: Some("12345678".into()),
            container: container.map(text),
            owner: owner.map(text),
            deletion_timestamp: None,
        }
    }

    fn name(workload: &Workload) -> String {
        stable_name(workload).into_owned()
    }

    #[test]
    fn a_workload_has_the_name_that_stays() {
        let mut web = nobody("container");
        assert_eq!(name(&web), "(container)");
        web.name = Some("k8s_app_web-7d4b9c-abcde_shop_12345678_0".into());
        assert_eq!(name(&web), web.name.clone().unwrap());
        web.kubernetes = Some(in_pod(None, Some("app")));
        assert_eq!(name(&web), "app");
        web.kubernetes = Some(in_pod(Some("Deployment/web"), Some("app")));
        assert_eq!(name(&web), "Deployment/web");
        web.kubernetes = Some(in_pod(Some("Job/backup-29401234"), Some("app")));
        assert_eq!(name(&web), "Job/backup");
        web.kubernetes = Some(in_pod(Some("StatefulSet/db-12345678"), None));
        assert_eq!(name(&web), "StatefulSet/db-12345678");

        let mut composed = nobody("container");
        composed.name = Some("shop-web-1".into());
        composed.labels.insert("com.docker.compose.service".into(), "web".into());
        assert_eq!(name(&composed), "web");
    }

    #[test]
    fn no_id_and_no_pid_is_a_name() {
        let mut process = nobody("process");
        (process.id, process.name) = (Some("902:99000".into()), Some("sshd".into()));
        assert_eq!(name(&process), "(process)");
        let mut cgroup = nobody("cgroup");
        cgroup.name = Some("f00d".into());
        assert_eq!(name(&cgroup), "(cgroup)");
        let unit = |unit: &str| name(&Workload { unit: Some(unit.into()), ..nobody("unit") });
        for (given, expected) in [
            ("nginx.service", "nginx.service"),
            ("postgresql@15-main.service", "postgresql@15-main.service"),
            ("user@1000.service", "user@1000.service"),
            ("session-4.scope", "session-*.scope"),
            ("session-c2.scope", "session-*.scope"),
            ("run-r3fa9.service", "run-*.service"),
            ("run-user.mount", "run-user.mount"),
            ("systemd-coredump@7-4242-0.service", "systemd-coredump@*.service"),
            ("no suffix", "no suffix"),
        ] {
            assert_eq!(unit(given), expected);
        }
    }

    #[test]
    fn values_are_short_and_show_what_they_are() {
        assert_eq!(&*tidy(r"dev-disk\x2dby.device"), r"dev-disk\x2dby.device");
        assert_eq!(&*tidy("caf\u{e9} \"x\""), "caf\u{e9} \"x\"");
        assert_eq!(&*tidy("a\nb\u{1b}[31m\u{202e}"), "a\\nb\\x1b[31m\\u{202e}");
        assert_eq!(tidy(&"\u{e9}".repeat(200)).len(), 128);
        assert_eq!(tidy(&format!("x{}", "\u{e9}".repeat(200))).len(), 127, "no half character");
        assert!(tidy(&"\u{1b}".repeat(200)).len() <= 128);
    }

    #[test]
    fn every_label_has_its_value() {
        let mut web = nobody("container");
        (web.runtime, web.image) = (Some("docker".into()), Some("acme/web:3".into()));
        web.kubernetes = Some(in_pod(Some("Deployment/web"), Some("app")));
        web.labels.insert("app".into(), "shop-web".into());
        let values = Values::of(&Label::ALL.into(), Some(&web));
        let expected =
            ["shop", "Deployment/web", "container", "docker", "acme/web:3", "", "shop-web"];
        assert_eq!(values.0.iter().map(|value| &**value).collect::<Vec<_>>(), expected);
        let values = Values::of(&Label::ALL.into(), None);
        assert_eq!(&*values.0[1], "(process)");
    }

    #[test]
    fn labels_are_known_by_their_names() {
        for label in Label::ALL {
            assert_eq!(label.name().parse(), Ok(label));
            assert_eq!(serde_json::to_value(label).unwrap(), label.name());
        }
        assert_eq!(
            "pod".parse::<Label>().unwrap_err(),
            "there is no label `pod`: choose out of namespace, workload, kind, runtime, image, \
             unit, app"
        );
    }
}
