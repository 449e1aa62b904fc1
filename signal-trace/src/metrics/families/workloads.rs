//! Metrics of workloads: how they stop, and what they leave behind.

use super::{
    super::series::{DURATION_BOUNDS, GRACE_BOUNDS},
    Family, Kind, Unit,
};

/// In the order of the page.
pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "signal_trace_shutdowns_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (true, &["verdict"]),
        help: "Shutdowns by verdict. What lives past its grace period is counted as \
               still-running, and once more when it ends.",
        write: |page, samples| {
            page.series().try_for_each(|(labels, series)| {
                let mut verdicts = series.shutdowns.iter();
                verdicts.try_for_each(|(verdict, count)| {
                    samples.with(&(labels, [("verdict", verdict)]), count)
                })
            })
        },
    },
    Family {
        name: "signal_trace_shutdown_duration_seconds",
        kind: Kind::Histogram,
        unit: Unit::Seconds,
        labels: (true, &[]),
        help: "Time from the first stop signal, or SIGKILL, to the last exit.",
        write: |page, samples| {
            let mut all = page.series().filter(|(_, series)| series.duration.count() > 0);
            all.try_for_each(|(labels, series)| {
                let buckets = series.duration.buckets(&DURATION_BOUNDS);
                let (sum, count) = (series.duration.sum(), series.duration.count());
                samples.histogram(&labels, sum, count, &buckets)
            })
        },
    },
    Family {
        name: "signal_trace_grace_used_ratio",
        kind: Kind::Histogram,
        unit: Unit::Ratio,
        labels: (true, &[]),
        help: "Part of the grace period that a shutdown used, its preStop hook included; above \
               1 if it outlived it.",
        write: |page, samples| {
            let mut all = page.series().filter(|(_, series)| series.grace_used.count() > 0);
            all.try_for_each(|(labels, series)| {
                let buckets = series.grace_used.buckets(&GRACE_BOUNDS);
                let (sum, count) = (series.grace_used.sum(), series.grace_used.count());
                samples.histogram(&labels, sum, count, &buckets)
            })
        },
    },
    Family {
        name: "signal_trace_findings_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (true, &["finding", "severity"]),
        help: "Findings by id and severity; signal-trace explain ID tells more of one.",
        write: |page, samples| {
            page.series().try_for_each(|(labels, series)| {
                series.findings.iter().try_for_each(|((finding, severity), count)| {
                    let own = [("finding", finding), ("severity", severity)];
                    samples.with(&(labels, own), count)
                })
            })
        },
    },
    Family {
        name: "signal_trace_kills_total",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: (true, &["killed_by"]),
        help: "Processes of shutdowns that SIGKILL ended, by the role of who sent it.",
        write: |page, samples| {
            page.series().try_for_each(|(labels, series)| {
                let mut roles = series.kills.iter();
                roles.try_for_each(|(role, count)| {
                    samples.with(&(labels, [("killed_by", role)]), count)
                })
            })
        },
    },
    Family {
        name: "signal_trace_zombies",
        kind: Kind::Gauge,
        unit: Unit::None,
        labels: (true, &[]),
        help: "Processes that have ended more than 5 s ago and are not reaped.",
        write: |page, samples| {
            let mut all = page.series().filter(|(_, series)| series.had_zombies);
            all.try_for_each(|(labels, series)| samples.with(&labels, series.zombies))
        },
    },
];
