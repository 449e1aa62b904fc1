//! Services and scopes, as the systemd that runs them tells of them over D-Bus: the node's, a
//! user's, or one in a container.

use std::{collections::BTreeMap, path::PathBuf};

use bus::Bus;
use inside::Opener;
use signal_trace_core::{
    labels::Labels,
    signal::Signal,
    time::{BootNs, SECOND},
    workload::{Configured, Kind, Source, Workload},
};
use tokio::net::UnixStream;
use wire::Value;

use super::{Failure, Subject, http::DEADLINE};
use crate::capture::{cgroup::Hierarchies, clock, procfs::Root};

mod bus;
mod inside;
mod wire;

/// Where the node's systemd is asked: at its own socket, which is root's, or over the bus.
const SOCKETS: [&str; 2] = ["/run/systemd/private", "/run/dbus/system_bus_socket"];

/// How long a manager in a container is left alone after it gave no answer: it may keep others
/// waiting.
const PAUSE_NS: u64 = 60 * SECOND;

/// Managers that are left alone at the same time, at most.
const MAX_PAUSED: usize = 256;

/// Bytes of the name of a unit, at most; systemd's own limit.
const MAX_NAME: usize = 255;

/// The service managers of a node.
#[derive(Debug)]
pub struct Systemd {
    sockets: Vec<PathBuf>,
    hierarchies: Option<Hierarchies>,
    opener: Opener,
    /// Managers that are left alone until then.
    paused: BTreeMap<Vec<u8>, BootNs>,
}

impl Systemd {
    /// Asks the node's where it is by default. Managers in containers are found by `proc`.
    pub fn of_node(proc: &Root) -> Self {
        Self::at(SOCKETS.map(PathBuf::from).to_vec(), proc)
    }

    /// Asks the node's at this socket: its own, or that of a bus.
    pub fn new(socket: PathBuf, proc: &Root) -> Self {
        Self::at(vec![socket], proc)
    }

    fn at(sockets: Vec<PathBuf>, proc: &Root) -> Self {
        Self {
            sockets,
            // Without them there are no managers but the node's.
            hierarchies: Hierarchies::discover(proc).ok(),
            opener: Opener::default(),
            paused: BTreeMap::new(),
        }
    }

    /// What the manager of the unit that lives there knows of it. One that is not the node's and
    /// does not answer is `Ok(None)`: it is no failure of this node.
    pub async fn look_up(&mut self, subject: &Subject) -> Result<Option<Workload>, Failure> {
        let Some(home) = Home::of(&subject.path) else { return Ok(None) };
        if home.manager.is_empty() {
            let answer = tokio::time::timeout(DEADLINE, self.ask_node(home.unit)).await;
            return answer.unwrap_or_else(|_| Err(Failure::Broken("no answer in time".into())));
        }
        let now = clock::boot_now();
        self.paused.retain(|_, until| *until > now);
        if self.paused.contains_key(home.manager) || self.paused.len() >= MAX_PAUSED {
            return Ok(None);
        }
        let answer = tokio::time::timeout(DEADLINE, self.ask_inside(subject, home)).await;
        match answer.unwrap_or_else(|_| Err(Failure::Broken("no answer in time".into()))) {
            Ok(found) => Ok(found),
            Err(failure) => {
                tracing::debug!("systemd of {}: {failure}", home.manager.escape_ascii());
                self.paused.insert(home.manager.to_vec(), now.plus(PAUSE_NS));
                Ok(None)
            }
        }
    }

    async fn ask_node(&self, unit: &str) -> Result<Option<Workload>, Failure> {
        for socket in &self.sockets {
            match UnixStream::connect(socket).await {
                Ok(stream) => return ask(stream, unit).await,
                Err(error) => match error.kind() {
                    std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::ConnectionRefused
                    | std::io::ErrorKind::PermissionDenied => {}
                    _ => return Err(Failure::Broken(format!("cannot connect: {error}"))),
                },
            }
        }
        Err(Failure::Absent)
    }

    async fn ask_inside(
        &self,
        subject: &Subject,
        home: Home<'_>,
    ) -> Result<Option<Workload>, Failure> {
        let Some(hierarchies) = &self.hierarchies else { return Ok(None) };
        let in_container = Labels::of(home.manager).container_id.is_some();
        let socket = match home.user {
            // There it refuses whoever has no pid in its namespace.
            Some(_) if in_container => return Ok(None),
            Some(uid) => format!("run/user/{uid}/systemd/private"),
            // For the same reason not at its own socket.
            None if inside::bus_runs(hierarchies, home.manager) => {
                "run/dbus/system_bus_socket".into()
            }
            None => return Ok(None),
        };
        let Some(root) = inside::root(hierarchies, home.manager, home.user.is_none()) else {
            return Ok(None);
        };
        let stream = self.opener.run(move || inside::connect(&root, socket.as_ref())).await;
        let Some(stream) = stream.and_then(|stream| UnixStream::from_std(stream).ok()) else {
            return Err(Failure::Absent);
        };
        let mut found = ask(stream, home.unit).await?;
        if let Some(workload) = &mut found {
            // It counts pids in its own namespace, and may say anything.
            workload.pid1 =
                workload.pid1.and_then(|pid| inside::translate(hierarchies, &subject.path, pid));
        }
        Ok(found)
    }
}

/// Where a unit lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Home<'a> {
    unit: &'a str,
    /// Cgroup of its manager; empty for the node's.
    manager: &'a [u8],
    /// Whose manager that is, if it is a user's.
    user: Option<u32>,
}

impl<'a> Home<'a> {
    fn of(path: &'a [u8]) -> Option<Self> {
        let labels = Labels::of(path);
        let name = labels.unit?;
        let unit = str::from_utf8(name).ok().filter(|name| name.len() <= MAX_NAME)?;
        let mut manager = labels.manager;
        if last(manager) == name {
            // The unit is the user's manager, and itself run by the one around that.
            let around = manager.len() - name.len();
            manager = Labels::of(manager.get(..around).unwrap_or_default()).manager;
        }
        let user = || {
            let name = str::from_utf8(last(manager)).ok()?;
            name.strip_prefix("user@")?.strip_suffix(".service")?.parse().ok()
        };
        Some(Self { unit, manager, user: user() })
    }
}

/// The last part of a path.
fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Asks the manager at the other end.
async fn ask(stream: UnixStream, unit: &str) -> Result<Option<Workload>, Failure> {
    let mut bus = Bus::open(stream).await?;
    let Some(path) = bus.unit(unit).await? else { return Ok(None) };
    let service = unit.ends_with(".service");
    let interface =
        format!("org.freedesktop.systemd1.{}", if service { "Service" } else { "Scope" });
    let mode = bus.property(&path, &interface, "KillMode").await?;
    let signal = bus.property(&path, &interface, "KillSignal").await?;
    let timeout = bus.property(&path, &interface, "TimeoutStopUSec").await?;
    let main = if service { bus.property(&path, &interface, "MainPID").await? } else { None };
    // With this mode it is not stopped by signals at all.
    let signals = mode != Some(Value::Text("none".into()));
    let source = Source::Systemd;
    let stop_signal = signals
        .then(|| Signal::new(number(signal.as_ref())?))
        .flatten()
        .map(|value| Configured { value, source });
    let grace = signals.then(|| number::<u64>(timeout.as_ref())).flatten().map(|us| match us {
        u64::MAX => u64::MAX,
        us => us.saturating_mul(1000),
    });
    Ok(Some(Workload {
        kind: Kind::Unit,
        name: Some(unit.to_owned()),
        unit: Some(unit.to_owned()),
        pid1: number(main.as_ref()).filter(|pid| *pid != 0),
        stop_signal,
        grace_ns: grace.map(|value| Configured { value, source }),
        ..Workload::default()
    }))
}

fn number<T: TryFrom<i128>>(value: Option<&Value>) -> Option<T> {
    match value {
        Some(Value::Number(number)) => (*number).try_into().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
