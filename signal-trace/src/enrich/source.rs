//! The sources: each manager that is asked, behind one interface.

use std::path::{Path, PathBuf};

use signal_trace_core::workload::{Runtime, Workload};

use super::{
    Failure, Subject,
    cri::{self, Cri},
    docker::Docker,
    oci::Oci,
    options::{Manager, Options, Places},
    podman::{Podman, Rootless},
    systemd::Systemd,
};
use crate::capture::procfs::Root;

const DOCKER: [&str; 2] = ["/var/run/docker.sock", "/run/docker.sock"];
const PODMAN: (&str, &str) = ("/run/podman/podman.sock", "/var/lib/containers/storage");
const USERS: &str = "/run/user";

/// One manager at one place, and what is said of it.
#[derive(Debug)]
pub(super) struct Source {
    pub kind: Manager,
    /// Where, for people.
    pub place: String,
    /// Somebody named it: that it is not there is worth a word.
    pub named: bool,
    pub engine: Engine,
}

/// Who answers. A new kind of source gets its variant here, a line in `look_up`, and its places in
/// [`Source::all`].
#[derive(Debug)]
pub(super) enum Engine {
    Docker(Docker),
    Podman(Podman),
    Rootless(Rootless),
    Oci(Oci),
    Cri(Box<Cri>),
    Systemd(Systemd),
}

impl Source {
    /// Every source that is to be asked.
    pub fn all(options: &Options) -> Vec<Self> {
        Manager::ALL
            .into_iter()
            .flat_map(|kind| match options.places(kind) {
                None => Vec::new(),
                Some(Places::Default) => Self::defaults(kind, options.proc()),
                Some(Places::At(paths)) => {
                    paths.iter().map(|path| Self::at(kind, path, options.proc())).collect()
                }
            })
            .collect()
    }

    fn defaults(kind: Manager, proc: &Root) -> Vec<Self> {
        let source =
            |place: &str, engine| Self { kind, place: place.to_owned(), named: false, engine };
        match kind {
            Manager::Docker => {
                let sockets = DOCKER.map(PathBuf::from).to_vec();
                vec![source(DOCKER[0], Engine::Docker(Docker::behind_first_of(sockets)))]
            }
            Manager::Podman => {
                let (socket, storage) = PODMAN;
                let podman = Podman::with_storage(socket.into(), storage.into());
                let users = format!("{USERS}/UID/podman/podman.sock");
                vec![
                    source(socket, Engine::Podman(podman)),
                    source(&users, Engine::Rootless(Rootless::new(USERS.into()))),
                ]
            }
            Manager::Oci => vec![source("/run", Engine::Oci(Oci::default()))],
            Manager::Containerd => Self::of_cri(kind, Runtime::Containerd),
            Manager::CriO => Self::of_cri(kind, Runtime::CriO),
            Manager::Systemd => {
                vec![source("its socket", Engine::Systemd(Systemd::of_node(proc)))]
            }
        }
    }

    /// Each socket by itself: a node of k3s may have a containerd of its own besides.
    fn of_cri(kind: Manager, runtime: Runtime) -> Vec<Self> {
        let sockets = cri::SOCKETS.iter().filter(|(_, speaks)| *speaks == runtime);
        sockets
            .map(|(place, _)| Self {
                kind,
                place: (*place).to_owned(),
                named: false,
                engine: Engine::Cri(Box::new(Cri::new(place.into(), runtime))),
            })
            .collect()
    }

    /// The one at `path`.
    pub fn at(kind: Manager, path: &Path, proc: &Root) -> Self {
        let engine = match kind {
            Manager::Docker => Engine::Docker(Docker::new(path.into())),
            Manager::Podman => Engine::Podman(Podman::new(path.into())),
            Manager::Oci => Engine::Oci(Oci::new(path.into())),
            Manager::Containerd => {
                Engine::Cri(Box::new(Cri::new(path.into(), Runtime::Containerd)))
            }
            Manager::CriO => Engine::Cri(Box::new(Cri::new(path.into(), Runtime::CriO))),
            Manager::Systemd => Engine::Systemd(Systemd::new(path.into(), proc)),
        };
        Self { kind, place: path.display().to_string(), named: true, engine }
    }
}

impl Engine {
    pub async fn look_up(&mut self, subject: &Subject) -> Result<Option<Workload>, Failure> {
        match self {
            Self::Docker(docker) => docker.look_up(subject).await,
            Self::Podman(podman) => podman.look_up(subject).await,
            Self::Rootless(rootless) => rootless.look_up(subject).await,
            Self::Oci(oci) => oci.look_up(subject).await,
            Self::Cri(cri) => cri.look_up(subject).await,
            Self::Systemd(systemd) => systemd.look_up(subject).await,
        }
    }
}
