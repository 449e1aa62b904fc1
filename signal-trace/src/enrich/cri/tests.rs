//! Tests against a made-up runtime, with answers as a real containerd gives them.

use signal_trace_core::{ids::CgroupKey, workload::Kubernetes};
use world::{ID, SANDBOX, World, container, map, subject};

use super::*;
use crate::net::grpc::fake::{Fake, Reply};

mod world;

/// Answers of containerd 1.6.20, byte by byte: a container of a pod, its sandbox, and an image.
#[tokio::test]
async fn what_a_real_containerd_says_is_read() {
    let body = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        Reply::Body([&[0], &length[..], bytes].concat(), 0, b"")
    };
    let fake = Fake::start(move |method, _| match method {
        "/runtime.v1.RuntimeService/ContainerStatus" => {
            body(include_bytes!("fixtures/container.bin"))
        }
        "/runtime.v1.RuntimeService/PodSandboxStatus" => {
            body(include_bytes!("fixtures/sandbox.bin"))
        }
        _ => body(include_bytes!("fixtures/image.bin")),
    });
    let mut cri = Cri::new(fake.socket(), Runtime::Containerd);
    let expected = Workload {
        image: Some("lab.local/busybox:1".into()),
        labels: vec![("app".into(), "lab".into())],
        stop_signal: Some(Configured { value: Signal::QUIT, source: Source::Image }),
        ..container()
    };
    assert_eq!(cri.look_up(&subject(ID)).await.unwrap(), Some(expected));
    let (sandbox, info) = cri.sandbox(SANDBOX).await.unwrap().unwrap();
    assert_eq!(sandbox.metadata.unwrap().namespace, "shop");
    assert_eq!(info.pid, Some(16630));
}

#[tokio::test]
async fn a_container_of_a_pod_is_described() {
    assert_eq!(World::new().look_up().await, container());
}

#[tokio::test]
async fn a_sandbox_is_marked_as_such() {
    let (_fake, mut cri) = World::new().serve();
    let sandbox = cri.look_up(&subject(SANDBOX)).await.unwrap().unwrap();
    let pod = container().kubernetes.map(|pod| Kubernetes { container: None, ..pod });
    let expected = Workload {
        kind: Kind::Container,
        sandbox: true,
        runtime: Some(Runtime::Containerd),
        id: Some(SANDBOX.into()),
        kubernetes: pod,
        labels: container().labels,
        pid1: Some(16600),
        ..Workload::default()
    };
    assert_eq!(sandbox, expected);
}

#[tokio::test]
async fn what_the_runtime_does_not_know_is_nothing() {
    let (fake, mut cri) = World::new().serve();
    assert_eq!(cri.look_up(&subject(&"ab".repeat(32))).await.unwrap(), None);
    assert_eq!(fake.calls.lock().unwrap().len(), 2);
    let unit = Subject { key: CgroupKey::V2(7), path: b"/system.slice/cron.service".to_vec() };
    assert_eq!(cri.look_up(&unit).await.unwrap(), None);
    assert_eq!(fake.calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn an_older_runtime_is_asked_in_its_own_version() {
    let mut world = World::new();
    world.version = "runtime.v1alpha2";
    let (fake, mut cri) = world.serve();
    for _ in 0..2 {
        assert_eq!(cri.look_up(&subject(ID)).await.unwrap(), Some(container()));
    }
    let calls = fake.calls.lock().unwrap();
    assert_eq!(calls[0], "/runtime.v1.RuntimeService/ContainerStatus");
    // It is remembered, and so is the image.
    assert!(calls[1..].iter().all(|call| call.starts_with("/runtime.v1alpha2.")), "{calls:?}");
    assert_eq!(calls.len(), 1 + 3 + 2);
}

#[tokio::test]
async fn a_runtime_that_was_upgraded_is_asked_in_the_newer_version() {
    let older = World { version: "runtime.v1alpha2", ..World::new() };
    let (_older, mut cri) = older.serve();
    assert_eq!(cri.look_up(&subject(ID)).await.unwrap(), Some(container()));
    let (newer, _) = World::new().serve();
    cri.channel = Channel::new(Peer::Unix(newer.socket()), DEADLINE);
    assert_eq!(cri.look_up(&subject(ID)).await.unwrap(), Some(container()));
    assert!(newer.calls.lock().unwrap().iter().all(|call| call.starts_with("/runtime.v1.")));
}

#[tokio::test]
async fn a_server_that_is_no_runtime_is_broken() {
    let mut world = World::new();
    world.version = "something.else";
    let (_fake, mut cri) = world.serve();
    for _ in 0..2 {
        let failure = cri.look_up(&subject(ID)).await.unwrap_err().to_string();
        assert!(failure.contains("gRPC status 12: unknown service"), "{failure}");
    }
}

#[tokio::test]
async fn the_stop_signal_is_the_runtimes_or_the_images() {
    let signal = |world: World| async { world.look_up().await.stop_signal };
    let is = |value, source| Some(Configured { value, source });
    let mut world = World::new();
    world.image = r#"{"imageSpec":{"config":{"StopSignal":"SIGQUIT"}}}"#;
    assert_eq!(signal(world.clone()).await, is(Signal::QUIT, Source::Image));
    world.status.stop_signal = 38;
    let rtmin = Signal::parse("RTMIN+3").unwrap();
    assert_eq!(signal(world.clone()).await, is(rtmin, Source::Cri));
    // A number that we do not know yet.
    world.status.stop_signal = 99;
    assert_eq!(signal(world.clone()).await, is(Signal::QUIT, Source::Image));
    world.status.image_ref = "sha256:ff".into();
    for (image, expected) in [
        (r#"{"imageSpec":{"config":{"StopSignal":""}}}"#, is(Signal::TERM, Source::Cri)),
        (r#"{"imageSpec":{"config":null}}"#, is(Signal::TERM, Source::Cri)),
        (r#"{"imageSpec":{"config":{"StopSignal":"SIGNAL"}}}"#, None),
        // The image has been removed.
        ("", None),
        // The rest is known all the same.
        ("refused", None),
    ] {
        world.image = image;
        assert_eq!(signal(world.clone()).await, expected, "{image}");
    }
}

#[tokio::test]
async fn a_container_that_the_kubelet_did_not_make_has_no_pod() {
    let mut world = World::new();
    world.status.labels.clear();
    world.status.annotations.clear();
    let expected = Workload {
        kubernetes: None,
        grace_ns: None,
        pre_stop: None,
        labels: vec![],
        ..container()
    };
    assert_eq!(world.look_up().await, expected);
}

#[tokio::test]
async fn the_image_is_the_one_that_was_asked_for() {
    let mut world = World::new();
    world.info = r#"{"config":{"image":{"image":"sha256:6a2a","user_specified_image":"web:2"}}}"#;
    assert_eq!(world.clone().look_up().await.image.as_deref(), Some("web:2"));
    let spec = world.status.image.as_mut().unwrap();
    spec.user_specified_image = "web:3".into();
    assert_eq!(world.look_up().await.image.as_deref(), Some("web:3"));
}

#[tokio::test]
async fn hostile_strings_are_kept_short_or_left_out() {
    let mut world = World::new();
    let long = "\u{20ac}".repeat(5000);
    world.status.metadata.as_mut().unwrap().name.clone_from(&long);
    world.status.labels.insert("io.kubernetes.pod.name".into(), "\x1b[31m\n".into());
    let deep = format!("{}{}", r#"{"exec":"#.repeat(10_000), "}".repeat(10_000));
    for (grace, handler, info) in [
        ("-1", "{}", "[]"),
        ("6s", "", "{"),
        ("99999999999999999999999", &*deep, &*deep),
        ("", r#"{"exec":{"command":null}}"#, r#"{"pid":"1"}"#),
        ("1.5", r#"{"httpGet":{"path":"/"}}"#, r#"{"pid":-1,"sandboxID":7}"#),
        ("\u{663}", r#"{"exec":{"command":[]}}"#, "\u{0}"),
    ] {
        let annotations = &mut world.status.annotations;
        annotations.insert("io.kubernetes.pod.terminationGracePeriod".into(), grace.into());
        annotations.insert("io.kubernetes.container.preStopHandler".into(), handler.into());
        world.info = info.to_owned().leak();
        let workload = world.clone().look_up().await;
        assert_eq!(workload.name.as_deref(), Some(&long[..4095]));
        assert_eq!(workload.kubernetes.unwrap().pod.as_deref(), Some("\x1b[31m\n"));
        assert_eq!((workload.grace_ns, workload.pre_stop, workload.pid1), (None, None, None));
    }
    let annotations = &mut world.status.annotations;
    let most = u64::MAX.to_string();
    annotations.insert("io.kubernetes.pod.terminationGracePeriod".into(), most);
    let words = vec!["x".repeat(5000); 500];
    let handler = serde_json::json!({ "exec": { "command": words } }).to_string();
    annotations.insert("io.kubernetes.container.preStopHandler".into(), handler);
    let workload = world.look_up().await;
    assert_eq!(workload.grace_ns.map(|grace| grace.value), Some(u64::MAX));
    let command = workload.pre_stop.unwrap();
    assert_eq!((command.len(), command[0].len()), (64, 4096));
}

#[tokio::test]
async fn a_runtime_that_says_nothing_is_given_up_in_time() {
    let fake = Fake::start(|_, _| Reply::Never);
    let mut cri = Cri::new(fake.socket(), Runtime::CriO);
    tokio::time::pause();
    let failure = cri.look_up(&subject(ID)).await.unwrap_err();
    assert_eq!(failure.to_string(), "no answer in time");
}

#[tokio::test]
async fn a_runtime_that_starts_anew_is_asked_anew() {
    let (fake, mut cri) = World::new().serve();
    assert_eq!(cri.look_up(&subject(ID)).await.unwrap(), Some(container()));
    let socket = fake.socket();
    let folder = socket.parent().unwrap().to_owned();
    drop(fake);
    // Its end is noticed at the next question at the latest.
    let gone = cri.look_up(&subject(ID)).await.unwrap_err();
    assert!(matches!(gone, Failure::Absent | Failure::Broken(_)), "{gone}");
    assert!(matches!(cri.look_up(&subject(ID)).await, Err(Failure::Absent)));
    assert!(!folder.exists());
}

#[test]
fn images_are_remembered_in_bounds() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let fake = Fake::start(|_, _| {
            Reply::message(&ImageStatusResponse { info: map([("info", "{}")]) })
        });
        let mut cri = Cri::new(fake.socket(), Runtime::Containerd);
        for number in 0..MAX_IMAGES * 2 + 3 {
            let name = format!("sha256:{number}");
            assert_eq!(cri.image_signal(&name).await.unwrap(), Some(None));
        }
        assert_eq!(cri.images.len(), 3);
        // A name may mean another image tomorrow.
        assert_eq!(cri.image_signal("web:1").await.unwrap(), Some(None));
        assert_eq!(cri.images.len(), 3);
    });
}
