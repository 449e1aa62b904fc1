//! What the path of a cgroup tells of who lives there: container, unit, pod.
//!
//! The layouts are those of runc's and crun's cgroupfs and systemd drivers, of the kubelet
//! (`pkg/kubelet/cm/cgroup_manager_linux.go`), and of systemd.control-group(7).

use alloc::string::String;

use crate::workload::{Kind, Runtime};

/// Where a service manager itself lives. In a container, or below a user's unit, it is what that is.
const INIT: &[u8] = b"init.scope";

/// Digits of a container's id in every engine that we know.
const ID_LENGTH: usize = 64;

/// Labels read off a cgroup path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels<'a> {
    /// What the innermost recognised part of the path is.
    pub kind: Kind,
    /// Runtime of the innermost container, where the path tells.
    pub runtime: Option<Runtime>,
    /// Id of the innermost container, 64 hexadecimal digits. Around a unit: of the container that
    /// the unit is in.
    pub container_id: Option<&'a str>,
    /// Systemd service or scope, if that is the innermost part. Untrusted, any bytes.
    pub unit: Option<&'a [u8]>,
    /// The part of the path that is not the unit's service manager's: empty on the node itself, the
    /// container's cgroup for a unit in a container.
    pub manager: &'a [u8],
    /// The cgroup of the Kubernetes pod around it: `pod<uid>` or `kubepods-…-pod<uid>.slice`.
    pod: Option<&'a str>,
    /// Below `kubepods`.
    in_pod: bool,
}

impl<'a> Labels<'a> {
    /// Reads `path` (relative to the hierarchy's root) from the outside in; the innermost wins.
    pub fn of(path: &'a [u8]) -> Self {
        let mut labels = Self::default();
        let mut parent: &[u8] = b"";
        let mut end = 0;
        for component in path.split(|byte| *byte == b'/') {
            let begin = end;
            end += component.len() + 1;
            if component.is_empty() {
                continue;
            }
            labels.in_pod |= component.windows(8).any(|part| part == b"kubepods");
            let (pod, container) = split(component, parent);
            if labels.in_pod
                && let Some(pod) = pod.filter(|pod| pod_uid(pod).is_some())
            {
                labels.pod = Some(pod);
            }
            if let Some((runtime, id)) = container {
                labels.kind = Kind::Container;
                labels.runtime = runtime;
                labels.container_id = Some(id);
                labels.unit = None;
                labels.manager = path.get(..end - 1).unwrap_or_default();
            } else if is_unit(component) && !(component == INIT && labels.kind != Kind::Cgroup) {
                labels.kind = Kind::Unit;
                labels.unit = Some(component);
                if component.starts_with(b"user@") {
                    // A manager of its own for the units of one user.
                    labels.manager = path.get(..begin + component.len()).unwrap_or_default();
                }
            }
            parent = component;
        }
        labels
    }

    /// Uid of the Kubernetes pod around it, with dashes as the API server writes it.
    pub fn pod_uid(&self) -> Option<String> {
        self.pod.and_then(pod_uid)
    }

    /// Whether it is in a container that the kubelet started.
    pub const fn in_pod(&self) -> bool {
        self.in_pod && self.container_id.is_some()
    }
}

/// What may be the name of a pod's cgroup, and runtime and id if it is that of a container.
fn split<'a>(
    component: &'a [u8],
    parent: &[u8],
) -> (Option<&'a str>, Option<(Option<Runtime>, &'a str)>) {
    let Ok(text) = core::str::from_utf8(component) else { return (None, None) };
    // containerd with the cgroupfs driver below systemd: `<slice>:cri-containerd:<id>`.
    let mut parts = text.split(':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(slice), Some(prefix), Some(id), None) => {
            (Some(slice), is_id(id).then(|| (runtime(prefix), id)))
        }
        _ => (Some(text), container(text, parent)),
    }
}

/// Runtime and id, if `component` is the cgroup of a container.
fn container<'a>(component: &'a str, parent: &[u8]) -> Option<(Option<Runtime>, &'a str)> {
    if is_id(component) {
        return Some(((parent == b"docker").then_some(Runtime::Docker), component));
    }
    let name = component.strip_suffix(".scope").unwrap_or(component);
    // Not the last dash alone: `libpod-conmon-<id>.scope` is podman's monitor, not the container.
    let (prefix, id) = name.rsplit_once('-')?;
    (is_id(id) && runtime(prefix).is_some()).then(|| (runtime(prefix), id))
}

/// The runtime that names its cgroups `<prefix>-<id>`.
fn runtime(prefix: &str) -> Option<Runtime> {
    Some(match prefix {
        "docker" => Runtime::Docker,
        "cri-containerd" | "nerdctl" => Runtime::Containerd,
        "crio" => Runtime::CriO,
        // `--cgroups=split`, which Quadlet's units use: below the unit.
        "libpod" | "libpod-payload" => Runtime::Podman,
        _ => return None,
    })
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_unit(component: &[u8]) -> bool {
    [&b".service"[..], b".scope"]
        .iter()
        .any(|suffix| component.strip_suffix(*suffix).is_some_and(|name| !name.is_empty()))
}

/// Uid of a pod's cgroup: `pod<uid>` (cgroupfs) or `kubepods-…-pod<uid>.slice` (systemd, in which
/// the dashes of the uid are underscores).
fn pod_uid(component: &str) -> Option<String> {
    let uid = match component.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("-pod")?.1,
        // Below systemd with the cgroupfs driver it has no suffix.
        None => component.strip_prefix("pod").or_else(|| Some(component.rsplit_once("-pod")?.1))?,
    };
    // A static pod has 32 digits (a hash of its manifest), any other a UUID of 36 characters.
    let uid = uid.replace('_', "-");
    let plausible = matches!(uid.len(), 32 | 36)
        && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    plausible.then_some(uid)
}

/// Whether the path is that of a service manager: PID 1, or the manager of a user.
pub(crate) fn is_init_scope(path: &[u8]) -> bool {
    path.ends_with(b"/init.scope")
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, format};

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const OUTER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
    const UID: &str = "12345678-9abc-def0-1234-56789abcdef0";
    const UID_: &str = "12345678_9abc_def0_1234_56789abcdef0";

    /// `kind runtime id unit pod`, `-` for nothing.
    #[track_caller]
    fn check(path: &str, expected: &str) {
        let path = fill(path);
        let labels = Labels::of(path.as_bytes());
        let dash = || "-".to_owned();
        let actual = format!(
            "{:?} {} {} {} {}",
            labels.kind,
            labels.runtime.map_or("-", Runtime::name),
            labels.container_id.unwrap_or("-"),
            labels.unit.map_or_else(dash, |unit| String::from_utf8_lossy(unit).into()),
            labels.pod_uid().unwrap_or_else(dash),
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
        // Quadlet: `--cgroups=split`.
        check("/system.slice/web.service/libpod-payload-$ID", "Container podman $ID - -");
        check("/system.slice/web.service/runtime", "Unit - - web.service -");
        check(
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-$ID.scope/container",
            "Container podman $ID - -",
        );
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
        check("/docker/$OUTER/system.slice/sshd.service", "Unit docker $OUTER sshd.service -");
        check("/docker/$ID/init.scope", "Container docker $ID - -");
        check("/init.scope", "Unit - - init.scope -");
        check(
            "/user.slice/user-1000.slice/user@1000.service/init.scope",
            "Unit - - user@1000.service -",
        );
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
            "/docker/a$ID",
            "/docker-$ID.slice/x",
            "/pod$UID/x",
            "/kubepods/pod$UID/x.slice/.scope",
            "/system.slice",
            "/a:b:c",
        ] {
            let path = fill(path);
            let labels = Labels::of(path.as_bytes());
            assert_eq!(labels.kind, Kind::Cgroup, "{path}");
            assert_eq!(labels.container_id, None, "{path}");
        }
        assert_eq!(Labels::of(b"/bad\xff\xfe").kind, Kind::Cgroup);
        assert_eq!(Labels::of(b"/bad\xff.service").unit, Some(&b"bad\xff.service"[..]));
    }

    #[test]
    fn the_manager_of_a_unit_is_the_innermost_one() {
        for (path, manager) in [
            ("/system.slice/nginx.service", ""),
            ("/docker/$ID/system.slice/nginx.service", "/docker/$ID"),
            (
                "/system.slice/docker-$ID.scope/system.slice/x.service",
                "/system.slice/docker-$ID.scope",
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app.service",
                "/user.slice/user-1000.slice/user@1000.service",
            ),
        ] {
            let (path, manager) = (fill(path), fill(manager));
            assert_eq!(Labels::of(path.as_bytes()).manager, manager.as_bytes(), "{path}");
        }
    }
}
