//! `--runtime KIND=PATH`: how it is written, and what is said of one that is written otherwise.

use std::path::Path;

use crate::enrich::{Manager, RuntimeFlag};

/// `docker=/run/docker.sock`, `none`.
pub fn runtime(text: &str) -> Result<RuntimeFlag, String> {
    if text == "none" {
        return Ok(RuntimeFlag::Nobody);
    }
    let kinds = || Manager::ALL.map(Manager::name).join(", ");
    let Some((kind, path)) = text.split_once('=') else {
        return Err(format!("write `none`, or KIND=PATH with KIND one of {}", kinds()));
    };
    let Some(kind) = Manager::ALL.into_iter().find(|known| known.name() == kind) else {
        return Err(format!("there is no such kind; choose one of {}", kinds()));
    };
    // As engines write the addresses of their sockets.
    let path = path.strip_prefix("unix://").unwrap_or(path);
    if !Path::new(path).is_absolute() {
        let what = if kind == Manager::Oci { "state folder" } else { "socket" };
        return Err(format!("give the absolute path of its {what}, as {}=/run/...", kind.name()));
    }
    Ok(RuntimeFlag::Place(kind, path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_as_documented() {
        assert_eq!(runtime("none"), Ok(RuntimeFlag::Nobody));
        for (text, kind, path) in [
            ("docker=/a=b", Manager::Docker, "/a=b"),
            ("podman=unix:///run/podman/podman.sock", Manager::Podman, "/run/podman/podman.sock"),
            ("cri-o=/run/crio/crio.sock", Manager::CriO, "/run/crio/crio.sock"),
            ("oci=/run/runc", Manager::Oci, "/run/runc"),
        ] {
            assert_eq!(runtime(text), Ok(RuntimeFlag::Place(kind, path.into())), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, message) in [
            ("", "write `none`, or KIND=PATH with KIND one of docker, podman, "),
            ("docker", "write `none`"),
            ("crio=/x", "choose one of docker, podman, containerd, cri-o, oci, systemd"),
            ("docker=", "the absolute path of its socket, as docker=/run/"),
            ("docker=tcp://h:1", "the absolute path of its socket"),
            ("oci=run", "the absolute path of its state folder"),
        ] {
            let error = runtime(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
