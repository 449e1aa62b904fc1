//! Sources that come and go, the order in which they are asked, and what is said of them.

use std::time::Duration;

use signal_trace_core::workload::{Runtime, Source as Told};

use super::{
    super::{
        Enricher, Manager, Options, RuntimeFlag, Subject,
        podman::Rootless,
        source::{Engine, Source},
    },
    DOCKER_ID, Log, PODMAN_ID, Running,
    fake::{Fake, Folder, Way},
    other_id, subject, ticking,
};
use crate::capture::procfs::Root;

const DOCKER: &str = include_str!("../fixtures/docker-inspect.json");
const PODMAN: &str = include_str!("../fixtures/podman-inspect.json");
const SECOND: Duration = Duration::from_secs(1);

fn source(kind: Manager, fake: &Fake) -> Source {
    let source = Source::at(kind, &fake.socket(), &Root::default());
    Source { named: false, ..source }
}

fn rootless(users: &Folder) -> Source {
    Source {
        kind: Manager::Podman,
        place: users.path().display().to_string(),
        named: false,
        engine: Engine::Rootless(Rootless::new(users.path().into())),
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_warned_of_once_and_what_was_asked_meanwhile_is_answered_later() {
    let (log, _guard) = Log::start();
    let fake = Fake::start(Way::Hangs);
    let running = Running::start(vec![source(Manager::Docker, &fake)]);
    running.want(1, "/docker/$DOCKER");
    // Deadline, and attempts after 1, 2, 4 ... 60 seconds, each with its deadline.
    assert_eq!(running.facts_within(300 * SECOND).await, []);
    let attempts = fake.requests().len();
    assert!((8..=11).contains(&attempts), "{attempts}");
    let warnings = log.lines("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    for part in ["Docker at ", "api.sock", "no whole answer within 2 s", "--runtime docker=PATH"] {
        assert!(warnings[0].contains(part), "{part}: {}", warnings[0]);
    }
    // More are wanted meanwhile: each waits, and none is asked about at once.
    running.want(2, "/docker/$DOCKER/init");
    assert!(running.facts_within(SECOND).await.is_empty());

    fake.set(Way::ok(DOCKER));
    // Both, in this order: it is one container.
    assert_eq!(running.fact().await.0, 1);
    let (key, web) = running.fact().await;
    assert_eq!((key, web.name.as_deref()), (2, Some("web")));
    let again = log.lines("INFO");
    assert_eq!(again.len(), 1, "{again:#?}");
    assert!(again[0].contains("answers again"), "{}", again[0]);

    // What follows is answered at once.
    running.want(3, "/docker/$DOCKER");
    assert_eq!(running.fact().await.0, 3);
    assert_eq!(log.lines("WARN").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_does_not_delay_the_others() {
    let _clock = ticking();
    let (docker, podman) = (Fake::start(Way::Hangs), Fake::start(Way::ok(PODMAN)));
    let sources = vec![source(Manager::Docker, &docker), source(Manager::Podman, &podman)];
    let running = Running::start(sources);
    running.want(1, "/docker/$DOCKER");
    running.want(2, "/libpod_parent/libpod-$PODMAN");
    // Whose runtime the path does not tell: all are asked at once.
    running.want(3, "/kubepods/besteffort/pod12345678-9abc-def0-1234-56789abcdef0/$PODMAN");
    let start = tokio::time::Instant::now();
    let (key, first) = running.fact().await;
    assert!(key == 2 || key == 3);
    assert_eq!(first.runtime, Some(Runtime::Podman));
    running.fact().await;
    assert!(start.elapsed() < SECOND, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_container_that_an_engine_hangs_at_does_not_spoil_it_for_the_rest() {
    let (log, _guard) = Log::start();
    let fake = Fake::start(Way::Each(DOCKER, DOCKER_ID, other_id(1)));
    let running = Running::start(vec![source(Manager::Docker, &fake)]);
    running.want(1, &format!("/docker/{}", other_id(1)));
    for number in 2..20 {
        running.want(number, &format!("/docker/{number:064x}"));
        // After the deadline and the backoff at most.
        assert_eq!(running.facts_within(4 * SECOND).await.len(), 1, "{number}");
    }
    let hung = || fake.requests().iter().filter(|line| line.contains(&other_id(1))).count();
    let attempts = hung();
    running.facts_within(600 * SECOND).await;
    assert_eq!(hung(), attempts, "it is given up");
    assert_eq!(log.lines("WARN"), Vec::<String>::new(), "the engine is well");
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_not_known_yet_is_asked_about_again_and_then_given_up() {
    let (log, _guard) = Log::start();
    let unknown = Way::Says(404, Vec::new());
    let fake = Fake::start(unknown.clone());
    let running = Running::start(vec![source(Manager::Docker, &fake)]);
    running.want(1, "/docker/$DOCKER");
    running.facts_within(10 * SECOND).await;
    assert_eq!(fake.requests().len(), 8, "at once, and seven times more");
    running.want(2, "/docker/$DOCKER");
    running.facts_within(SECOND / 2).await;
    fake.set(Way::ok(DOCKER));
    assert_eq!(running.fact().await.0, 2);
    assert_eq!(log.lines("WARN"), Vec::<String>::new(), "it is nobody's fault");
}

#[tokio::test(start_paused = true)]
async fn one_container_is_asked_about_once_for_all_its_cgroups() {
    let _clock = ticking();
    let fake = Fake::start(Way::ok(DOCKER));
    let running = Running::start(vec![source(Manager::Docker, &fake)]);
    running.want(1, "/docker/$DOCKER");
    running.want(2, "/docker/$DOCKER/init");
    let mut keys = [running.fact().await.0, running.fact().await.0];
    keys.sort_unstable();
    assert_eq!(keys, [1, 2]);
    running.want(3, "/docker/$DOCKER/more");
    assert_eq!(running.fact().await.0, 3);
    assert_eq!(fake.requests().len(), 1);
    // The same container, started again: it has another first process.
    fake.set(Way::ok(DOCKER.replace("5811", "5812")));
    running.want(4, "/docker/$DOCKER");
    let (key, web) = running.fact().await;
    assert_eq!((key, web.pid1), (4, Some(5812)));
    assert_eq!(running.facts_within(SECOND).await, [], "those of the first run are left alone");
}

#[tokio::test(start_paused = true)]
async fn the_first_process_is_told_when_there_is_one() {
    let _clock = ticking();
    let fake = Fake::start(Way::ok(DOCKER.replace("\"Pid\": 5811", "\"Pid\": 0")));
    let running = Running::start(vec![source(Manager::Docker, &fake)]);
    running.want(1, "/docker/$DOCKER");
    let (_, created) = running.fact().await;
    assert_eq!((created.name.as_deref(), created.pid1), (Some("web"), None));
    fake.set(Way::ok(DOCKER));
    let (_, started) = running.fact().await;
    assert_eq!(started.pid1, Some(5811));
}

#[tokio::test(start_paused = true)]
async fn without_any_engine_this_is_said_once_and_state_files_tell_the_runtime() {
    let (log, _guard) = Log::start();
    let (nothing, state) = (Folder::new(), Folder::new());
    state.write(
        &format!("{PODMAN_ID}/config.json"),
        include_str!("../fixtures/containerd-config.json"),
    );
    let absent = nothing.path().join("none.sock");
    let docker = Source { named: false, ..Source::at(Manager::Docker, &absent, &Root::default()) };
    let oci = Source::at(Manager::Oci, state.path(), &Root::default());
    let running = Running::start(vec![docker, oci]);
    running.want(1, "/kubepods/pod12345678-9abc-def0-1234-56789abcdef0/$PODMAN");
    let (_, it) = running.fact().await;
    assert_eq!(it.runtime, Some(Runtime::Containerd));
    assert_eq!(it.kubernetes.unwrap().pod.as_deref(), Some("web-7d9c"));
    running.want(2, &format!("/docker/{}", other_id(2)));
    running.want(3, "/system.slice/nginx.service");
    running.facts_within(10 * SECOND).await;
    let warnings = log.lines("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains("no container engine is at its usual place"), "{}", warnings[0]);
}

#[tokio::test(start_paused = true)]
async fn one_engine_is_enough_and_users_may_have_none() {
    let (log, _guard) = Log::start();
    let (users, fake) = (Folder::new(), Fake::start(Way::ok(PODMAN)));
    let docker = Source::at(Manager::Docker, &users.path().join("none.sock"), &Root::default());
    let docker = Source { named: false, ..docker };
    let running = Running::start(vec![rootless(&users), docker, source(Manager::Podman, &fake)]);
    running.want(1, "/libpod_parent/libpod-$PODMAN");
    running.want(2, "/libpod_parent/libpod-$PODMAN/container");
    assert_eq!(running.facts_within(10 * SECOND).await.len(), 2);
    assert_eq!(log.lines("WARN"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_users_podman_is_asked_about_containers_of_that_user_only() {
    let (_log, _guard) = Log::start();
    let (users, fake) = (Folder::new(), Fake::start(Way::ok(PODMAN)));
    std::fs::create_dir_all(users.path().join("1000/podman")).unwrap();
    std::os::unix::fs::symlink(fake.socket(), users.path().join("1000/podman/podman.sock"))
        .unwrap();
    let running = Running::start(vec![rootless(&users)]);
    running.want(1, "/libpod_parent/libpod-$PODMAN");
    running.want(2, "/user.slice/user-1001.slice/user@1001.service/libpod-$PODMAN.scope");
    assert_eq!(running.facts_within(10 * SECOND).await, []);
    assert_eq!(fake.requests(), Vec::<String>::new());
    running.want(3, "/user.slice/user-1000.slice/user@1000.service/libpod-$PODMAN.scope");
    let (_, it) = running.fact().await;
    assert_eq!(it.name.as_deref(), Some("pweb"));
}

#[tokio::test(start_paused = true)]
async fn state_files_help_out_until_the_engine_answers() {
    let (_log, _guard) = Log::start();
    let state = Folder::new();
    state.write(
        &format!("{DOCKER_ID}/state.json"),
        include_str!("../fixtures/docker-runc-state.json"),
    );
    let fake = Fake::start(Way::Says(500, Vec::new()));
    let oci = Source::at(Manager::Oci, state.path(), &Root::default());
    let running = Running::start(vec![source(Manager::Docker, &fake), oci]);
    running.want(1, "/docker/$DOCKER");
    let (_, partial) = running.fact().await;
    assert_eq!((partial.name, partial.pid1), (None, Some(5811)));
    assert_eq!(partial.runtime, Some(Runtime::Docker), "as the path says");
    fake.set(Way::ok(DOCKER));
    let (_, whole) = running.fact().await;
    assert_eq!(whole.name.as_deref(), Some("web"));
    assert_eq!(whole.stop_signal.unwrap().source, Told::Docker);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_was_named_and_is_not_there_is_said_once() {
    let (log, _guard) = Log::start();
    let folder = Folder::new();
    let absent = folder.path().join("none.sock");
    let running = Running::start(vec![Source::at(Manager::Docker, &absent, &Root::default())]);
    running.want(1, &format!("/docker/{}", other_id(1)));
    running.want(2, &format!("/docker/{}", other_id(2)));
    running.facts_within(10 * SECOND).await;
    let named = log.lines("which --runtime names");
    assert_eq!(named.len(), 1, "{named:#?}");
}

#[tokio::test(start_paused = true)]
async fn many_that_wait_are_all_answered() {
    let (log, _guard) = Log::start();
    let fake = Fake::start(Way::Raw(Vec::new()));
    let running = Running::start(vec![source(Manager::Docker, &fake)]);
    for number in 1..=40 {
        running.want(number, &format!("/docker/{}", other_id(u32::try_from(number).unwrap())));
    }
    running.facts_within(20 * SECOND).await;
    assert!(fake.requests().len() < 10, "{}", fake.requests().len());
    fake.set(Way::Each(DOCKER, DOCKER_ID, String::new()));
    let facts = running.facts_within(60 * SECOND).await;
    assert_eq!(facts.len(), 40);
    assert_eq!(log.lines("WARN").len(), 1);
}

#[test]
fn the_queue_is_bounded_and_nothing_waits_for_it() {
    let folder = Folder::new();
    // Nothing is there that could be asked; the path is read all the same.
    let socket = folder.path().join("none.sock");
    let flags = [RuntimeFlag::Nobody, RuntimeFlag::Place(Manager::Docker, socket)];
    let mut enricher = Enricher::start(&Options::from_flags(&flags)).unwrap();
    for number in 0..100_000 {
        let path = format!("/docker/{}", other_id(number));
        enricher.want(Subject { path: path.into(), ..subject(u64::from(number), "") });
    }
    assert!(enricher.overflow() > 50_000, "{}", enricher.overflow());
    assert_eq!(enricher.take(), []);
}

#[test]
fn an_enricher_that_is_dropped_ends_without_being_waited_for() {
    // A listener that takes in nobody: whoever asks hangs.
    let folder = Folder::new();
    let socket = folder.path().join("api.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let flags = [RuntimeFlag::Nobody, RuntimeFlag::Place(Manager::Docker, socket)];
    let enricher = Enricher::start(&Options::from_flags(&flags)).unwrap();
    enricher.want(subject(1, "/docker/$DOCKER"));
    // It hangs at this one now.
    let (stream, _) = listener.accept().unwrap();
    drop(enricher);
    // Its end closes the connection, long before any deadline would.
    stream.set_read_timeout(None).unwrap();
    let mut request = Vec::new();
    std::io::Read::read_to_end(&mut &stream, &mut request).unwrap();
}
