//! OCI runtimes: what their state files, and those of the engines above them, say of a container
//! when no engine answers, and of containers that have none.

mod scan;
mod state;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use scan::Scan;
use signal_trace_core::{
    labels::Labels,
    workload::{Kind, Runtime, Workload},
};

use super::{Failure, Subject, files};

/// Default places, and whose they are, if one owner has them: what tells most comes first.
const FOLDERS: [(&str, Option<Runtime>, Of); 12] = [
    ("/var/lib/docker/containers", Some(Runtime::Docker), Of::Engine),
    ("/run/containers/storage/overlay-containers", None, Of::Engine),
    ("/var/lib/containers/storage/overlay-containers", None, Of::Engine),
    ("/run/containerd/io.containerd.runtime.v2.task/k8s.io", Some(Runtime::Containerd), Of::Engine),
    ("/run/containerd/io.containerd.runtime.v2.task/moby", Some(Runtime::Docker), Of::Engine),
    (
        "/run/containerd/io.containerd.runtime.v2.task/default",
        Some(Runtime::Containerd),
        Of::Engine,
    ),
    ("/run/containerd/runc/k8s.io", Some(Runtime::Containerd), Of::Engine),
    ("/run/containerd/runc/moby", Some(Runtime::Docker), Of::Engine),
    ("/run/docker/runtime-runc/moby", Some(Runtime::Docker), Of::Engine),
    ("/run/containerd/runc/default", Some(Runtime::Containerd), Of::People),
    ("/run/runc", Some(Runtime::Runc), Of::People),
    ("/run/crun", Some(Runtime::Crun), Of::People),
];

/// Who makes the containers of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// An engine: their ids are in their cgroups' paths.
    Engine,
    /// Whoever calls the runtime: name and cgroup are anything.
    People,
}

/// A folder with one folder for each container.
#[derive(Clone, Debug)]
struct Folder {
    path: PathBuf,
    /// Whose it is, if its place tells.
    runtime: Option<Runtime>,
    of: Of,
}

/// State folders.
#[derive(Debug)]
pub struct Oci {
    folders: Arc<[Folder]>,
    scan: Arc<Mutex<Scan>>,
}

impl Default for Oci {
    /// The places where engines and runtimes keep their state unless they are told otherwise.
    fn default() -> Self {
        let folders = FOLDERS.map(|(path, runtime, of)| Folder { path: path.into(), runtime, of });
        Self::of(folders.into())
    }
}

impl Oci {
    /// Only the state in `folder`, whichever runtime's it is.
    pub fn new(folder: PathBuf) -> Self {
        Self::of(Arc::new([Folder { path: folder, runtime: None, of: Of::People }]))
    }

    fn of(folders: Arc<[Folder]>) -> Self {
        let people = folders.iter().filter(|folder| folder.of == Of::People);
        let scan = Arc::new(Mutex::new(Scan::of(people.cloned())));
        Self { folders, scan }
    }

    /// Looks for the container that has the subject's cgroup.
    pub async fn look_up(&mut self, subject: &Subject) -> Result<Option<Workload>, Failure> {
        let labels = Labels::of(&subject.path);
        if let (Kind::Container, Some(id)) = (labels.kind, labels.container_id) {
            let (folders, id) = (Arc::clone(&self.folders), id.to_owned());
            let found = files::look(move || by_id(&folders, &id)).await?;
            // The path may name the engine above, which the runtime's own file does not.
            return Ok(found.map(|known| match labels.runtime {
                Some(_) => {
                    joined(known, Workload { runtime: labels.runtime, ..Workload::default() })
                }
                None => known,
            }));
        }
        let (scan, subject) = (Arc::clone(&self.scan), subject.clone());
        files::look(move || {
            // Held if a disk hangs; that is not waited for twice.
            let Ok(mut scan) = scan.try_lock() else {
                return Err(Failure::Broken("the last look at the files still hangs".to_owned()));
            };
            scan.find(&subject)
        })
        .await
    }
}

/// All that there is about the container `id`, put together.
fn by_id(folders: &[Folder], id: &str) -> Result<Option<Workload>, Failure> {
    let mut all: Option<Workload> = None;
    let mut there = false;
    for folder in folders.iter().filter(|folder| files::is_folder(&folder.path)) {
        there = true;
        if let Some(part) = state::read(&folder.path.join(id), id, folder.runtime) {
            all = Some(match all {
                Some(known) => joined(known, part),
                None => part,
            });
        }
    }
    if there { Ok(all) } else { Err(Failure::Absent) }
}

/// `known`, and what only `more` says.
fn joined(known: Workload, more: Workload) -> Workload {
    let runtime = match (known.runtime, more.runtime) {
        (None | Some(Runtime::Runc | Runtime::Crun), Some(engine)) => Some(engine),
        (known, _) => known,
    };
    Workload {
        kind: known.kind,
        sandbox: known.sandbox || more.sandbox,
        runtime,
        id: known.id,
        name: known.name.or(more.name),
        image: known.image.or(more.image),
        unit: known.unit,
        kubernetes: known.kubernetes.or(more.kubernetes),
        labels: if known.labels.is_empty() { more.labels } else { known.labels },
        pid1: known.pid1.or(more.pid1),
        stop_signal: known.stop_signal.or(more.stop_signal),
        grace_ns: known.grace_ns.or(more.grace_ns),
        pre_stop: known.pre_stop.or(more.pre_stop),
    }
}
