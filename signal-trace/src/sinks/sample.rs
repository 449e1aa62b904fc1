//! Records for tests: the shutdown of a container whose PID 1 is a shell without a handler.

use std::{cell::RefCell, io, rc::Rc};

use signal_trace_core::{
    config::Config,
    event::{Comm, Oom, Process, ProcessFlags},
    findings::{Finding, Severity},
    ids::{CgroupKey, ProcessId, Seq},
    input::{Loss, LossKind},
    output::{
        DeliveryRecord, EndRecord, ExitRecord, FindingRecord, Forward, GraceSource, OomRecord,
        PreStopRef, ProcessRef, ProcessReport, ReapRecord, Record, RecordBody, SenderRef,
        ShutdownRecord, SignalRecord, StopRef, WorkloadRef, ZombieRecord,
    },
    role::Role,
    signal::{Disposition, GenerateResult, Signal, WaitStatus},
    time::{BootNs, ClockAnchor, MS, SECOND},
    verdict::{ProcessVerdict, WorkloadVerdict},
    workload::{Configured, Kind, Kubernetes, Runtime, Source, Workload},
};

use crate::recording::Header;

pub const CONTAINER: &str = "9f2c0000000000000000000000000000000000000000000000000000000000ab";
/// Start of the session.
pub const START: BootNs = BootNs(1000 * SECOND);
const CLOCK: ClockAnchor = ClockAnchor { boot: START, wall_ns: 1_795_517_455_123_456_789 };

/// What was written to it is kept after the sink is gone.
#[derive(Clone, Debug, Default)]
pub struct Shared(Rc<RefCell<Vec<u8>>>);

impl Shared {
    /// All of it.
    pub fn take(&self) -> Vec<u8> {
        self.0.take()
    }
}

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn header() -> Header {
    let mut config = Config::new();
    config.stop_signals = Signal::parse("USR1").into_iter().collect();
    Header::new("n1".into(), "6.18.0".into(), "b0071d".into(), CLOCK, config)
}

/// `ms` after the start.
pub fn at(ms: u64) -> BootNs {
    START.plus(ms * MS)
}

pub fn record(seq: u64, ms: u64, body: RecordBody) -> Record {
    Record { seq: Seq(seq), at: at(ms), clock: CLOCK, body }
}

pub fn process(pid: u32, comm: &[u8], cgroup_path: Option<&str>, ns_pid: u32) -> ProcessRef {
    let contained = cgroup_path.is_some_and(|path| path.starts_with("/docker/"));
    ProcessRef {
        process: Process {
            id: ProcessId { pid, start_ticks: 99_000 },
            parent: Some(ProcessId { pid: 812, start_ticks: 5 }),
            pgid: pid,
            ns_pid,
            ns_level: u32::from(contained),
            ns_inum: 7,
            uid: 33,
            cgroup: CgroupKey::V2(77),
            comm: Comm::from_bytes(comm),
            flags: ProcessFlags::default(),
        },
        cgroup_path: cgroup_path.map(|path| path.as_bytes().to_vec()),
        workload: None,
    }
}

/// PID 1 of the container.
pub fn shell() -> ProcessRef {
    process(901, b"sh", Some(&format!("/docker/{CONTAINER}")), 1)
}

/// Its child, with a name that means no good.
pub fn worker() -> ProcessRef {
    process(902, b"\x1b[2J\n\"evil\xff", Some(&format!("/docker/{CONTAINER}")), 7)
}

pub fn runc() -> SenderRef {
    let process = process(812, b"runc", Some("/system.slice/docker.service"), 812);
    SenderRef { process: Some(process), role: Role::Runtime }
}

pub fn sent(signal: Signal, target: ProcessRef, result: GenerateResult) -> RecordBody {
    RecordBody::Signal(SignalRecord {
        signal,
        si_code: 0,
        result,
        group: true,
        sender: runc(),
        target,
        disposition: Disposition::Default,
        blocked: false,
    })
}

pub fn finding() -> Finding {
    Finding {
        id: "pid1-ignores-stop-signal",
        severity: Severity::Error,
        summary: "sh[901] is PID 1 of its container and has no handler for SIGTERM, so the kernel \
                  dropped the signal and the runtime had to kill it"
            .into(),
        fix:
            "Start the program with `exec`, or run the container with an init (`docker run --init`)"
                .into(),
        evidence: vec![Seq(1)],
    }
}

pub fn workload() -> WorkloadRef {
    WorkloadRef {
        cgroup: CgroupKey::V2(77),
        cgroup_path: Some(format!("/docker/{CONTAINER}").into_bytes()),
        known: None,
        root: None,
    }
}

pub fn shutdown() -> ShutdownRecord {
    let stop = StopRef { signal: Signal::TERM, at: at(512), sender: runc() };
    ShutdownRecord {
        shutdown_id: "77-1000512000000".into(),
        amends: None,
        workload: workload(),
        stop: Some(stop.clone()),
        duration_ns: 10_011 * MS,
        grace_ns: 10 * SECOND,
        grace_source: GraceSource::Default,
        pre_stop: None,
        grace_used_ns: Some(10_004 * MS),
        verdict: WorkloadVerdict::Forced,
        complete: true,
        processes: vec![
            ProcessReport {
                process: shell(),
                main: true,
                verdict: ProcessVerdict::Ignored,
                killed_by: Some(Role::Runtime),
                stop: Some(stop),
                status: Some(WaitStatus(9)),
                to_exit_ns: Some(10_006 * MS),
                zombie_ns: Some(2 * MS),
            },
            ProcessReport {
                process: worker(),
                main: false,
                verdict: ProcessVerdict::NotSignalled,
                killed_by: Some(Role::PidnsTeardown),
                stop: None,
                status: Some(WaitStatus(9)),
                to_exit_ns: Some(10_008 * MS),
                zombie_ns: None,
            },
        ],
        forwards: vec![Forward {
            from: shell().process.id,
            to: worker().process.id,
            signal: Signal::TERM,
            after_ns: Some(3 * MS),
            seq: Seq(2),
        }],
        never_told: vec![ProcessId { pid: 903, start_ticks: 99_000 }],
        findings: vec![finding()],
    }
}

/// A container in a pod, whose author means no good.
pub fn hostile() -> Workload {
    let evil = |text: &str| Some(format!("{text}\n\u{1b}[31m\"\u{202e}\\"));
    let set = |value| Configured { value, source: Source::Kubernetes };
    Workload {
        kind: Kind::Container,
        sandbox: false,
        runtime: Some(Runtime::Containerd),
        id: Some(CONTAINER.into()),
        name: evil("web"),
        image: Some("x".repeat(4096)),
        unit: None,
        kubernetes: Some(Kubernetes {
            namespace: Some("shop".into()),
            pod: evil("web-0"),
            uid: Some("12345678-9abc-def0-1234-56789abcdef0".into()),
            container: evil("app"),
            owner: Some("Deployment/web".into()),
            deletion_timestamp: Some("2026-11-24T10:50:55Z".into()),
        }),
        labels: vec![("app".into(), "\u{1b}]0;owned\u{7}".repeat(400))],
        pid1: Some(901),
        stop_signal: Some(Configured { value: Signal::QUIT, source: Source::Image }),
        grace_ns: Some(set(6 * SECOND)),
        pre_stop: Some(vec!["/bin/sh".into(), "-c".into()]),
    }
}

/// The shutdown of [`hostile`], with a hook, ended by somebody in a like container.
pub fn hooked() -> ShutdownRecord {
    let known = Some(Rc::new(hostile()));
    let place = format!("/kubepods/{CONTAINER}");
    let in_pod = |pid, comm: &[u8], ns_pid| ProcessRef {
        workload: known.clone(),
        ..process(pid, comm, Some(&place), ns_pid)
    };
    let sender = SenderRef { process: Some(in_pod(70, b"kill", 7)), role: Role::OtherContainer };
    let path = Some(place.clone().into_bytes());
    ShutdownRecord {
        workload: WorkloadRef {
            cgroup: CgroupKey::V2(78),
            cgroup_path: path,
            known: known.clone(),
            root: None,
        },
        stop: Some(StopRef { signal: Signal::QUIT, at: at(512), sender }),
        grace_ns: 6 * SECOND,
        grace_source: GraceSource::Known(Source::Kubernetes),
        pre_stop: Some(PreStopRef { process: in_pod(60, b"sh", 12), took_ns: 2 * SECOND }),
        processes: vec![],
        forwards: vec![],
        findings: vec![],
        ..shutdown()
    }
}

/// One record of every type, and more where there is more than one way to show it.
pub fn every_record() -> Vec<Record> {
    let handled = |signal| {
        RecordBody::Delivery(DeliveryRecord {
            signal,
            process: worker(),
            disposition: Disposition::Handler,
        })
    };
    let exit = |status, notable| {
        RecordBody::Exit(ExitRecord { process: shell(), status: WaitStatus(status), notable })
    };
    let reap = |zombie_ns| RecordBody::Reap(ReapRecord { process: shell(), zombie_ns });
    let usr1 = Signal::parse("USR1").unwrap();
    let usr2 = Signal::parse("USR2").unwrap();
    let oom = Oom { victim: shell().process, tid: 901, total_vm_pages: 4096, oom_score_adj: -5 };
    let from_kernel = SenderRef { process: None, role: Role::OomKiller };
    let bodies = [
        sent(Signal::TERM, shell(), GenerateResult::Ignored),
        sent(Signal::KILL, worker(), GenerateResult::Delivered),
        sent(Signal::TERM, worker(), GenerateResult::Unknown(9)),
        RecordBody::Signal(SignalRecord {
            signal: Signal::KILL,
            si_code: 128,
            result: GenerateResult::Delivered,
            group: false,
            sender: from_kernel,
            target: process(5, b"x", None, 0),
            disposition: Disposition::Unknown,
            blocked: true,
        }),
        handled(Signal::TERM),
        handled(usr1),
        handled(usr2),
        exit(9, true),
        exit(143 << 8, true),
        exit(0x8b, true),
        exit(0, false),
        reap(2 * MS),
        reap(1500 * MS),
        RecordBody::Zombie(ZombieRecord {
            process: worker(),
            parent: Some(shell()),
            parent_sigchld: Some(Disposition::Default),
            orphaned: true,
            age_ns: 5 * SECOND,
            workload_zombies: 3,
        }),
        RecordBody::Zombie(ZombieRecord {
            process: worker(),
            parent: None,
            parent_sigchld: None,
            orphaned: false,
            age_ns: SECOND,
            workload_zombies: 1,
        }),
        RecordBody::Oom(OomRecord { process: shell(), oom }),
        RecordBody::Shutdown(Box::new(shutdown())),
        RecordBody::Shutdown(Box::new(ShutdownRecord {
            amends: Some("77-1".into()),
            workload: WorkloadRef { root: Some(worker().process), ..workload() },
            stop: None,
            grace_source: GraceSource::Flag,
            grace_used_ns: None,
            verdict: WorkloadVerdict::StillRunning,
            complete: false,
            processes: vec![ProcessReport {
                process: worker(),
                main: false,
                verdict: ProcessVerdict::Running,
                killed_by: None,
                stop: None,
                status: None,
                to_exit_ns: None,
                zombie_ns: None,
            }],
            forwards: vec![],
            never_told: vec![],
            findings: vec![],
            ..shutdown()
        })),
        RecordBody::Shutdown(Box::new(hooked())),
        RecordBody::Finding(FindingRecord {
            workload: WorkloadRef { cgroup_path: None, ..workload() },
            process: worker(),
            finding: Finding { severity: Severity::Warning, ..finding() },
        }),
        RecordBody::Loss(Loss { kind: LossKind::Exit, count: 3, from: at(900), to: at(1900) }),
        RecordBody::End(EndRecord {
            events: 1234,
            signals: 4,
            exits: 4,
            shutdowns: 2,
            infos: 1,
            warnings: 1,
            errors: 1,
            inconclusive: 1,
            lost: 3,
            late: 0,
        }),
    ];
    bodies.into_iter().zip(1..).map(|(body, seq)| record(seq, seq * 500, body)).collect()
}
