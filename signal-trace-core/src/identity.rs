//! Whose cgroup it is, as far as its path and its manager tell.

use alloc::{borrow::Cow, string::String};

use crate::{
    labels::Labels,
    workload::{Kind, Kubernetes, Runtime, Workload},
};

/// A workload by its names. What is not known is `None`; all of them are untrusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// What it is.
    pub kind: Kind,
    /// What runs it.
    pub runtime: Option<Runtime>,
    /// Container id; around a unit, of the container that the unit is in.
    pub container_id: Option<&'a str>,
    /// Name of the container.
    pub name: Option<&'a str>,
    /// Its image.
    pub image: Option<&'a str>,
    /// Systemd service or scope, any bytes.
    pub unit: Option<&'a [u8]>,
    /// Namespace of its pod.
    pub namespace: Option<&'a str>,
    /// Name of its pod.
    pub pod: Option<&'a str>,
    /// Uid of its pod.
    pub pod_uid: Option<Cow<'a, str>>,
    /// Name of the container in the pod.
    pub pod_container: Option<&'a str>,
}

impl<'a> Identity<'a> {
    /// From the path of a cgroup and what its manager says.
    pub fn of(path: Option<&'a [u8]>, known: Option<&'a Workload>) -> Self {
        let labels = Labels::of(path.unwrap_or_default());
        let text =
            |field: fn(&Workload) -> &Option<String>| known.and_then(|it| field(it).as_deref());
        let kubernetes = known.and_then(|known| known.kubernetes.as_ref());
        let pod = |field: fn(&Kubernetes) -> &Option<String>| {
            kubernetes.and_then(|pod| field(pod).as_deref())
        };
        let kind = match known {
            Some(known) if known.kind != Kind::Cgroup => known.kind,
            _ => labels.kind,
        };
        Self {
            kind,
            runtime: known.and_then(|known| known.runtime).or(labels.runtime),
            container_id: text(|it| &it.id).or(labels.container_id),
            name: text(|it| &it.name),
            image: text(|it| &it.image),
            unit: if kind == Kind::Unit {
                labels.unit.or(text(|it| &it.unit).map(str::as_bytes))
            } else {
                None
            },
            namespace: pod(|it| &it.namespace),
            pod: pod(|it| &it.pod),
            pod_uid: pod(|it| &it.uid).map(Cow::Borrowed).or(labels.pod_uid().map(Cow::Owned)),
            pod_container: pod(|it| &it.container),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_manager_knows_more_than_a_path() {
        let path = format!("/kubepods/pod12345678-9abc-def0-1234-56789abcdef0/{ID}");
        let of_path = Identity::of(Some(path.as_bytes()), None);
        assert_eq!((of_path.kind, of_path.runtime), (Kind::Container, None));
        assert_eq!(of_path.container_id, Some(ID));
        assert_eq!(of_path.pod_uid.as_deref(), Some("12345678-9abc-def0-1234-56789abcdef0"));

        let known = Workload {
            kind: Kind::Container,
            runtime: Some(Runtime::Containerd),
            name: Some("web".into()),
            ..Workload::default()
        };
        let of_both = Identity::of(Some(path.as_bytes()), Some(&known));
        assert_eq!((of_both.runtime, of_both.name), (Some(Runtime::Containerd), Some("web")));
        assert_eq!(of_both.container_id, Some(ID));
    }

    #[test]
    fn a_container_may_live_in_a_cgroup_of_any_name() {
        let known = Workload {
            kind: Kind::Container,
            id: Some("job".into()),
            runtime: Some(Runtime::Runc),
            ..Workload::default()
        };
        for path in ["/job", "/system.slice/runc-job.scope"] {
            let identity = Identity::of(Some(path.as_bytes()), Some(&known));
            assert_eq!((identity.kind, identity.container_id), (Kind::Container, Some("job")));
            assert_eq!(identity.unit, None);
        }
        assert_eq!(Identity::of(None, None), Identity::default());
    }
}
