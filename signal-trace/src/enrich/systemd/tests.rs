//! Tests against made-up managers, good and bad.

use std::{
    collections::BTreeMap,
    os::unix::fs::symlink,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use signal_trace_core::ids::CgroupKey;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
    task::JoinSet,
};

use super::*;
use crate::enrich::grpc::fake::folder;

mod contained;

/// What a made-up manager knows of its one unit, and how it behaves.
#[derive(Clone, Default)]
struct Manager {
    /// Properties, as D-Bus writes them: the type, and the value from the next multiple of 8 on.
    properties: BTreeMap<&'static str, (u8, Vec<u8>)>,
    /// In place of `OK`.
    greeting: Option<&'static [u8]>,
    /// In place of the first answer.
    garbage: Option<Vec<u8>>,
    silent: bool,
}

impl Manager {
    fn of_web() -> Self {
        let text = |text: &[u8]| {
            let length = u32::try_from(text.len()).unwrap().to_le_bytes();
            (b's', [&length[..], text, b"\0"].concat())
        };
        let properties = BTreeMap::from([
            ("KillMode", text(b"control-group")),
            ("KillSignal", (b'i', 10_i32.to_le_bytes().to_vec())),
            ("TimeoutStopUSec", (b't', 7_000_000_u64.to_le_bytes().to_vec())),
            ("MainPID", (b'u', 94_u32.to_le_bytes().to_vec())),
        ]);
        Self { properties, ..Self::default() }
    }

    fn with(mut self, name: &'static str, kind: u8, value: &[u8]) -> Self {
        self.properties.insert(name, (kind, value.to_vec()));
        self
    }

    /// Answers whoever connects to `socket`.
    fn listen(self, socket: &Path) -> Listening {
        let listener = UnixListener::bind(socket).expect("the folder is ours");
        let mut tasks = JoinSet::new();
        let connections = Arc::<Mutex<usize>>::default();
        let counted = Arc::clone(&connections);
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                let manager = self.clone();
                served.spawn(async move { manager.serve(stream).await });
            }
        });
        Listening { connections, _tasks: tasks }
    }

    async fn serve(&self, mut stream: UnixStream) -> std::io::Result<()> {
        let mut line = [0; 26];
        stream.read_exact(&mut line).await?;
        assert_eq!(line, *b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n");
        stream.write_all(self.greeting.unwrap_or(b"OK 4e0c338c392bb9\r\n")).await?;
        loop {
            let mut head = [0; wire::HEAD];
            stream.read_exact(&mut head).await?;
            let length = wire::message_length(head).expect("a message");
            let mut rest = vec![0; length - wire::HEAD];
            stream.read_exact(&mut rest).await?;
            assert_eq!(head[2], 2, "nothing is to be started");
            if self.silent {
                std::future::pending::<()>().await;
            }
            if let Some(garbage) = &self.garbage {
                stream.write_all(garbage).await?;
                std::future::pending::<()>().await;
            }
            let serial = u32::from_le_bytes(head[8..12].try_into().unwrap());
            // One of those that come without having been asked for.
            stream.write_all(&message(4, serial, None, b'u', &[0; 4])).await?;
            stream.write_all(&self.answer(serial, &rest)).await?;
        }
    }

    fn answer(&self, serial: u32, call: &[u8]) -> Vec<u8> {
        let asks = |text: &str| call.windows(text.len()).any(|part| part == text.as_bytes());
        if asks("GetUnit") {
            if !asks("\0web.service\0") && !asks("\0web.scope\0") {
                let name = "org.freedesktop.systemd1.NoSuchUnit";
                return message(3, serial, Some(name), b'y', &[0]);
            }
            return message(2, serial, None, b'o', b"\x04\0\0\0/web\0");
        }
        let known = self.properties.iter().find(|(name, _)| asks(name));
        let Some((_, (kind, value))) = known else {
            // So is `Hello` where there is no bus.
            let name = "org.freedesktop.DBus.Error.UnknownObject";
            return message(3, serial, Some(name), b'y', &[0]);
        };
        let mut body = vec![1, *kind, 0, 0];
        if matches!(kind, b't' | b'x' | b'd') {
            body.extend([0; 4]);
        }
        message(2, serial, None, b'v', &[&body, &value[..]].concat())
    }
}

struct Listening {
    connections: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
}

/// A message to the call with this serial.
fn message(kind: u8, to: u32, error: Option<&str>, signature: u8, body: &[u8]) -> Vec<u8> {
    let mut fields = vec![5, 1, b'u', 0];
    fields.extend(to.to_le_bytes());
    if let Some(name) = error {
        fields.extend([4, 1, b's', 0]);
        fields.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend(name.as_bytes());
        fields.push(0);
        fields.resize(fields.len().next_multiple_of(8), 0);
    }
    fields.extend([8, 1, b'g', 0, 1, signature, 0]);
    let mut out = vec![b'l', kind, 1, 1];
    out.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    out.extend([1, 0, 0, 0]);
    out.extend(u32::try_from(fields.len()).unwrap().to_le_bytes());
    out.extend(fields);
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend(body);
    out
}

fn subject(path: &str) -> Subject {
    Subject { key: CgroupKey::V2(7), path: path.as_bytes().to_vec() }
}

/// What the node's manager, if it is this one, tells of a unit.
async fn look_up(manager: Manager, path: &str) -> Result<Option<Workload>, Failure> {
    let folder = folder();
    let _listening = manager.listen(&folder.join("private"));
    let found = Systemd::new(folder.join("private")).look_up(&subject(path)).await;
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
    let mut systemd = Systemd::at(vec![folder.join("private"), folder.join("bus")]);
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
        (&*format!("{user}/init.scope"), "init.scope", user, Some(1000)),
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
