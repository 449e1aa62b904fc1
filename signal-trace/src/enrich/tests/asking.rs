//! One question to one source: what it makes of good, odd and bad answers.

use std::path::PathBuf;

use signal_trace_core::{
    time::SECOND,
    workload::{Configured, Kind, Runtime, Source as Told},
};

use super::{
    super::{Failure, docker::Docker, podman::Podman},
    DOCKER_ID, PODMAN_ID,
    fake::{Fake, Folder, Way},
    subject, ticking,
};

const DOCKER: &str = include_str!("../fixtures/docker-inspect.json");
const PODMAN: &str = include_str!("../fixtures/podman-inspect.json");

#[tokio::test]
async fn docker_tells_all_of_a_container() {
    let fake = Fake::start(Way::ok(DOCKER));
    let asked = subject(1, "/docker/$DOCKER/init");
    let web = Docker::new(fake.socket()).look_up(&asked).await.unwrap().unwrap();
    assert_eq!(fake.requests(), [format!("GET /containers/{DOCKER_ID}/json HTTP/1.1")]);
    assert_eq!(
        (web.kind, web.runtime, web.sandbox),
        (Kind::Container, Some(Runtime::Docker), false)
    );
    assert_eq!(web.id.as_deref(), Some(DOCKER_ID));
    assert_eq!(web.name.as_deref(), Some("web"));
    assert_eq!(web.image.as_deref(), Some("st-busybox:1"));
    assert_eq!(web.pid1, Some(5811));
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let (project, service) = ("com.docker.compose.project", "com.docker.compose.service");
    assert_eq!(web.labels, [label(project, "shop"), label(service, "web")]);
    let signal = web.stop_signal.unwrap();
    assert_eq!((signal.value.number(), signal.source), (37, Told::Docker));
    assert_eq!(web.grace_ns, Some(Configured { value: 7 * SECOND, source: Told::Docker }));
}

#[tokio::test]
async fn docker_has_defaults_and_no_limit() {
    let fake = Fake::start(Way::Hangs);
    for (config, signal, grace) in [
        ("{}", 15, 10 * SECOND),
        (r#"{"StopSignal": null, "StopTimeout": null, "Labels": null}"#, 15, 10 * SECOND),
        (r#"{"StopSignal": "", "StopTimeout": 0}"#, 15, 0),
        (r#"{"StopSignal": "SIGQUIT", "StopTimeout": -1}"#, 3, u64::MAX),
        (r#"{"StopSignal": "12", "StopTimeout": 9223372036854775807}"#, 12, u64::MAX),
    ] {
        fake.set(Way::ok(format!(r#"{{"Id": "{DOCKER_ID}", "Name": "/", "Config": {config}}}"#)));
        let asked = subject(1, "/docker/$DOCKER");
        let it = Docker::new(fake.socket()).look_up(&asked).await.unwrap().unwrap();
        assert_eq!(it.stop_signal.unwrap().value.number(), signal, "{config}");
        assert_eq!(it.grace_ns.unwrap().value, grace, "{config}");
        assert_eq!((it.name, it.pid1), (None, None), "{config}");
    }
}

#[tokio::test]
async fn podman_tells_all_of_a_container() {
    let fake = Fake::start(Way::ok(PODMAN));
    let asked = subject(1, "/libpod_parent/libpod-$PODMAN");
    let mut podman = Podman::new(fake.socket());
    let web = podman.look_up(&asked).await.unwrap().unwrap();
    let path = format!("GET /v4.0.0/libpod/containers/{PODMAN_ID}/json HTTP/1.1");
    assert_eq!(fake.requests(), [path]);
    assert_eq!((web.runtime, web.sandbox), (Some(Runtime::Podman), false));
    assert_eq!(web.name.as_deref(), Some("pweb"));
    assert_eq!(web.image.as_deref(), Some("localhost/st-busybox:1"));
    assert_eq!(web.labels, [("app".to_owned(), "shop".to_owned())]);
    let signal = web.stop_signal.unwrap();
    assert_eq!((signal.value.number(), signal.source), (37, Told::Podman));
    assert_eq!(web.grace_ns, Some(Configured { value: 7 * SECOND, source: Told::Podman }));

    // As Podman 5 writes it, of a pod's first container, with a time-out of -1.
    fake.set(Way::ok(
        PODMAN
            .replace("\"StopSignal\": 37", "\"StopSignal\": \"SIGQUIT\"")
            .replace("\"StopTimeout\": 7", "\"StopTimeout\": 4294967295")
            .replace("\"IsInfra\": false", "\"IsInfra\": true"),
    ));
    let infra = podman.look_up(&asked).await.unwrap().unwrap();
    assert!(infra.sandbox);
    assert_eq!(infra.stop_signal.unwrap().value.number(), 3);
    assert_eq!(infra.grace_ns.unwrap().value, u64::MAX);
}

#[tokio::test]
async fn hostile_names_are_passed_on_and_do_no_harm() {
    let long = "\u{20ac}".repeat(5 << 10);
    let body = format!(
        r#"{{"Id": "{DOCKER_ID}", "Name": "/a\n\"\u001b[2J\u0000\udc00{long}", "Config":
        {{"Image": "\ud800", "Labels": {{"app": "{long}", "\ud83d": "{long}", "k8s-app": null}}}}}}"#
    );
    let fake = Fake::start(Way::ok(body));
    let asked = subject(1, "/docker/$DOCKER");
    let it = Docker::new(fake.socket()).look_up(&asked).await.unwrap().unwrap();
    let name = it.name.unwrap();
    assert!(name.starts_with("a\n\"\u{1b}[2J\0\u{fffd}"), "{name:?}");
    assert!((4093..=4096).contains(&name.len()), "{}", name.len());
    assert!(it.image.unwrap().chars().all(|character| character == '\u{fffd}'));
    assert_eq!((it.labels.len(), it.labels[0].1.len()), (1, 4095));
}

/// What `Docker` says of an engine that answers in this way.
async fn failure(way: Way) -> String {
    let fake = Fake::start(way);
    let asked = subject(1, "/docker/$DOCKER");
    match Docker::new(fake.socket()).look_up(&asked).await {
        Err(Failure::Broken(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_answer_is_said_in_few_words() {
    let secret = "do-not-repeat".repeat(1000);
    for (way, why) in [
        (Way::Says(500, b"{}".into()), "status 500"),
        (Way::Says(302, Vec::new()), "status 302"),
        (Way::ok(secret.clone()), "no JSON (line 1, column 1)"),
        (Way::ok("[".repeat(100_000)), "(line 1, column"),
        (Way::ok(format!(r#"{{"Id": "{secret}", "Config": "{secret}"}}"#)), "another shape"),
        (Way::ok(format!(r#"{{"Id": "{PODMAN_ID}"}}"#)), "for another container"),
        (Way::ok("{}"), "for another container"),
        (Way::Raw(Vec::new()), "connection closed"),
        (Way::Raw(b"\x00\xff\x1b[2J garbage\r\n\r\n".into()), "invalid HTTP"),
        (Way::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".into()), "body"),
        (Way::Raw([&b"HTTP/1.1 200 OK\r\nX: "[..], &*vec![b'x'; 1 << 20]].concat()), "too large"),
        (Way::Endless, "longer than 4 MiB"),
    ] {
        let said = failure(way).await;
        assert!(said.contains(why), "{said} / {why}");
        assert!(said.len() < 200 && !said.contains("repeat") && !said.contains('\u{1b}'), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_waited_for_beyond_the_deadline() {
    let _clock = ticking();
    let drip = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{DOCKER}", DOCKER.len());
    for way in [Way::Hangs, Way::Drips(drip.into())] {
        let start = tokio::time::Instant::now();
        assert_eq!(failure(way).await, "no whole answer within 2 s");
        assert!((2000..2100).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn what_is_not_there_is_absent_and_what_is_dead_is_broken() {
    let asked = subject(1, "/docker/$DOCKER");
    let folder = Folder::new();
    let ask = async |socket: PathBuf| Docker::new(socket).look_up(&asked).await;
    assert!(matches!(ask(folder.path().join("none.sock")).await, Err(Failure::Absent)));
    folder.write("file", "");
    let below_file = folder.path().join("file/none.sock");
    assert!(matches!(ask(below_file).await, Err(Failure::Absent)));

    let mut fake = Fake::start(Way::Hangs);
    fake.die().await;
    let Err(Failure::Broken(why)) = ask(fake.socket()).await else { panic!("it is dead") };
    assert_eq!(why, "nobody listens there (connection refused)");

    // The first that is there is asked, and no other one.
    let fake = Fake::start(Way::Says(404, b"{\"message\": \"No such container\"}".into()));
    let sockets = vec![folder.path().join("none.sock"), fake.socket(), "/nowhere".into()];
    let answer = Docker::behind_first_of(sockets).look_up(&asked).await;
    assert!(matches!(answer, Ok(None)), "{answer:?}");
}

#[tokio::test]
async fn what_we_may_not_ask_is_broken() {
    let fake = Fake::start(Way::ok(DOCKER));
    let asked = subject(1, "/docker/$DOCKER");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(fake.socket(), mode).unwrap();
    // Of this thread alone, which is the test's own; without root's capabilities for files.
    let root = nix::unistd::setfsuid(65534.into());
    let answer = Docker::new(fake.socket()).look_up(&asked).await;
    nix::unistd::setfsuid(root);
    let Err(Failure::Broken(why)) = answer else { panic!("{answer:?}") };
    assert!(why.contains("Permission denied"), "{why}");
    assert!(Docker::new(fake.socket()).look_up(&asked).await.is_ok());
}
