//! Podman: its API on a Unix socket, and without that its containers on disk.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use signal_trace_core::{
    labels::Labels,
    signal::Signal,
    time::SECOND,
    workload::{Configured, Kind, Runtime, Source as Told, Workload},
};

use super::{
    Failure, Subject,
    annotations::Annotations,
    files, http,
    text::{SignalText, Text, given},
};

/// Its grace for a container that sets none, if its answer does not say.
const DEFAULT_GRACE: u64 = 10;
/// Time-outs from here on are a negative number that Podman wrote without its sign: no limit.
const NO_LIMIT: u64 = u32::MAX as u64;
/// The list of all containers on disk: some 700 bytes for each.
const MOST_LIST: u64 = 8 << 20;

/// Podman of root.
#[derive(Debug)]
pub struct Podman {
    socket: PathBuf,
    /// Where its containers are on disk, if the socket is not there.
    storage: Option<PathBuf>,
}

impl Podman {
    /// The service behind `socket`, and nothing else.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket, storage: None }
    }

    /// The service behind `socket`; without one, what is on disk in `storage`
    /// (`/var/lib/containers/storage`).
    pub fn with_storage(socket: PathBuf, storage: PathBuf) -> Self {
        Self { socket, storage: Some(storage) }
    }

    /// Asks for a container.
    pub async fn look_up(&mut self, subject: &Subject) -> Result<Option<Workload>, Failure> {
        let Some(id) = Labels::of(&subject.path).container_id else { return Ok(None) };
        match ask(&self.socket, id).await {
            Err(Failure::Absent) => {}
            answer => return answer,
        }
        let Some(storage) = self.storage.clone() else { return Err(Failure::Absent) };
        let id = id.to_owned();
        files::look(move || on_disk(&storage, &id)).await
    }
}

/// Podman of a user, for containers in that user's slice only: a user can put anything behind the
/// socket, and must not name the containers of others.
#[derive(Debug)]
pub struct Rootless {
    /// `/run/user`, with a folder for each user.
    users: PathBuf,
}

impl Rootless {
    /// The services of the users below `users`.
    pub fn new(users: PathBuf) -> Self {
        Self { users }
    }

    /// Asks for a container.
    pub async fn look_up(&mut self, subject: &Subject) -> Result<Option<Workload>, Failure> {
        let Some(id) = Labels::of(&subject.path).container_id else { return Ok(None) };
        let Some(uid) = user_of(&subject.path) else { return Err(Failure::Absent) };
        ask(&self.users.join(uid.to_string()).join("podman/podman.sock"), id).await
    }
}

/// The user in whose slice the cgroup is.
fn user_of(path: &[u8]) -> Option<u32> {
    let slice = path.strip_prefix(b"/user.slice/user-")?.split(|byte| *byte == b'/').next()?;
    std::str::from_utf8(slice.strip_suffix(b".slice")?).ok()?.parse().ok()
}

async fn ask(socket: &Path, id: &str) -> Result<Option<Workload>, Failure> {
    let answer = http::get(socket, &format!("/v4.0.0/libpod/containers/{id}/json")).await?;
    match answer.status {
        200 => http::json::<Inspect>(&answer.body)?.workload(id).map(Some),
        404 => Ok(None),
        status => Err(Failure::Broken(format!("it answers with status {status}"))),
    }
}

/// Of `GET /libpod/containers/ID/json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspect {
    id: Option<Text>,
    name: Option<Text>,
    image_name: Option<Text>,
    is_infra: Option<bool>,
    #[serde(default)]
    state: State,
    #[serde(default)]
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    pid: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    /// A number before Podman 5, a name since.
    stop_signal: Option<SignalText>,
    stop_timeout: Option<u64>,
    #[serde(default)]
    labels: Annotations,
}

impl Inspect {
    fn workload(self, id: &str) -> Result<Workload, Failure> {
        if self.id.is_none_or(|Text(said)| said != id) {
            return Err(Failure::Broken("it answers for another container".to_owned()));
        }
        let Config { stop_signal, stop_timeout, labels } = self.config;
        let signal = stop_signal.and_then(|text| text.0).unwrap_or(Signal::TERM);
        let grace = match stop_timeout.unwrap_or(DEFAULT_GRACE) {
            NO_LIMIT.. => u64::MAX,
            seconds => seconds.saturating_mul(SECOND),
        };
        Ok(Workload {
            kind: Kind::Container,
            sandbox: self.is_infra.unwrap_or_default(),
            runtime: Some(Runtime::Podman),
            id: Some(id.to_owned()),
            name: given(self.name),
            image: given(self.image_name),
            labels: labels.labels(),
            pid1: self.state.pid.filter(|pid| *pid != 0),
            stop_signal: Some(Configured { value: signal, source: Told::Podman }),
            grace_ns: Some(Configured { value: grace, source: Told::Podman }),
            ..Workload::default()
        })
    }
}

/// An entry of `containers.json`, the list of the containers/storage library.
#[derive(Deserialize)]
struct Stored {
    id: Text,
    #[serde(default)]
    names: Option<Vec<Text>>,
    /// JSON in a string.
    metadata: Option<String>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(rename = "image-name")]
    image: Option<Text>,
    name: Option<Text>,
}

/// Of the OCI `config.json` of a container.
#[derive(Default, Deserialize)]
struct Bundle {
    #[serde(default)]
    annotations: Annotations,
}

/// The container's folder says how to stop it, and the list of all what it is called. The time-out
/// is in Podman's database alone, which no other program may read.
fn on_disk(storage: &Path, id: &str) -> Result<Option<Workload>, Failure> {
    let mut there = false;
    // Of the storage drivers, those that Podman takes by itself.
    for folder in ["overlay-containers", "vfs-containers", "btrfs-containers"] {
        let folder = storage.join(folder);
        if !files::is_folder(&folder) {
            continue;
        }
        there = true;
        let bundle = files::json::<Bundle>(&folder.join(id).join("userdata/config.json"));
        let Some(Bundle { annotations }) = bundle else { continue };
        if annotations.manager() != Some("libpod") {
            // CRI-O stores its containers there too.
            continue;
        }
        let list = files::read(&folder.join("containers.json"), MOST_LIST)?.unwrap_or_default();
        let list = http::json::<Vec<Stored>>(&list).unwrap_or_default();
        let stored = list.into_iter().find(|stored| stored.id.0 == id);
        let metadata = stored.as_ref().and_then(|stored| stored.metadata.as_deref());
        let metadata: Metadata =
            metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let first = stored.and_then(|stored| stored.names?.into_iter().next());
        let name = given(metadata.name).or_else(|| given(first));
        return Ok(Some(Workload {
            kind: Kind::Container,
            sandbox: name.as_deref().is_some_and(is_infra),
            runtime: Some(Runtime::Podman),
            id: Some(id.to_owned()),
            name,
            image: given(metadata.image),
            stop_signal: annotations.stop_signal(),
            ..Workload::default()
        }));
    }
    if there { Ok(None) } else { Err(Failure::Absent) }
}

/// Whether it is what Podman calls the container that holds a pod, unless it is told otherwise.
fn is_infra(name: &str) -> bool {
    name.strip_suffix("-infra")
        .is_some_and(|pod| pod.len() == 12 && pod.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_their_own_slice_is_asked_of_users() {
        let path = b"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-x.scope";
        assert_eq!(user_of(path), Some(1000));
        for path in ["/machine.slice/user-1000.slice/x", "/user.slice/user-x.slice", "/user.slice"]
        {
            assert_eq!(user_of(path.as_bytes()), None, "{path}");
        }
    }
}
