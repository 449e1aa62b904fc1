//! Docker Engine: what its API on a Unix socket says of a container.

use std::path::PathBuf;

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
    http,
    text::{SignalText, Text, given},
};

/// Its grace for a container that sets none (`defaultStopTimeout` of moby's container package).
const DEFAULT_GRACE: i64 = 10;

/// One engine.
#[derive(Debug)]
pub struct Docker {
    /// Names of its socket: the first that is there counts.
    sockets: Vec<PathBuf>,
}

impl Docker {
    /// The engine behind `socket`.
    pub fn new(socket: PathBuf) -> Self {
        Self { sockets: vec![socket] }
    }

    /// The engine behind the first of `sockets` that is there.
    pub fn behind_first_of(sockets: Vec<PathBuf>) -> Self {
        Self { sockets }
    }

    /// Asks for a container.
    pub async fn look_up(&mut self, subject: &Subject) -> Result<Option<Workload>, Failure> {
        let Some(id) = Labels::of(&subject.path).container_id else { return Ok(None) };
        // Without a version: the engine then takes its newest, and these fields are as old as it.
        let path = format!("/containers/{id}/json");
        for socket in &self.sockets {
            match http::get(socket, &path).await {
                Err(Failure::Absent) => {}
                Err(broken) => return Err(broken),
                Ok(answer) => {
                    return match answer.status {
                        200 => http::json::<Inspect>(&answer.body)?.workload(id).map(Some),
                        404 => Ok(None),
                        status => Err(Failure::Broken(format!("it answers with status {status}"))),
                    };
                }
            }
        }
        Err(Failure::Absent)
    }
}

/// Of `GET /containers/ID/json`, and of `config.v2.json` in the engine's data folder, which names
/// these alike.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspect {
    #[serde(rename = "Id", alias = "ID")]
    id: Option<Text>,
    name: Option<Text>,
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
    image: Option<Text>,
    stop_signal: Option<SignalText>,
    stop_timeout: Option<i64>,
    #[serde(default)]
    labels: Annotations,
}

impl Inspect {
    /// What it says of the container `id`.
    pub fn workload(self, id: &str) -> Result<Workload, Failure> {
        if !self.id.is_some_and(|Text(said)| said.eq_ignore_ascii_case(id)) {
            return Err(Failure::Broken("it answers for another container".to_owned()));
        }
        let Config { image, stop_signal, stop_timeout, labels } = self.config;
        let name = given(self.name).map(|name| name.trim_start_matches('/').to_owned());
        let signal = stop_signal.and_then(|text| text.0).unwrap_or(Signal::TERM);
        let by_engine = Configured { value: grace(stop_timeout), source: Told::Docker };
        Ok(Workload {
            kind: Kind::Container,
            sandbox: labels.is_sandbox(),
            runtime: Some(Runtime::Docker),
            id: Some(id.to_owned()),
            name: name.filter(|name| !name.is_empty()),
            image: given(image),
            kubernetes: labels.kubernetes(),
            labels: labels.labels(),
            pid1: self.state.pid.filter(|pid| *pid != 0),
            stop_signal: Some(Configured { value: signal, source: Told::Docker }),
            // What the kubelet asks for goes before what the engine would give by itself.
            grace_ns: Some(labels.grace().unwrap_or(by_engine)),
            ..Workload::default()
        })
    }
}

fn grace(stop_timeout: Option<i64>) -> u64 {
    // Less than 0: for ever.
    u64::try_from(stop_timeout.unwrap_or(DEFAULT_GRACE))
        .map_or(u64::MAX, |seconds| seconds.saturating_mul(SECOND))
}
