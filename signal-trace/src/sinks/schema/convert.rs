//! From the records of the core to the lines of the contract. Pure; every field is named, so that
//! one that the core gains cannot be forgotten here.

mod subject;

use std::time::Duration;

use signal_trace_core::{
    event::Oom,
    findings::Finding as CoreFinding,
    ids::Seq,
    input::Loss,
    output::{
        DeliveryRecord, EndRecord, ExitRecord, FindingRecord, Forward, OomRecord,
        ProcessReport as CoreReport, ReapRecord, Record, RecordBody, SenderRef, ShutdownRecord,
        SignalRecord, StopRef, ZombieRecord,
    },
    signal::{Signal, WaitStatus},
    time::ClockAnchor,
};

use super::{
    Body, DeliveryLine, EndLine, Exit, ExitLine, Finding, FindingLine, FindingTotals, Forwarding,
    ForwardingEdge, Grace, Line, LossLine, OomFigures, OomLine, PreStop, ProcessReport, ReapLine,
    SCHEMA, Sender, SentSignal, ShutdownLine, SignalLine, SignalName, Stop, Target, Time, Totals,
    Window, ZombieLine, names,
};
use subject::{process_ref, workload_around, workload_of};

impl Line {
    /// The line for `record`. `cut_short` tells that the session did not end in order.
    pub fn from_record(record: &Record, node: &str, cut_short: bool) -> Self {
        let Record { seq: Seq(seq), at, clock, body } = record;
        Self {
            schema: SCHEMA.into(),
            time: Time::of(*at, clock),
            node: node.to_owned(),
            seq: *seq,
            body: body_of(body, clock, cut_short),
        }
    }
}

fn body_of(body: &RecordBody, clock: &ClockAnchor, cut_short: bool) -> Body {
    match body {
        RecordBody::Signal(record) => Body::Signal(signal(record, clock)),
        RecordBody::Delivery(DeliveryRecord { signal, process, disposition }) => {
            Body::Delivery(DeliveryLine {
                signal: SignalName { name: signal.name(), number: signal.number() },
                process: process_ref(process, clock),
                workload: workload_around(process),
                disposition: names::disposition(*disposition).into(),
            })
        }
        RecordBody::Exit(ExitRecord { process, status, notable }) => Body::Exit(ExitLine {
            process: process_ref(process, clock),
            workload: workload_around(process),
            exit: exit(*status),
            notable: *notable,
        }),
        RecordBody::Reap(ReapRecord { process, zombie_ns }) => Body::Reap(ReapLine {
            process: process_ref(process, clock),
            workload: workload_around(process),
            zombie_seconds: seconds(*zombie_ns),
        }),
        RecordBody::Zombie(record) => Body::Zombie(zombie(record, clock)),
        RecordBody::Oom(OomRecord { process, oom }) => {
            // The victim is `process`, with what more is known of it.
            let Oom { victim: _, tid, total_vm_pages, oom_score_adj } = oom;
            Body::Oom(OomLine {
                process: process_ref(process, clock),
                workload: workload_around(process),
                oom: OomFigures {
                    tid: *tid,
                    total_vm_pages: Some(*total_vm_pages).filter(|pages| *pages > 0),
                    oom_score_adj: *oom_score_adj,
                },
            })
        }
        RecordBody::Shutdown(record) => Body::Shutdown(Box::new(shutdown(record, clock))),
        RecordBody::Finding(FindingRecord { workload, process, finding }) => {
            Body::Finding(FindingLine {
                workload: workload_of(workload, clock),
                process: process_ref(process, clock),
                finding: finding_of(finding),
            })
        }
        RecordBody::Loss(Loss { kind, count, from, to }) => Body::Loss(LossLine {
            kind: kind.name().into(),
            count: *count,
            window: Window { from: Time::of(*from, clock), to: Time::of(*to, clock) },
        }),
        RecordBody::End(record) => Body::End(end(record, cut_short)),
    }
}

fn signal(record: &SignalRecord, clock: &ClockAnchor) -> SignalLine {
    let SignalRecord { signal, si_code, result, group, sender, target, disposition, blocked } =
        record;
    let flags = &target.process.flags;
    SignalLine {
        signal: SentSignal {
            name: signal.name(),
            number: signal.number(),
            code: *si_code,
            result: names::result(*result).into(),
            group: *group,
        },
        sender: sender_of(sender, clock),
        target: Target {
            process: process_ref(target, clock),
            workload: workload_around(target),
            disposition: names::disposition(*disposition).into(),
            blocked: *blocked,
            pid1: target.process.is_namespace_init() || flags.unkillable,
            ending: flags.group_exit || flags.exiting || flags.dead,
        },
    }
}

fn zombie(record: &ZombieRecord, clock: &ClockAnchor) -> ZombieLine {
    let ZombieRecord { process, parent, parent_sigchld, orphaned, age_ns, workload_zombies } =
        record;
    ZombieLine {
        process: process_ref(process, clock),
        workload: workload_around(process),
        parent: parent.as_ref().map(|parent| process_ref(parent, clock)),
        parent_sigchld: parent_sigchld.map(|it| names::disposition(it).into()),
        orphaned: *orphaned,
        age_seconds: seconds(*age_ns),
        workload_zombies: *workload_zombies,
    }
}

fn shutdown(record: &ShutdownRecord, clock: &ClockAnchor) -> ShutdownLine {
    let ShutdownRecord {
        shutdown_id,
        amends,
        workload,
        stop,
        duration_ns,
        grace_ns,
        grace_source,
        pre_stop,
        grace_used_ns,
        verdict,
        complete,
        processes,
        forwards,
        never_told,
        findings,
    } = record;
    ShutdownLine {
        shutdown_id: shutdown_id.clone(),
        amends: amends.clone(),
        workload: workload_of(workload, clock),
        stop: stop.as_ref().map(|stop| stop_of(stop, clock)),
        grace: Grace {
            configured_seconds: Some(*grace_ns).filter(|ns| *ns != u64::MAX).map(seconds),
            source: grace_source.name().into(),
            pre_stop: pre_stop.as_ref().map(|hook| PreStop {
                process: process_ref(&hook.process, clock),
                seconds: seconds(hook.took_ns),
            }),
            used_seconds: grace_used_ns.map(seconds),
        },
        duration_seconds: seconds(*duration_ns),
        verdict: verdict.name().into(),
        complete: *complete,
        processes: processes.iter().map(|report| report_of(report, clock)).collect(),
        forwarding: Forwarding {
            edges: forwards.iter().map(edge).collect(),
            never_told: never_told.iter().map(|id| id.pid).collect(),
        },
        findings: findings.iter().map(finding_of).collect(),
    }
}

fn edge(forward: &Forward) -> ForwardingEdge {
    let Forward { from, to, signal, after_ns, seq: Seq(evidence) } = forward;
    ForwardingEdge {
        from: from.pid,
        to: to.pid,
        signal: signal.name(),
        delay_seconds: after_ns.map(seconds),
        evidence: *evidence,
    }
}

fn report_of(report: &CoreReport, clock: &ClockAnchor) -> ProcessReport {
    let CoreReport { process, main, verdict, killed_by, stop, status, to_exit_ns, zombie_ns } =
        report;
    ProcessReport {
        process: process_ref(process, clock),
        main: *main,
        verdict: verdict.name().into(),
        killed_by: killed_by.map(|role| role.name().into()),
        stop: stop.as_ref().map(|stop| stop_of(stop, clock)),
        exit: status.map(exit),
        seconds_to_exit: to_exit_ns.map(seconds),
        zombie_seconds: zombie_ns.map(seconds),
    }
}

fn end(record: &EndRecord, cut_short: bool) -> EndLine {
    let EndRecord {
        events,
        signals,
        exits,
        shutdowns,
        infos,
        warnings,
        errors,
        inconclusive,
        lost,
        late,
    } = *record;
    EndLine {
        totals: Totals {
            events,
            signals,
            exits,
            shutdowns,
            findings: FindingTotals { info: infos, warning: warnings, error: errors },
            inconclusive,
            lost,
            late,
        },
        complete: lost == 0 && !cut_short,
    }
}

fn sender_of(sender: &SenderRef, clock: &ClockAnchor) -> Sender {
    let SenderRef { process, role } = sender;
    Sender {
        process: process.as_ref().map(|process| process_ref(process, clock)),
        workload: process.as_ref().and_then(workload_around),
        role: role.name().into(),
    }
}

fn stop_of(stop: &StopRef, clock: &ClockAnchor) -> Stop {
    let StopRef { signal, at, sender } = stop;
    Stop { signal: signal.name(), time: Time::of(*at, clock), sender: sender_of(sender, clock) }
}

fn finding_of(finding: &CoreFinding) -> Finding {
    let CoreFinding { id, severity, summary, fix, evidence } = finding;
    Finding {
        id: (*id).into(),
        severity: severity.name().into(),
        summary: summary.clone(),
        fix: fix.clone(),
        evidence: evidence.iter().map(|Seq(seq)| *seq).collect(),
    }
}

fn exit(status: WaitStatus) -> Exit {
    Exit {
        code: status.code(),
        signal: status.signal().map(Signal::name),
        core_dumped: status.core_dumped(),
        wait_status: status.0,
    }
}

fn seconds(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64()
}
