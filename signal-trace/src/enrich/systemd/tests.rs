//! Tests against made-up managers, good and bad.

use std::{os::unix::fs::symlink, path::Path, time::Duration};

use manager::{Manager, message};
use signal_trace_core::ids::CgroupKey;

use super::*;
use crate::net::grpc::fake::folder;

mod contained;
mod manager;

fn subject(path: &str) -> Subject {
    Subject { key: CgroupKey::V2(7), path: path.as_bytes().to_vec() }
}

/// What the node's manager, if it is this one, tells of a unit.
async fn look_up(manager: Manager, path: &str) -> Result<Option<Workload>, Failure> {
    let folder = folder();
    let _listening = manager.listen(&folder.join("private"));
    let found =
        Systemd::new(folder.join("private"), &Root::default()).look_up(&subject(path)).await;
    std::fs::remove_dir_all(&folder).unwrap();
    found
}

fn web(signal: &str, grace_ns: u64) -> Workload {
    let source = Source::Systemd;
    Workload {
        kind: Kind::Unit,
        name: Some("web.service".into()),
        unit: Some("web.service".into()),
        pid1: Some(94),
        stop_signal: Signal::parse(signal).map(|value| Configured { value, source }),
        grace_ns: Some(Configured { value: grace_ns, source }),
        ..Workload::default()
    }
}

#[tokio::test]
async fn a_service_is_described() {
    let found = look_up(Manager::of_web(), "/system.slice/web.service").await.unwrap();
    assert_eq!(found, Some(web("USR1", 7 * SECOND)));
    // Below it a container engine or a service may have made cgroups of its own.
    let found = look_up(Manager::of_web(), "/system.slice/web.service/worker").await.unwrap();
    assert_eq!(found, Some(web("USR1", 7 * SECOND)));
}

#[tokio::test]
async fn a_scope_has_no_main_process() {
    let found = look_up(Manager::of_web(), "/system.slice/web.scope").await.unwrap();
    let name = Some("web.scope".to_owned());
    let expected =
        Workload { name: name.clone(), unit: name, pid1: None, ..web("USR1", 7 * SECOND) };
    assert_eq!(found, Some(expected));
}

#[tokio::test]
async fn a_unit_that_is_not_loaded_and_what_is_no_unit_are_nothing() {
    for path in ["/system.slice/other.service", "/system.slice", "/", "/init"] {
        assert_eq!(look_up(Manager::of_web(), path).await.unwrap(), None, "{path}");
    }
    let long = format!("/system.slice/{}.service", "x".repeat(300));
    assert_eq!(look_up(Manager::of_web(), &long).await.unwrap(), None);
    let path = b"/system.slice/\xff.service".to_vec();
    assert_eq!(Home::of(&path), None);
}

#[tokio::test]
async fn settings_at_their_limits() {
    let path = "/system.slice/web.service";
    let infinite = Manager::of_web().with("TimeoutStopUSec", b't', &[0xff; 8]);
    assert_eq!(look_up(infinite, path).await.unwrap(), Some(web("USR1", u64::MAX)));
    let most = Manager::of_web().with("TimeoutStopUSec", b't', &(u64::MAX - 1).to_le_bytes());
    assert_eq!(look_up(most, path).await.unwrap(), Some(web("USR1", u64::MAX)));
    let none = Manager::of_web().with("KillMode", b's', b"\x04\0\0\0none\0");
    let expected = Workload { stop_signal: None, grace_ns: None, ..web("USR1", 0) };
    assert_eq!(look_up(none, path).await.unwrap(), Some(expected));
    // Values of other types, or out of range, or not there.
    let odd = Manager::of_web()
        .with("KillSignal", b'i', &(-3_i32).to_le_bytes())
        .with("TimeoutStopUSec", b'x', &(-3_i64).to_le_bytes())
        .with("MainPID", b'u', &[0; 4])
        .with("KillMode", b'd', &[0; 8]);
    let expected = Workload { stop_signal: None, grace_ns: None, pid1: None, ..web("USR1", 0) };
    assert_eq!(look_up(odd, path).await.unwrap(), Some(expected.clone()));
    assert_eq!(look_up(Manager::default(), path).await.unwrap(), Some(expected));
}

#[tokio::test]
async fn what_is_no_systemd_is_broken() {
    let path = "/system.slice/web.service";
    let greet = |greeting| Manager { greeting: Some(greeting), ..Manager::of_web() };
    let answer = |garbage: &[u8]| Manager { garbage: Some(garbage.into()), ..Manager::of_web() };
    // 128 MiB are announced.
    let huge = b"l\x02\x01\x01\0\0\0\x08\x01\0\0\0\0\0\0\0".to_vec();
    let nested = message(2, 1, None, b'v', &b"\x01v\0".repeat(1000));
    for (manager, words) in [
        (greet(b"REJECTED EXTERNAL\r\n"), "does not let us in: REJECTED EXTERNAL"),
        (greet(b"\x1b[31m\r\n"), "does not let us in: \\x1b[31m"),
        (greet(&[b'x'; 600]), "does not speak D-Bus"),
        (answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "no D-Bus"),
        (answer(&huge), "far too much"),
        (answer(&nested), "no D-Bus"),
    ] {
        let failure = look_up(manager, path).await.unwrap_err().to_string();
        assert!(failure.contains(words), "{failure} / {words}");
    }
}

#[tokio::test]
async fn one_that_says_nothing_is_given_up_in_time() {
    tokio::time::pause();
    let silent = Manager { silent: true, ..Manager::of_web() };
    let failure = look_up(silent, "/system.slice/web.service").await.unwrap_err();
    assert_eq!(failure.to_string(), "no answer in time");
}

#[tokio::test]
async fn the_next_socket_is_taken_if_one_is_not_there() {
    let folder = folder();
    let _listening = Manager::of_web().listen(&folder.join("bus"));
    let mut systemd =
        Systemd::at(vec![folder.join("private"), folder.join("bus")], &Root::default());
    let path = subject("/system.slice/web.service");
    assert_eq!(systemd.look_up(&path).await.unwrap(), Some(web("USR1", 7 * SECOND)));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(systemd.look_up(&path).await, Err(Failure::Absent)));
}

#[test]
fn a_unit_belongs_to_the_nearest_manager() {
    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let docker = format!("/docker/{ID}");
    let inside = format!("{docker}/system.slice/web.service");
    let user_inside = format!("{docker}/user.slice/user@7.service");
    let app = format!("{user_inside}/app.slice/app.service");
    let user = "/user.slice/user-1000.slice/user@1000.service";
    for (path, unit, manager, owner) in [
        ("/system.slice/web.service", "web.service", "", None),
        ("/user.slice/user-1000.slice/session-1.scope", "session-1.scope", "", None),
        (user, "user@1000.service", "", None),
        (&*format!("{user}/init.scope"), "user@1000.service", "", None),
        (&*format!("{user}/app.slice/x.service"), "x.service", user, Some(1000)),
        (&*inside, "web.service", &*docker, None),
        (&*user_inside, "user@7.service", &*docker, None),
        (&*app, "app.service", &*user_inside, Some(7)),
        ("/user@x.service/y.service", "y.service", "/user@x.service", None),
    ] {
        let expected = Home { unit, manager: manager.as_bytes(), user: owner };
        assert_eq!(Home::of(path.as_bytes()), Some(expected), "{path}");
    }
    assert_eq!(Home::of(docker.as_bytes()), None);
}

#[test]
fn a_process_that_got_the_pid_meanwhile_is_known_by_its_cgroups() {
    let hierarchies = Hierarchies::discover(&Root::default()).unwrap();
    let cgroups = b"9:name=systemd:/a:b/init.scope\n8:pids:/c\n0::/d/init.scope\n";
    for (path, lives) in [
        (&b"/a:b/init.scope"[..], true),
        (b"/d/init.scope", true),
        (b"/c", true),
        (b"/c/init.scope", false),
        (b"/init.scope", false),
        (b"", false),
    ] {
        assert_eq!(inside::lives_in(&hierarchies, cgroups, path), lives, "{}", path.escape_ascii());
    }
}

#[tokio::test]
async fn links_lead_nowhere_but_below_the_root() {
    let folder = folder();
    let root = folder.join("root");
    std::fs::create_dir_all(root.join("run/real")).unwrap();
    let _outside = Manager::of_web().listen(&folder.join("outside"));
    let _inside = Manager::of_web().listen(&root.join("run/real/socket"));
    let outside = folder.join("outside").display().to_string();
    let up = "../".repeat(30);
    for (name, target) in [
        ("absolute", outside.clone()),
        ("relative", "../../outside".into()),
        ("far", format!("{up}{outside}")),
        ("magic", format!("/proc/self/root{outside}")),
        ("loop", "/run/loop".into()),
        ("good", "/run/real/socket".into()),
        ("roundabout", "../../../../run/good".into()),
    ] {
        symlink(&target, root.join("run").join(name)).unwrap();
    }
    symlink(&folder, root.join("dir")).unwrap();
    std::fs::write(root.join("run/file"), "").unwrap();
    nix::unistd::mkfifo(&root.join("run/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let fd: std::os::fd::OwnedFd = std::fs::File::open(&root).unwrap().into();
    for (path, reached) in [
        ("run/real/socket", true),
        ("run/good", true),
        ("run/roundabout", true),
        ("../../../../run/good", true),
        ("/run/good", true),
        ("run/absolute", false),
        ("run/relative", false),
        ("run/far", false),
        ("run/magic", false),
        ("run/loop", false),
        ("run/file", false),
        ("run/fifo", false),
        ("run", false),
        ("dir/outside", false),
        ("../outside", false),
    ] {
        assert_eq!(inside::connect(&fd, Path::new(path)).is_some(), reached, "{path}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// As the root of a process a magic link may lead out of anywhere, even below it.
#[test]
fn magic_links_are_not_followed() {
    let root: std::os::fd::OwnedFd = std::fs::File::open("/").unwrap().into();
    let folder = folder();
    let _listener = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
    let socket = folder.join("socket");
    assert!(inside::connect(&root, &socket).is_some());
    let magic = format!("proc/self/root{}", socket.display());
    assert!(inside::connect(&root, magic.as_ref()).is_none());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn few_paths_can_hold_us_up() {
    let opener = Opener::default();
    let (mut ends, mut held) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let opener = opener.clone();
        held.push(tokio::spawn(async move { opener.run(move || wait.recv().ok()).await }));
        ends.push(end);
    }
    // Each has its thread before the next question comes.
    while opener.free() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(opener.run(|| Some(1)).await, None);
    for (end, held) in ends.into_iter().zip(held) {
        end.send(()).unwrap();
        assert_eq!(held.await.unwrap(), Some(()));
    }
    while opener.free() < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(opener.run(|| Some(1)).await, Some(1));
}
