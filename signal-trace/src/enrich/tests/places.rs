//! State files: of engines that do not answer, and of runtimes without one.

use std::fs;

use signal_trace_core::{
    time::SECOND,
    workload::{Configured, Kind, Runtime, Source as Told},
};

use super::{
    super::{Failure, oci::Oci, podman::Podman},
    DOCKER_ID, PODMAN_ID,
    fake::Folder,
    subject,
};

const RUNC: &str = include_str!("../fixtures/runc-state.json");
const CRUN: &str = include_str!("../fixtures/crun-status.json");

#[tokio::test]
async fn docker_containers_are_known_without_the_engine() {
    let folder = Folder::new();
    let text = include_str!("../fixtures/docker-config.v2.json");
    folder.write(&format!("{DOCKER_ID}/config.v2.json"), text);
    let mut oci = Oci::new(folder.path().into());
    let it = oci.look_up(&subject(1, "/docker/$DOCKER")).await.unwrap().unwrap();
    assert_eq!((it.kind, it.runtime), (Kind::Container, Some(Runtime::Docker)));
    assert_eq!(it.name.as_deref(), Some("web"));
    assert_eq!(it.image.as_deref(), Some("st-busybox:1"));
    assert_eq!(it.stop_signal.unwrap().value.number(), 37);
    assert_eq!(it.grace_ns, Some(Configured { value: 7 * SECOND, source: Told::Docker }));
}

#[tokio::test]
async fn podman_containers_are_known_without_its_service() {
    let folder = Folder::new();
    let text = include_str!("../fixtures/podman-config.json");
    folder.write(&format!("overlay-containers/{PODMAN_ID}/userdata/config.json"), text);
    let list = include_str!("../fixtures/podman-containers.json");
    folder.write("overlay-containers/containers.json", list);
    let none = folder.path().join("none.sock");
    let mut podman = Podman::with_storage(none.clone(), folder.path().into());
    let asked = subject(1, "/libpod_parent/libpod-$PODMAN/container");
    let it = podman.look_up(&asked).await.unwrap().unwrap();
    assert_eq!((it.runtime, it.sandbox), (Some(Runtime::Podman), false));
    assert_eq!(it.name.as_deref(), Some("pweb"));
    assert_eq!(it.image.as_deref(), Some("localhost/st-busybox:1"));
    let signal = it.stop_signal.unwrap();
    assert_eq!((signal.value.number(), signal.source), (37, Told::Podman));
    assert_eq!(it.grace_ns, None, "it is in the database only");
    let other = podman.look_up(&subject(1, "/docker/$DOCKER")).await;
    assert!(matches!(other, Ok(None)), "{other:?}");
    let nothing = Podman::new(none).look_up(&asked).await;
    assert!(matches!(nothing, Err(Failure::Absent)), "{nothing:?}");
}

#[tokio::test]
async fn pods_are_known_without_cri() {
    let folder = Folder::new();
    let container = include_str!("../fixtures/containerd-config.json");
    let sandbox = include_str!("../fixtures/containerd-sandbox-config.json");
    folder.write(&format!("{DOCKER_ID}/config.json"), container);
    folder.write(&format!("{DOCKER_ID}/init.pid"), "4711");
    folder.write(&format!("{PODMAN_ID}/config.json"), sandbox);
    let mut oci = Oci::new(folder.path().into());
    let it = oci.look_up(&subject(1, "/kubepods/x/$DOCKER")).await.unwrap().unwrap();
    assert_eq!((it.runtime, it.sandbox), (Some(Runtime::Containerd), false));
    assert_eq!(it.name.as_deref(), Some("quit"));
    assert_eq!(it.image.as_deref(), Some("lab.local/quit:1"));
    assert_eq!((it.pid1, it.grace_ns), (Some(4711), None));
    let pod = it.kubernetes.unwrap();
    assert_eq!(pod.namespace.as_deref(), Some("shop"));
    assert_eq!(pod.uid.as_deref(), Some("12345678-9abc-def0-1234-56789abcdef0"));
    let pause = oci.look_up(&subject(1, "/kubepods/x/$PODMAN")).await.unwrap().unwrap();
    assert!(pause.sandbox);
}

#[tokio::test]
async fn a_plain_runc_container_is_found_by_its_cgroup() {
    let folder = Folder::new();
    let mut oci = Oci::new(folder.path().into());
    let asked = subject(1, "/plain1");
    assert!(matches!(oci.look_up(&asked).await, Ok(None)));
    // First the folder, then what is in it.
    fs::create_dir(folder.path().join("plain1")).unwrap();
    assert!(matches!(oci.look_up(&asked).await, Ok(None)));
    folder.write("plain1/state.json", "{\"half\": ");
    assert!(matches!(oci.look_up(&asked).await, Ok(None)));
    folder.write("plain1/state.json", RUNC);
    let it = oci.look_up(&asked).await.unwrap().unwrap();
    assert_eq!((it.kind, it.runtime), (Kind::Container, Some(Runtime::Runc)));
    assert_eq!((it.name.as_deref(), it.id.as_deref()), (Some("plain1"), Some("plain1")));
    assert_eq!(it.labels, [("app".to_owned(), "plainapp".to_owned())]);
    let signal = it.stop_signal.unwrap();
    assert_eq!((signal.value.number(), signal.source), (3, Told::Image));
    assert!(it.pid1.is_some());
    for (path, is_it) in [("/plain1/sub", true), ("/plain12", false), ("/", false), ("/a", false)] {
        let found = oci.look_up(&subject(1, path)).await.unwrap();
        assert_eq!(found.is_some(), is_it, "{path}");
    }
    fs::remove_dir_all(folder.path().join("plain1")).unwrap();
    assert!(matches!(oci.look_up(&asked).await, Ok(None)));
}

#[tokio::test]
async fn a_plain_crun_container_is_found_by_its_cgroup() {
    let folder = Folder::new();
    let status =
        CRUN.replace(r#""cgroup-path": """#, r#""cgroup-path": "/web.slice/crun-w.scope""#);
    folder.write("w/status", &status);
    folder.write("w/config.json", r#"{"annotations": {"app": "shop"}}"#);
    // Without a cgroup of its own it is nobody's that we could tell.
    folder.write("no-cgroup/status", CRUN);
    let mut oci = Oci::new(folder.path().into());
    let it = oci.look_up(&subject(1, "/web.slice/crun-w.scope")).await.unwrap().unwrap();
    assert_eq!((it.runtime, it.name.as_deref()), (Some(Runtime::Crun), Some("w")));
    assert_eq!(it.labels, [("app".to_owned(), "shop".to_owned())]);
    assert!(matches!(oci.look_up(&subject(1, "/web.slice")).await, Ok(None)));
}

#[tokio::test]
async fn odd_files_are_nobodys_fault() {
    let folder = Folder::new();
    let asked = subject(1, "/x/$DOCKER");
    let mut oci = Oci::new(folder.path().into());
    let name = format!("{DOCKER_ID}/state.json");
    for text in
        ["", "null", "[]", "{\"cgroup_paths\": 3}", &"[".repeat(100_000), &" ".repeat(2 << 20)]
    {
        folder.write(&name, text);
        assert!(matches!(oci.look_up(&asked).await, Ok(None)), "{:?}", text.get(..20));
    }
    // A FIFO that nobody writes to would hold up who opens it for reading.
    fs::remove_file(folder.path().join(&name)).unwrap();
    let mode = nix::sys::stat::Mode::S_IRWXU;
    nix::unistd::mkfifo(&folder.path().join(&name), mode).unwrap();
    assert!(matches!(oci.look_up(&asked).await, Ok(None)));
    folder.write("file", "");
    let file = Oci::new(folder.path().join("file")).look_up(&asked).await;
    assert!(matches!(file, Err(Failure::Absent)), "{file:?}");
}
