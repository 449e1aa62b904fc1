//! What a cgroup path says of a workload: its kind, runtime, container id, unit and pod.

use crate::escape;

/// Labels read off a cgroup path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// What the innermost recognised part of the path is.
    pub kind: Kind,
    /// `docker`, `containerd`, `cri-o` or `podman`, where the path tells.
    pub runtime: Option<&'static str>,
    /// Container id, 64 hexadecimal digits.
    pub container_id: Option<String>,
    /// Systemd service or scope.
    pub unit: Option<String>,
    /// Uid of the Kubernetes pod around it, with dashes as the API server writes it.
    pub pod_uid: Option<String>,
}

/// Kind of a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A container.
    Container,
    /// A systemd service or scope.
    Unit,
    /// A cgroup that is neither.
    #[default]
    Cgroup,
}

impl Labels {
    /// Reads `path` (relative to the hierarchy's root) from the outside in; the innermost wins.
    pub fn of(path: &[u8]) -> Self {
        let path = escape::for_json(path);
        let mut labels = Self::default();
        let mut parent = "";
        let mut in_kubepods = false;
        for component in path.split('/').filter(|component| !component.is_empty()) {
            in_kubepods |= component.contains("kubepods");
            // containerd with the cgroupfs driver below systemd: `<slice>:cri-containerd:<id>`.
            let (pod, container) = match component.split(':').collect::<Vec<_>>()[..] {
                [slice, prefix, id] => (slice, is_id(id).then_some((runtime(prefix), id))),
                _ => (component, container(component, parent)),
            };
            if in_kubepods && let Some(uid) = pod_uid(pod) {
                labels.pod_uid = Some(uid);
            }
            if let Some((runtime, id)) = container {
                labels.kind = Kind::Container;
                labels.runtime = runtime;
                labels.container_id = Some(id.to_owned());
                labels.unit = None;
            } else if is_unit(component) {
                labels.kind = Kind::Unit;
                labels.runtime = None;
                labels.container_id = None;
                labels.unit = Some(component.to_owned());
            }
            parent = component;
        }
        labels
    }
}

/// Runtime and id, if `component` is the cgroup of a container.
fn container<'a>(component: &'a str, parent: &str) -> Option<(Option<&'static str>, &'a str)> {
    if is_id(component) {
        return Some((if parent == "docker" { Some("docker") } else { None }, component));
    }
    let name = component.strip_suffix(".scope").unwrap_or(component);
    // Not the last dash alone: `libpod-conmon-<id>.scope` is podman's monitor, not the container.
    let (prefix, id) = name.rsplit_once('-')?;
    (is_id(id) && runtime(prefix).is_some()).then(|| (runtime(prefix), id))
}

/// The runtime that names its cgroups `<prefix>-<id>`.
fn runtime(prefix: &str) -> Option<&'static str> {
    Some(match prefix {
        "docker" => "docker",
        "cri-containerd" | "nerdctl" => "containerd",
        "crio" => "cri-o",
        "libpod" => "podman",
        _ => return None,
    })
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_unit(component: &str) -> bool {
    [".service", ".scope"]
        .iter()
        .any(|suffix| component.strip_suffix(suffix).is_some_and(|name| !name.is_empty()))
}

/// Uid of a pod's cgroup: `pod<uid>` (cgroupfs) or `kubepods-…-pod<uid>.slice` (systemd, in which
/// the dashes of the uid are underscores).
fn pod_uid(component: &str) -> Option<String> {
    let uid = match component.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
        None => component.strip_prefix("pod")?.to_owned(),
    };
    // A static pod has 32 digits (a hash of its manifest), any other a UUID of 36 characters.
    let plausible = matches!(uid.len(), 32 | 36)
        && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    plausible.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const OUTER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
    const UID: &str = "12345678-9abc-def0-1234-56789abcdef0";
    const UID_: &str = "12345678_9abc_def0_1234_56789abcdef0";

    /// `kind runtime id unit pod`, `-` for nothing.
    #[track_caller]
    fn check(path: &str, expected: &str) {
        let path = fill(path);
        let Labels { kind, runtime, container_id, unit, pod_uid } = Labels::of(path.as_bytes());
        let dash = || "-".to_owned();
        let actual = format!(
            "{kind:?} {} {} {} {}",
            runtime.unwrap_or("-"),
            container_id.unwrap_or_else(dash),
            unit.unwrap_or_else(dash),
            pod_uid.unwrap_or_else(dash),
        );
        assert_eq!(actual, fill(expected), "{path}");
    }

    fn fill(text: &str) -> String {
        text.replace("$OUTER", OUTER).replace("$ID", ID).replace("$UID_", UID_).replace("$UID", UID)
    }

    #[test]
    fn every_known_layout_is_read() {
        check("/docker/$ID", "Container docker $ID - -");
        check("/system.slice/docker-$ID.scope", "Container docker $ID - -");
        check("/system.slice/docker-$ID.scope/init", "Container docker $ID - -");
        check("/system.slice/nerdctl-$ID.scope", "Container containerd $ID - -");
        check("/default/$ID", "Container - $ID - -");
        check("/machine.slice/libpod-$ID.scope/container", "Container podman $ID - -");
        check("/libpod_parent/libpod-$ID", "Container podman $ID - -");
        check("/machine.slice/libpod-conmon-$ID.scope", "Unit - - libpod-conmon-$ID.scope -");
        check("/system.slice/crio-$ID.scope", "Container cri-o $ID - -");
        check("/kubepods/besteffort/pod$UID/$ID", "Container - $ID - $UID");
        check("/kubepods/pod$UID/$ID", "Container - $ID - $UID");
        check(
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod$UID_.slice/cri-containerd-$ID.scope",
            "Container containerd $ID - $UID",
        );
        check(
            "/kubepods.slice/kubepods-pod$UID_.slice/crio-$ID.scope",
            "Container cri-o $ID - $UID",
        );
        check(
            "/system.slice/containerd.service/kubepods-burstable-pod$UID_.slice:cri-containerd:$ID",
            "Container containerd $ID - $UID",
        );
        check("/system.slice/nginx.service", "Unit - - nginx.service -");
        check("/system.slice/nginx.service/workers", "Unit - - nginx.service -");
        check("/user.slice/user-1000.slice/session-2.scope", "Unit - - session-2.scope -");
        check(
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app.service",
            "Unit - - app.service -",
        );
    }

    #[test]
    fn the_innermost_wins() {
        check("/docker/$OUTER/docker/$ID", "Container docker $ID - -");
        check("/docker/$OUTER/system.slice/sshd.service", "Unit - - sshd.service -");
        check(
            "/docker/$OUTER/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod$UID_.slice/cri-containerd-$ID.scope",
            "Container containerd $ID - $UID",
        );
    }

    #[test]
    fn what_only_looks_like_one_is_a_plain_cgroup() {
        for path in [
            "/",
            "",
            "/docker/short",
            "/docker-$ID.slice/x",
            "/pod$UID/x",
            "/kubepods/pod$UID/x.slice/.scope",
            "/system.slice",
            "/a:b:c",
        ] {
            let labels = Labels::of(fill(path).as_bytes());
            assert_eq!(labels.kind, Kind::Cgroup, "{path}");
            assert_eq!(labels.container_id, None, "{path}");
        }
        assert_eq!(Labels::of(b"/bad\xff\xfe").kind, Kind::Cgroup);
        assert_eq!(Labels::of(b"/bad\xff.service").unit.as_deref(), Some("bad\\xff.service"));
    }
}
