//! Tests with a process that is the first of a PID namespace, in cgroups as systemd makes them.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::*;
use crate::capture::cgroup::Hierarchies;

/// A container without engine, or a user's manager: cgroups, a root, and a process that is PID 1 in
/// its namespace.
struct Container {
    folder: PathBuf,
    path: String,
    child: Child,
    /// The process, in our namespace.
    pid: u32,
    _turn: MutexGuard<'static, ()>,
}

/// One at a time: the kernel changes one cgroup after the other, and slowly.
static TURN: Mutex<()> = Mutex::new(());

impl Container {
    fn start() -> Self {
        Self::at(|pid| format!("/st-enrich-{pid}/{pid:064x}"))
    }

    fn at(path: impl Fn(u32) -> String) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = folder();
        let root = folder.join("root");
        for name in ["bin", "run/dbus", "run/user/7/systemd"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is installed");
        let mut unshare = Command::new("unshare");
        unshare.args(["--pid", "--fork", "--kill-child", "--root"]).arg(&root);
        let child = unshare.args(["/bin/busybox", "sleep", "1000"]).spawn().expect("util-linux");
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        let pid = loop {
            let text = fs::read_to_string(&children).expect("it runs");
            if let Ok(pid) = text.trim().parse::<u32>()
                && fs::read(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == b"busybox\n")
            {
                break pid;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let container = Self { path: path(pid), folder, child, pid, _turn: turn };
        for name in ["init.scope", "system.slice/dbus.service", "system.slice/web.service"] {
            fs::create_dir_all(container.directory(name)).unwrap();
        }
        container.put(pid, "init.scope");
        container
    }

    /// A cgroup of it.
    fn directory(&self, name: &str) -> PathBuf {
        let hierarchies = Hierarchies::discover(&Root::default()).unwrap();
        let path = format!("{}/{name}", self.path);
        hierarchies.directories(path.as_bytes()).next().expect("a hierarchy")
    }

    fn put(&self, pid: u32, cgroup: &str) {
        fs::write(self.directory(cgroup).join("cgroup.procs"), pid.to_string()).unwrap();
    }

    fn subject(&self) -> Subject {
        subject(&format!("{}/system.slice/web.service", self.path))
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("root/run/dbus/system_bus_socket")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
        let pid = self.pid;
        while fs::exists(format!("/proc/{pid}")).unwrap_or(false) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let own = self.directory("init.scope").parent().expect("ours").to_owned();
        for name in ["init.scope", "system.slice/dbus.service", "system.slice/web.service"] {
            let _gone = fs::remove_dir(own.join(name));
        }
        let _gone = fs::remove_dir(own.join("system.slice"));
        for directory in own.ancestors().take(self.path.matches('/').count()) {
            let _gone = fs::remove_dir(directory);
        }
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

/// A process to put into cgroups; ends with this.
struct Sleep(Child);

impl Sleep {
    fn start() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().expect("coreutils"))
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[tokio::test]
async fn the_manager_of_a_container_is_asked_in_its_root() {
    let container = Container::start();
    let (bus, main) = (Sleep::start(), Sleep::start());
    let listening = Manager::of_web()
        .with("MainPID", b'u', &main.0.id().to_le_bytes())
        .listen(&container.socket());
    let mut systemd = Systemd::of_node(&Root::default());
    // It has no bus yet, and asking it would start that.
    assert_eq!(systemd.look_up(&container.subject()).await.unwrap(), None);
    assert_eq!(*listening.connections.lock().unwrap(), 0);

    container.put(bus.0.id(), "system.slice/dbus.service");
    // A pid that is in none of the unit's processes is not believed.
    let expected = Workload { pid1: None, ..web("USR1", 7 * SECOND) };
    assert_eq!(systemd.look_up(&container.subject()).await.unwrap(), Some(expected.clone()));
    container.put(main.0.id(), "system.slice/web.service");
    let expected = Workload { pid1: Some(main.0.id()), ..expected };
    assert_eq!(systemd.look_up(&container.subject()).await.unwrap(), Some(expected));
    assert_eq!(*listening.connections.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_users_manager_is_asked_at_its_own_socket() {
    let user = Container::at(|pid| format!("/st-enrich-{pid}/user@7.service"));
    let listening = Manager::of_web().listen(&user.folder.join("root/run/user/7/systemd/private"));
    let mut systemd = Systemd::of_node(&Root::default());
    let expected = Workload { pid1: None, ..web("USR1", 7 * SECOND) };
    assert_eq!(systemd.look_up(&user.subject()).await.unwrap(), Some(expected));
    assert_eq!(*listening.connections.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_users_manager_in_a_container_is_left_alone() {
    let user = Container::at(|pid| format!("/st-enrich-{pid}/{pid:064x}/user@7.service"));
    let listening = Manager::of_web().listen(&user.folder.join("root/run/user/7/systemd/private"));
    let mut systemd = Systemd::of_node(&Root::default());
    assert_eq!(systemd.look_up(&user.subject()).await.unwrap(), None);
    assert_eq!(*listening.connections.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_pid_of_the_containers_namespace_is_translated() {
    let container = Container::start();
    let bus = Sleep::start();
    container.put(bus.0.id(), "system.slice/dbus.service");
    let _listening =
        Manager::of_web().with("MainPID", b'u', &[1, 0, 0, 0]).listen(&container.socket());
    let hierarchies = Hierarchies::discover(&Root::default()).unwrap();
    let scope = format!("{}/init.scope", container.path);
    assert_eq!(inside::translate(&hierarchies, scope.as_bytes(), 1), Some(container.pid));
    // As in a PID namespace of our own, where the cgroup does not tell.
    assert_eq!(inside::processes_elsewhere(&hierarchies, scope.as_bytes()), [container.pid]);
    assert_eq!(inside::translate(&hierarchies, scope.as_bytes(), container.pid), None);
}

#[tokio::test]
async fn a_container_cannot_pass_off_a_socket_of_the_node_as_its_own() {
    let container = Container::start();
    let bus = Sleep::start();
    container.put(bus.0.id(), "system.slice/dbus.service");
    let outside = container.folder.join("outside");
    let listening = Manager::of_web().listen(&outside);
    symlink(&outside, container.socket()).unwrap();
    let mut systemd = Systemd::of_node(&Root::default());
    assert_eq!(systemd.look_up(&container.subject()).await.unwrap(), None);
    assert_eq!(*listening.connections.lock().unwrap(), 0);
}

#[tokio::test]
async fn whoever_is_not_the_first_process_is_no_manager() {
    let container = Container::start();
    let (bus, other) = (Sleep::start(), Sleep::start());
    container.put(bus.0.id(), "system.slice/dbus.service");
    // One of the node, with the node's root, in place of the container's own.
    container.put(container.pid, "system.slice/web.service");
    container.put(other.0.id(), "init.scope");
    let hierarchies = Hierarchies::discover(&Root::default()).unwrap();
    let path = container.path.as_bytes();
    assert!(inside::root(&hierarchies, path, true).is_none());
    assert!(inside::root(&hierarchies, path, false).is_some());
    container.put(container.pid, "init.scope");
    assert!(inside::root(&hierarchies, path, true).is_some());
}

#[tokio::test]
async fn one_that_does_not_answer_is_left_alone_for_a_while() {
    let container = Container::start();
    let bus = Sleep::start();
    container.put(bus.0.id(), "system.slice/dbus.service");
    let rejects = Manager { greeting: Some(b"REJECTED\r\n"), ..Manager::of_web() };
    let listening = rejects.listen(&container.socket());
    let mut systemd = Systemd::of_node(&Root::default());
    for _ in 0..3 {
        assert_eq!(systemd.look_up(&container.subject()).await.unwrap(), None);
    }
    assert_eq!(*listening.connections.lock().unwrap(), 1);
    // The minute has passed.
    for until in systemd.paused.values_mut() {
        *until = clock::boot_now();
    }
    assert_eq!(systemd.look_up(&container.subject()).await.unwrap(), None);
    assert_eq!(*listening.connections.lock().unwrap(), 2);
}
