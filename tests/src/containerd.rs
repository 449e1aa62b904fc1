//! A containerd of the tests' own, and what it tells of its tasks.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use crate::{
    clock::{self, Deadline},
    daemon::{self, Daemon},
    folder::Folder,
    image, programs,
};

/// Where configurations of pod networks are, in the folder: there are none, unless somebody has put
/// one there before.
pub const NETWORKS: &str = "networks";

/// Whom a containerd works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// dockerd, in the namespace `moby`.
    Docker,
    /// The kubelet, through CRI, in the namespace `k8s.io`.
    Kubelet,
}

impl Client {
    fn namespace(self) -> &'static str {
        match self {
            Self::Docker => "moby",
            Self::Kubelet => "k8s.io",
        }
    }
}

/// The end of a container's first process.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// As engines count: 128 + N for signal N.
    pub code: i64,
    /// When it was, nanoseconds since 1970.
    pub at_ns: i128,
}

/// It, and a listener to its events. Its containers must be gone before it.
#[derive(Debug)]
pub struct Containerd {
    daemon: Daemon,
    events: Option<Daemon>,
    socket: PathBuf,
    state: PathBuf,
    client: Client,
}

impl Containerd {
    /// Starts it with its state in the folder.
    pub fn start(folder: &Folder, client: Client) -> Self {
        let path = |name: &str| folder.file(name).display().to_string();
        let (socket, state) = (path("containerd.sock"), path("ctrd-state"));
        let cri = match client {
            Client::Docker => String::new(),
            // Where root lacks CAP_SYS_RESOURCE, a sandbox cannot get the score that protects it.
            Client::Kubelet => format!(
                "[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = {:?}\n\
                 restrict_oom_score_adj = true\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n\
                 conf_dir = {:?}\n",
                image::PAUSE,
                path(NETWORKS),
            ),
        };
        let disabled = match client {
            Client::Docker => "\"io.containerd.grpc.v1.cri\"",
            Client::Kubelet => "",
        };
        let config = format!(
            "version = 2\ndisabled_plugins = [{disabled}]\nroot = {:?}\nstate = {state:?}\n[grpc]\n\
             address = {socket:?}\n[plugins.\"io.containerd.internal.v1.opt\"]\npath = {:?}\n{cri}",
            path("ctrd-root"),
            path("ctrd-opt"),
        );
        fs::write(folder.file("containerd.toml"), config).expect("the folder is ours");
        let mut daemon = Daemon::start(
            "containerd",
            Command::new(programs::system("containerd", "containerd"))
                .arg("--config")
                .arg(folder.file("containerd.toml")),
            folder,
        );
        let (socket, state) = (PathBuf::from(socket), PathBuf::from(state));
        daemon.wait_until_it_answers(&socket);
        let mut containerd = Self { daemon, events: None, socket, state, client };
        containerd.daemon.until("serve", || ctr(&containerd.socket, client, &["version"]).is_ok());
        containerd.events = Some(Daemon::start(
            "ctr-events",
            command(&containerd.socket, client).arg("events"),
            folder,
        ));
        containerd
    }

    /// Where it listens, also for CRI.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The bundle of a container: `config.json` and more.
    pub fn bundle(&self, id: &str) -> PathBuf {
        let tasks = self.state.join("io.containerd.runtime.v2.task");
        tasks.join(self.client.namespace()).join(id)
    }

    /// Adds the images of an archive.
    pub fn import(&self, archive: &Path) {
        let archive = archive.display().to_string();
        ctr(&self.socket, self.client, &["images", "import", &archive])
            .unwrap_or_else(|error| panic!("ctr images import: {error}"));
    }

    /// Waits for an event of a container: its pid. `topic` is `start` (its PID 1) or
    /// `exec-started`, of which the last one counts.
    pub fn pid_of(&self, topic: &str, id: &str) -> i32 {
        let mut pid = None;
        Deadline::after(Duration::from_secs(20)).until(&format!("/tasks/{topic} of {id}"), || {
            pid = self.events(topic).rev().find(|event| event["container_id"] == id);
            pid.is_some()
        });
        let pid = pid.and_then(|event| event["pid"].as_i64()).expect("such an event has a pid");
        i32::try_from(pid).expect("a pid")
    }

    /// Waits for the end of a container's first process.
    pub fn exit_of(&self, id: &str, patience: Duration) -> Exit {
        let mut exit = None;
        Deadline::after(patience).until(&format!("the end of {id}"), || {
            // Those of other processes in it have other ids.
            let event = self.events("exit").find(|e| e["container_id"] == id && e["id"] == id);
            exit = event.map(|event| Exit {
                // It is left out where it is 0.
                code: event["exit_status"].as_i64().unwrap_or_default(),
                at_ns: clock::parse_time(event["exited_at"].as_str().expect("it has a time")),
            });
            exit.is_some()
        });
        exit.expect("waited for")
    }

    /// Events so far.
    fn events(&self, topic: &str) -> impl DoubleEndedIterator<Item = Value> {
        let log = self.events.as_ref().map(Daemon::log).unwrap_or_default();
        let mark = format!(" /tasks/{topic} ");
        let events: Vec<_> = log
            .lines()
            .filter_map(|line| serde_json::from_str(line.split_once(&mark)?.1).ok())
            .collect();
        events.into_iter()
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.events = None;
        self.daemon.stop();
    }
}

fn ctr(socket: &Path, client: Client, arguments: &[&str]) -> Result<String, String> {
    let output = command(socket, client).args(arguments).output();
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn command(socket: &Path, client: Client) -> Command {
    let mut command = Command::new(programs::system("ctr", "containerd"));
    command.env("PATH", daemon::search_path()).arg("--address").arg(socket);
    command.args(["--namespace", client.namespace()]);
    command
}
