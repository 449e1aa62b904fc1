//! The head of a recording in the words of the core, to and from its line.

use signal_trace_common::wire;
use signal_trace_core::{
    config::Config, output::GraceSource, signal::Signal, time::BootNs, time::ClockAnchor,
};

use super::format::{cgroup_from_text, cgroup_to_text};
use crate::sinks::schema::{Body, Clock, Filters, Line, Recording, SCHEMA, SessionConfig, Time};

/// What a session was told, and on which machine: all that a replay must know beside the inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version of signal-trace that recorded.
    pub version: String,
    /// [`wire::ABI`] of the frames.
    pub abi: u32,
    /// Name of the node.
    pub node: String,
    /// Release of its kernel.
    pub kernel: String,
    /// Id of its boot.
    pub boot_id: String,
    /// Both clocks, read when all programs were attached: the start of the session.
    pub clock: ClockAnchor,
    /// Configuration of the engine.
    pub config: Config,
}

impl Header {
    /// The head of a session that this very program records.
    pub fn new(
        node: String,
        kernel: String,
        boot_id: String,
        clock: ClockAnchor,
        config: Config,
    ) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { version, abi: wire::ABI, node, kernel, boot_id, clock, config }
    }

    /// The `recording` line of an output that shows what `filters` let through.
    pub fn line(&self, filters: Filters) -> Line {
        let Self { version, abi, node, kernel, boot_id, clock, config } = self;
        Line {
            schema: SCHEMA.into(),
            time: Time(clock.wall_ns),
            node: node.clone(),
            seq: 0,
            body: Body::Recording(Recording {
                version: version.clone(),
                kernel: kernel.clone(),
                boot_id: boot_id.clone(),
                abi: *abi,
                clock: Clock { boot_ns: clock.boot.0, wall_ns: clock.wall_ns },
                config: config_to_wire(config),
                filters,
            }),
        }
    }

    /// Whether this program reads the kernel records of the build `version`.
    pub(super) fn check_abi(version: &str, abi: u32) -> Result<(), String> {
        if abi == wire::ABI {
            return Ok(());
        }
        Err(format!(
            "holds kernel records of version {abi}, and this program reads version {}: replay it with \
             the build of signal-trace {version} that made it",
            wire::ABI
        ))
    }

    /// From the `recording` line of a file; the error says what in it cannot be used.
    pub(super) fn from_wire(node: String, recording: Recording) -> Result<Self, String> {
        let Recording { version, kernel, boot_id, abi, clock, config, filters: _ } = recording;
        Self::check_abi(&version, abi)?;
        let clock = ClockAnchor { boot: BootNs(clock.boot_ns), wall_ns: clock.wall_ns };
        let config = config_from_wire(config)?;
        Ok(Self { version, abi, node, kernel, boot_id, clock, config })
    }
}

fn config_to_wire(config: &Config) -> SessionConfig {
    let Config {
        grace_ns,
        grace_source,
        signal_mask,
        stop_signals,
        zombie_after_ns,
        unkillable_after_ns,
        split_cgroups,
        tracer_pid,
        asks_managers,
        reorder_window_ns,
        max_processes,
    } = config;
    let watched = (1..=64).filter_map(Signal::new).filter(|signal| signal_mask & signal.bit() != 0);
    SessionConfig {
        grace_ns: *grace_ns,
        grace_source: grace_source.name().to_owned(),
        signals: watched.map(Signal::name).collect(),
        stop_signals: stop_signals.iter().map(|signal| signal.name()).collect(),
        zombie_after_ns: *zombie_after_ns,
        unkillable_after_ns: *unkillable_after_ns,
        split_cgroups: split_cgroups.iter().copied().map(cgroup_to_text).collect(),
        tracer_pid: *tracer_pid,
        asks_managers: *asks_managers,
        reorder_window_ns: *reorder_window_ns,
        max_processes: *max_processes as u64,
    }
}

fn config_from_wire(config: SessionConfig) -> Result<Config, String> {
    let SessionConfig {
        grace_ns,
        grace_source,
        signals,
        stop_signals,
        zombie_after_ns,
        unkillable_after_ns,
        split_cgroups,
        tracer_pid,
        asks_managers,
        reorder_window_ns,
        max_processes,
    } = config;
    let signals_of = |names: &[String]| {
        let parse = |name: &String| {
            Signal::parse(name).ok_or_else(|| format!("has the unknown signal {name:?}"))
        };
        names.iter().map(parse).collect::<Result<Vec<_>, _>>()
    };
    Ok(Config {
        grace_ns,
        grace_source: GraceSource::parse(&grace_source)
            .ok_or_else(|| format!("has the unknown grace source {grace_source:?}"))?,
        signal_mask: signals_of(&signals)?.iter().fold(0, |mask, signal| mask | signal.bit()),
        stop_signals: signals_of(&stop_signals)?,
        zombie_after_ns,
        unkillable_after_ns,
        split_cgroups: split_cgroups
            .iter()
            .map(|text| cgroup_from_text(text))
            .collect::<Result<_, _>>()?,
        tracer_pid,
        asks_managers,
        reorder_window_ns,
        max_processes: usize::try_from(max_processes).unwrap_or(usize::MAX),
    })
}

#[cfg(test)]
mod tests {
    use signal_trace_core::{ids::CgroupKey, time::SECOND};

    use super::*;

    #[test]
    fn the_configuration_comes_back_as_it_was() {
        let mut config = Config::new();
        config.grace_ns = 3 * SECOND + 1;
        config.grace_source = GraceSource::Flag;
        config.signal_mask = 1 << 63 | 1;
        config.stop_signals = ["RTMIN+3", "USR1"].map(|name| Signal::parse(name).unwrap()).to_vec();
        config.split_cgroups = [CgroupKey::V2(u64::MAX), CgroupKey::V1(7)].into();
        config.tracer_pid = Some(77);
        config.asks_managers = true;
        config.max_processes = 12;
        let clock = ClockAnchor { boot: BootNs(u64::MAX), wall_ns: -5 };
        let header = Header::new("n1".into(), "6.1".into(), "b".into(), clock, config);
        let Body::Recording(recording) = header.line(Filters::default()).body else {
            panic!("a recording line")
        };
        let json = serde_json::to_string(&recording).unwrap();
        let read = serde_json::from_str(&json).unwrap();
        assert_eq!(Header::from_wire("n1".into(), read), Ok(header));
    }
}
