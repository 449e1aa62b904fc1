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
mod tests {
    use super::*;

    const ID: ProcessId = ProcessId { pid: 901, start_ticks: u64::MAX };

    fn every_input() -> Vec<Input> {
        let fact = |body| Input::Fact(Fact { at: BootNs(u64::MAX), body });
        let process = ProcessFact {
            id: ID,
            parent: Some(ProcessId { pid: 1, start_ticks: 3 }),
            pgid: 901,
            ns_pid: 1,
            ns_level: 2,
            uid: u32::MAX,
            cgroup: CgroupKey::V2(u64::MAX),
            comm: Comm::from_bytes(b"\x1b[31m\"\xff\\xff\n"),
            state: b'Z',
            pending: u64::MAX,
            ignored: 1,
            caught: 0,
            zombie: Some(WaitStatus(9)),
        };
        let mut inputs = vec![
            Input::Frame(vec![]),
            Input::Frame((0..=255).collect()),
            fact(FactBody::Process(process.clone())),
            fact(FactBody::Process(ProcessFact { parent: None, zombie: None, ..process })),
            fact(FactBody::ProcessGone(ID)),
            fact(FactBody::Cgroup { key: CgroupKey::V1(7), path: b"/a\xff\\x5c\n".to_vec() }),
            fact(FactBody::Cgroup { key: CgroupKey::Root, path: b"/".to_vec() }),
            Input::Clock(ClockAnchor { boot: BootNs(1), wall_ns: i64::MIN }),
            Input::Tick(BootNs(u64::MAX)),
            Input::End(BootNs(0)),
        ];
        for kind in LossKind::ALL {
            inputs.push(Input::Loss(Loss { kind, count: 3, from: BootNs(1), to: BootNs(2) }));
        }
        inputs
    }

    #[test]
    fn every_input_comes_back_as_it_was() {
        for input in every_input() {
            let json = serde_json::to_string(&WireInput::from(&input)).unwrap();
            let read: WireInput = serde_json::from_str(&json).unwrap();
            assert_eq!(read.into_input(), Ok(input), "{json}");
        }
    }

    #[test]
    fn inputs_read_as_documented() {
        let json = |input| serde_json::to_string(&WireInput::from(&input)).unwrap();
        assert_eq!(json(Input::Frame(b"abc".to_vec())), r#"{"frame":"YWJj"}"#);
        assert_eq!(json(Input::Tick(BootNs(5))), r#"{"tick":5}"#);
        assert_eq!(
            json(Input::Fact(Fact { at: BootNs(1), body: FactBody::ProcessGone(ID) })),
            r#"{"fact":{"at":1,"body":{"process_gone":{"pid":901,"start_ticks":18446744073709551615}}}}"#
        );
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        for (json, error) in [
            (r#"{"frame":"?"}"#, "bad frame"),
            (r#"{"loss":{"kind":"x","count":1,"from":0,"to":0}}"#, "kind of loss \"x\""),
            (r#"{"fact":{"at":0,"body":{"cgroup":{"key":"v3:1","path":"/"}}}}"#, "cgroup \"v3:1\""),
        ] {
            let input: WireInput = serde_json::from_str(json).unwrap();
            let said = input.into_input().unwrap_err();
            assert!(said.contains(error), "{said}");
        }
    }
}
