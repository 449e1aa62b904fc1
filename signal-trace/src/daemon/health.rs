//! The agent's own figures, put together for the metrics once a second.

use std::time::Duration;

use super::fan_out::FanOut;
use crate::{
    capture::{Capture, clock},
    metrics::{Health, Ring, SinkHealth, Tracked},
    outlet::Outlet,
    pipeline::Pipeline,
};

/// How it is now.
///
/// # Errors
/// The kernel does not tell the counters.
pub fn health(
    capture: &Capture,
    pipeline: &Pipeline,
    fan: &FanOut,
    reload_failed: bool,
) -> anyhow::Result<Health> {
    let seen = capture.figures()?;
    let kept = pipeline.figures();
    let table = |table, entries: usize, limit: Option<usize>| Tracked {
        table,
        entries: entries as u64,
        limit: limit.map(|limit| limit as u64),
    };
    let lag = clock::boot_now().since(seen.seen_until);
    Ok(Health {
        events: kept.events,
        signals: kept.signals,
        exits: kept.exits,
        lost: fan.lost().clone(),
        recursion_misses: seen.recursion_misses,
        rings: seen
            .rings
            .map(|fill| Ring {
                ring: fill.ring,
                fill_ratio: ratio(fill.most, fill.capacity),
                capacity_bytes: fill.capacity,
            })
            .to_vec(),
        tables: vec![
            table("processes", kept.processes, Some(kept.max_processes)),
            table("cgroups", kept.cgroups, None),
            table("timelines", kept.timelines, None),
        ],
        sinks: fan.outlets().map(sink).collect(),
        lag_seconds: Duration::from_nanos(lag).as_secs_f64(),
        reload_failed,
    })
}

fn sink(outlet: &Outlet) -> SinkHealth {
    let stats = outlet.stats();
    SinkHealth {
        sink: outlet.name(),
        delivered_lines: stats.delivered_lines(),
        dropped_lines: stats.dropped_lines(),
        failures: stats.failures(),
        queue_lines: outlet.queued() as u64,
        queue_capacity_lines: outlet.capacity() as u64,
        up: stats.is_up(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio needs no 53 bits")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
