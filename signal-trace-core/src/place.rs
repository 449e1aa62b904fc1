//! What the path of a cgroup tells of who lives there.

/// Digits of a container's id in every runtime that we know.
const ID_LENGTH: usize = 64;

/// The id of the innermost container in the path of a cgroup; `None` if there is none. The
/// processes that look after a container (`libpod-conmon-ID.scope`) are not in it.
pub(crate) fn container_of(path: &[u8]) -> Option<&[u8]> {
    path.rsplit(|byte| *byte == b'/')
        .filter(|name| !name.windows(6).any(|part| part == b"conmon"))
        .find_map(id_in)
}

/// `ID`, `docker-ID.scope`, `cri-containerd:ID`.
fn id_in(name: &[u8]) -> Option<&[u8]> {
    name.split(|byte| !byte.is_ascii_alphanumeric())
        .find(|word| word.len() == ID_LENGTH && word.iter().all(u8::is_ascii_hexdigit))
}

/// Whether the path is that of a container which the kubelet started.
pub(crate) fn is_in_pod(path: &[u8]) -> bool {
    path.windows(8).any(|part| part == b"kubepods")
}

/// Whether the path is that of a service manager: PID 1, or the manager of a user.
pub(crate) fn is_init_scope(path: &[u8]) -> bool {
    path.ends_with(b"/init.scope")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn containers_are_known_by_their_id() {
        for path in [
            format!("/docker/{ID}"),
            format!("/docker/{ID}/system.slice/x.service"),
            format!("/system.slice/docker-{ID}.scope"),
            format!("/a/b.service/kubepods-pod1.slice:cri-containerd:{ID}"),
        ] {
            assert_eq!(container_of(path.as_bytes()), Some(ID.as_bytes()), "{path}");
        }
        for path in [
            "/".into(),
            format!("/machine.slice/libpod-conmon-{ID}.scope"),
            format!("/docker/{}", &ID[1..]),
            format!("/docker/a{ID}"),
            format!("/docker/{}", ID.replace('0', "g")),
        ] {
            assert_eq!(container_of(path.as_bytes()), None, "{path}");
        }
    }
}
