//! Metrics of the agent itself.

use std::fmt;

use signal_trace_core::input::LossKind;

use super::{
    super::{
        Phase,
        encode::{Page, Samples},
    },
    Family, Kind, Unit,
};

/// In the order of the page.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "signal_trace_ready",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (false, &[]),
        help: "1 while the agent sees everything: after its start and before it ends.",
        write: |page, samples| samples.only(page.phase == Phase::Ready),
    },
    Family {
        name: "signal_trace_events_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (false, &[]),
        help: "Kernel events that the agent read.",
        write: |page, samples| samples.only(page.health.events),
    },
    Family {
        name: "signal_trace_signals_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (false, &[]),
        help: "Watched signals among these events.",
        write: |page, samples| samples.only(page.health.signals),
    },
    Family {
        name: "signal_trace_exits_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (false, &[]),
        help: "Process exits among these events.",
        write: |page, samples| samples.only(page.health.exits),
    },
    Family {
        name: "signal_trace_lost_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (false, &["kind"]),
        help: "Records that were lost, by the kind of loss lines. Shutdowns of that time are \
               inconclusive.",
        write: lost,
    },
    Family {
        name: "signal_trace_recursion_misses_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (false, &[]),
        help: "Runs of the agent's programs that the kernel skipped.",
        write: |page, samples| samples.only(page.health.recursion_misses),
    },
    Family {
        name: "signal_trace_ring_fill_ratio",
        kind: Kind::Gauge,
        unit: Unit::Ratio,
        labels: (false, &["ring"]),
        help: "Part of a ring buffer that was taken when the agent last looked.",
        write: |page, samples| {
            page.health
                .rings
                .iter()
                .try_for_each(|ring| samples.with(&[("ring", ring.ring)], ring.fill_ratio))
        },
    },
    Family {
        name: "signal_trace_ring_capacity_bytes",
        kind: Kind::Gauge,
        unit: Unit::Bytes,
        labels: (false, &["ring"]),
        help: "Size of a ring buffer.",
        write: |page, samples| {
            page.health
                .rings
                .iter()
                .try_for_each(|ring| samples.with(&[("ring", ring.ring)], ring.capacity_bytes))
        },
    },
    Family {
        name: "signal_trace_tracked",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (false, &["table"]),
        help: "Entries that the agent remembers now.",
        write: |page, samples| {
            for table in &page.health.tables {
                samples.with(&[("table", table.table)], table.entries)?;
            }
            samples.with(&[("table", LABEL_SETS)], page.label_sets.0 as u64)
        },
    },
    Family {
        name: "signal_trace_tracked_limit",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (false, &["table"]),
        help: "Entries that the agent remembers at most.",
        write: |page, samples| {
            for table in &page.health.tables {
                if let Some(limit) = table.limit {
                    samples.with(&[("table", table.table)], limit)?;
                }
            }
            samples.with(&[("table", LABEL_SETS)], page.label_sets.1 as u64)
        },
    },
    Family {
        name: "signal_trace_sink_delivered_lines_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (false, &["sink"]),
        help: "Lines that arrived.",
        write: |page, samples| {
            let mut sinks = page.health.sinks.iter();
            sinks.try_for_each(|it| samples.with(&[("sink", it.sink)], it.delivered_lines))
        },
    },
    Family {
        name: "signal_trace_sink_dropped_lines_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (false, &["sink"]),
        help: "Lines that found no room in the queue, or were refused for good.",
        write: |page, samples| {
            let mut sinks = page.health.sinks.iter();
            sinks.try_for_each(|it| samples.with(&[("sink", it.sink)], it.dropped_lines))
        },
    },
    Family {
        name: "signal_trace_sink_failures_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (false, &["sink"]),
        help: "Attempts to deliver that failed.",
        write: |page, samples| {
            let mut sinks = page.health.sinks.iter();
            sinks.try_for_each(|it| samples.with(&[("sink", it.sink)], it.failures))
        },
    },
    Family {
        name: "signal_trace_sink_queue_lines",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (false, &["sink"]),
        help: "Lines that wait to be delivered.",
        write: |page, samples| {
            let mut sinks = page.health.sinks.iter();
            sinks.try_for_each(|it| samples.with(&[("sink", it.sink)], it.queue_lines))
        },
    },
    Family {
        name: "signal_trace_sink_queue_capacity_lines",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (false, &["sink"]),
        help: "Lines that can wait to be delivered.",
        write: |page, samples| {
            let mut sinks = page.health.sinks.iter();
            sinks.try_for_each(|it| samples.with(&[("sink", it.sink)], it.queue_capacity_lines))
        },
    },
    Family {
        name: "signal_trace_sink_up",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (false, &["sink"]),
        help: "1 if the last attempt to deliver was good.",
        write: |page, samples| {
            let mut sinks = page.health.sinks.iter();
            sinks.try_for_each(|it| samples.with(&[("sink", it.sink)], it.up))
        },
    },
    Family {
        name: "signal_trace_lag_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: (false, &[]),
        help: "How far the agent is behind: the age of the time up to which it has seen \
               everything.",
        write: |page, samples| samples.only(page.health.lag_seconds),
    },
    Family {
        name: "signal_trace_start_time_seconds",
        kind: Kind::Gauge,
        unit: Unit::Seconds,
        labels: (false, &[]),
        help: "When the agent started, since 1970.",
        write: |page, samples| samples.only(page.build.start_time_seconds),
    },
    Family {
        name: "signal_trace_config_last_reload_successful",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (false, &[]),
        help: "1 if the configuration that was read last is in force.",
        write: |page, samples| samples.only(!page.health.reload_failed),
    },
    Family {
        name: "signal_trace_build_info",
        kind: Kind::Info,
        unit: Unit::None,
        labels: (false, &["version", "kernel", "abi"]),
        help: "Version of the agent, release of the kernel, version of the records between them.",
        write: |page, samples| {
            let abi = page.build.abi.to_string();
            samples.info(&[
                ("version", page.build.version.as_str()),
                ("kernel", page.build.kernel.as_str()),
                ("abi", abi.as_str()),
            ])
        },
    },
    Family {
        name: "process_cpu_seconds_total",
        kind: Kind::Counter,
        unit: Unit::Seconds,
        labels: (false, &[]),
        help: "User and system time of the agent.",
        write: |page, samples| page.own.cpu_seconds.map_or(Ok(()), |it| samples.only(it)),
    },
    Family {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        unit: Unit::Bytes,
        labels: (false, &[]),
        help: "Resident memory of the agent.",
        write: |page, samples| page.own.resident_bytes.map_or(Ok(()), |it| samples.only(it)),
    },
    Family {
        name: "process_open_fds",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (false, &[]),
        help: "Files that the agent has open.",
        write: |page, samples| page.own.open_fds.map_or(Ok(()), |it| samples.only(it)),
    },
];

/// `table` of the sets of labels.
const LABEL_SETS: &str = "label_sets";

/// Every kind is there from the beginning, so that the first loss is seen as an increase.
fn lost(page: &Page, samples: &mut Samples<'_>) -> fmt::Result {
    let lost = &page.health.lost;
    let known = LossKind::ALL.map(LossKind::name);
    for kind in known {
        samples.with(&[("kind", kind)], lost.get(kind).copied().unwrap_or_default())?;
    }
    let mut more = lost.iter().filter(|(kind, _)| !known.contains(kind));
    more.try_for_each(|(kind, count)| samples.with(&[("kind", *kind)], *count))
}
