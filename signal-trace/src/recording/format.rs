//! The `input` lines of a recording: one per input of the engine, in the order it got them.
//!
//! They are not for log pipelines and carry neither time nor node, for they are many. All times
//! are integers in nanoseconds; names and paths are strings as `escape::for_json` makes them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use signal_trace_core::{
    event::Comm,
    ids::{CgroupKey, ProcessId},
    input::{Fact, FactBody, Input, Loss, LossKind, ProcessFact},
    signal::WaitStatus,
    time::{BootNs, ClockAnchor},
};

use super::workload::{self, WireWorkload};
use crate::escape;

/// An input on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireInput {
    /// A record of the kernel side, base64.
    Frame(String),
    /// Something learned elsewhere.
    Fact(WireFact),
    /// Something is missing.
    Loss(WireLoss),
    /// The two clocks, read together.
    Clock(WireClock),
    /// Time passes.
    Tick(u64),
    /// The session ends.
    End(u64),
}

/// [`Fact`] on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireFact {
    at: u64,
    body: WireFactBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireFactBody {
    Process(WireProcess),
    ProcessGone(WireId),
    Cgroup { key: String, path: String },
    Workload { key: String, workload: Box<WireWorkload> },
}

/// [`ProcessFact`] on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WireProcess {
    id: WireId,
    parent: Option<WireId>,
    pgid: u32,
    ns_pid: u32,
    ns_level: u32,
    uid: u32,
    cgroup: String,
    comm: String,
    /// Letter of `/proc/PID/stat`.
    state: char,
    pending: u64,
    ignored: u64,
    caught: u64,
    /// Wait status of a zombie.
    zombie: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct WireId {
    pid: u32,
    start_ticks: u64,
}

/// [`Loss`] on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLoss {
    kind: String,
    count: u64,
    from: u64,
    to: u64,
}

/// [`ClockAnchor`] on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireClock {
    boot_ns: u64,
    wall_ns: i64,
}

impl From<&Input> for WireInput {
    fn from(input: &Input) -> Self {
        match input {
            Input::Frame(bytes) => Self::Frame(BASE64_STANDARD.encode(bytes)),
            Input::Fact(Fact { at, body }) => {
                Self::Fact(WireFact { at: at.0, body: fact_to_wire(body) })
            }
            Input::Loss(Loss { kind, count, from, to }) => Self::Loss(WireLoss {
                kind: kind.name().to_owned(),
                count: *count,
                from: from.0,
                to: to.0,
            }),
            Input::Clock(ClockAnchor { boot, wall_ns }) => {
                Self::Clock(WireClock { boot_ns: boot.0, wall_ns: *wall_ns })
            }
            Input::Tick(BootNs(at)) => Self::Tick(*at),
            Input::End(BootNs(at)) => Self::End(*at),
        }
    }
}

fn fact_to_wire(body: &FactBody) -> WireFactBody {
    match body {
        FactBody::Process(process) => {
            let ProcessFact {
                id,
                parent,
                pgid,
                ns_pid,
                ns_level,
                uid,
                cgroup,
                comm,
                state,
                pending,
                ignored,
                caught,
                zombie,
            } = process;
            WireFactBody::Process(WireProcess {
                id: id_to_wire(*id),
                parent: parent.map(id_to_wire),
                pgid: *pgid,
                ns_pid: *ns_pid,
                ns_level: *ns_level,
                uid: *uid,
                cgroup: cgroup_to_text(*cgroup),
                comm: escape::for_json(comm.as_bytes()),
                state: char::from(*state),
                pending: *pending,
                ignored: *ignored,
                caught: *caught,
                zombie: zombie.map(|status| status.0),
            })
        }
        FactBody::ProcessGone(id) => WireFactBody::ProcessGone(id_to_wire(*id)),
        FactBody::Cgroup { key, path } => {
            WireFactBody::Cgroup { key: cgroup_to_text(*key), path: escape::for_json(path) }
        }
        FactBody::Workload { key, workload } => WireFactBody::Workload {
            key: cgroup_to_text(*key),
            workload: Box::new(workload::to_wire(workload)),
        },
    }
}

impl WireInput {
    /// Back to the engine's own; the error says what in it cannot be used.
    pub fn into_input(self) -> Result<Input, String> {
        Ok(match self {
            Self::Frame(text) => Input::Frame(
                BASE64_STANDARD
                    .decode(text)
                    .map_err(|error| format!("has a bad frame: {error}"))?,
            ),
            Self::Fact(WireFact { at, body }) => {
                Input::Fact(Fact { at: BootNs(at), body: fact_from_wire(body)? })
            }
            Self::Loss(WireLoss { kind, count, from, to }) => Input::Loss(Loss {
                kind: LossKind::ALL
                    .into_iter()
                    .find(|known| known.name() == kind)
                    .ok_or_else(|| format!("has the unknown kind of loss {kind:?}"))?,
                count,
                from: BootNs(from),
                to: BootNs(to),
            }),
            Self::Clock(WireClock { boot_ns, wall_ns }) => {
                Input::Clock(ClockAnchor { boot: BootNs(boot_ns), wall_ns })
            }
            Self::Tick(at) => Input::Tick(BootNs(at)),
            Self::End(at) => Input::End(BootNs(at)),
        })
    }
}

fn fact_from_wire(body: WireFactBody) -> Result<FactBody, String> {
    Ok(match body {
        WireFactBody::Process(process) => {
            let WireProcess {
                id,
                parent,
                pgid,
                ns_pid,
                ns_level,
                uid,
                cgroup,
                comm,
                state,
                pending,
                ignored,
                caught,
                zombie,
            } = process;
            FactBody::Process(ProcessFact {
                id: id_from_wire(id),
                parent: parent.map(id_from_wire),
                pgid,
                ns_pid,
                ns_level,
                uid,
                cgroup: cgroup_from_text(&cgroup)?,
                comm: Comm::from_bytes(&escape::from_json(&comm)),
                state: u8::try_from(state).unwrap_or(b'?'),
                pending,
                ignored,
                caught,
                zombie: zombie.map(WaitStatus),
            })
        }
        WireFactBody::ProcessGone(id) => FactBody::ProcessGone(id_from_wire(id)),
        WireFactBody::Cgroup { key, path } => {
            FactBody::Cgroup { key: cgroup_from_text(&key)?, path: escape::from_json(&path) }
        }
        WireFactBody::Workload { key, workload } => FactBody::Workload {
            key: cgroup_from_text(&key)?,
            workload: Box::new(workload::from_wire(*workload)?),
        },
    })
}

const fn id_to_wire(id: ProcessId) -> WireId {
    let ProcessId { pid, start_ticks } = id;
    WireId { pid, start_ticks }
}

const fn id_from_wire(id: WireId) -> ProcessId {
    let WireId { pid, start_ticks } = id;
    ProcessId { pid, start_ticks }
}

/// `root`, `v2:<id>` or `v1:<id>`.
pub(super) fn cgroup_to_text(key: CgroupKey) -> String {
    match key {
        CgroupKey::Root => "root".to_owned(),
        CgroupKey::V2(id) => format!("v2:{id}"),
        CgroupKey::V1(id) => format!("v1:{id}"),
    }
}

/// Back from [`cgroup_to_text`].
pub(super) fn cgroup_from_text(text: &str) -> Result<CgroupKey, String> {
    let key = match text.split_once(':') {
        None if text == "root" => Some(CgroupKey::Root),
        Some(("v2", id)) => id.parse().ok().map(CgroupKey::V2),
        Some(("v1", id)) => id.parse().ok().map(CgroupKey::V1),
        _ => None,
    };
    key.ok_or_else(|| format!("has the unknown cgroup {text:?}"))
}

#[cfg(test)]
mod tests;
