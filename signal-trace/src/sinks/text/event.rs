//! One line for one event.

use signal_trace_core::{
    event::Process,
    input::Loss,
    output::{
        DeliveryRecord, ExitRecord, OomRecord, ProcessRef, ReapRecord, RecordBody, SenderRef,
        SignalRecord, ZombieRecord,
    },
    role::Role,
    signal::{Disposition, GenerateResult, Signal, WaitStatus},
    time::{BootNs, MS, SECOND},
};

use super::{
    KIND, View,
    style::{BOLD, RED, YELLOW, span},
    whose::place,
};
use crate::escape;

/// A process that was a zombie for less is of no interest.
const SHOWN_ZOMBIE_NS: u64 = SECOND;

/// The line without time and line break; `None` if nobody wants to see it.
pub fn render(body: &RecordBody, view: &View) -> Option<String> {
    let (kind, text) = match body {
        RecordBody::Signal(record) => (record.signal.name(), signal(record)),
        RecordBody::Delivery(DeliveryRecord { signal, process, disposition }) => {
            let handled = *disposition == Disposition::Handler;
            let known = process.workload.as_ref().and_then(|known| known.stop_signal);
            let stops =
                view.stop_signals.contains(signal) || known.is_some_and(|set| set.value == *signal);
            if !handled || !stops {
                return None;
            }
            (signal.name(), format!("{}{} runs its handler", name(process), place(process)))
        }
        RecordBody::Exit(ExitRecord { process, status, notable }) => {
            if !notable {
                return None;
            }
            ("exit".to_owned(), format!("{}{} {}", name(process), place(process), exit(*status)))
        }
        RecordBody::Reap(ReapRecord { process, zombie_ns }) => {
            if *zombie_ns <= SHOWN_ZOMBIE_NS {
                return None;
            }
            let (who, zombie) = (name(process), duration(*zombie_ns));
            let text = format!("{who}{} after {zombie} as a zombie", place(process));
            ("reap".to_owned(), text)
        }
        RecordBody::Zombie(record) => ("zombie".to_owned(), zombie(record)),
        RecordBody::Oom(OomRecord { process, oom }) => {
            let victim = format!("{}{}", name(process), place(process));
            let text = format!(
                "the kernel's OOM killer chose {victim} (oom_score_adj {}, {} pages of virtual \
                 memory)",
                oom.oom_score_adj, oom.total_vm_pages
            );
            ("oom".to_owned(), span(RED, &text))
        }
        RecordBody::Loss(loss) => ("loss".to_owned(), self::loss(loss, view.start)),
        RecordBody::Shutdown(_) | RecordBody::Finding(_) | RecordBody::End(_) => return None,
    };
    Some(format!("{}  {text}", span(BOLD, &format!("{kind:<KIND$}"))))
}

fn signal(record: &SignalRecord) -> String {
    let SignalRecord {
        signal: sent,
        si_code: _,
        result,
        group,
        sender: from,
        target,
        disposition,
        blocked,
    } = record;
    let thread = if *group { "" } else { " (one thread)" };
    let pid1 = target.process.is_namespace_init() || target.process.flags.unkillable;
    let flags = &target.process.flags;
    let ending = flags.group_exit || flags.exiting || flags.dead;
    let fate = match result {
        GenerateResult::Ignored => match disposition {
            _ if ending => "no effect: it is ending already".to_owned(),
            Disposition::Default if pid1 => span(YELLOW, "ignored: PID 1 without a handler"),
            Disposition::Ignore => span(YELLOW, "ignored: SIG_IGN"),
            Disposition::Default => "ignored: by its default action".to_owned(),
            Disposition::Handler | Disposition::Unknown => "ignored".to_owned(),
        },
        GenerateResult::AlreadyPending => "already pending".to_owned(),
        GenerateResult::OverflowFail => span(YELLOW, "lost: the signal queue is full"),
        GenerateResult::Unknown(raw) => format!("unknown result {raw}"),
        GenerateResult::Delivered | GenerateResult::LoseInfo if *sent == Signal::KILL => {
            "kills".to_owned()
        }
        GenerateResult::Delivered | GenerateResult::LoseInfo => match disposition {
            _ if *blocked => "blocked: waits".to_owned(),
            Disposition::Default => "default action".to_owned(),
            Disposition::Ignore => "ignored: SIG_IGN".to_owned(),
            Disposition::Handler => "has a handler".to_owned(),
            Disposition::Unknown => "queued".to_owned(),
        },
    };
    format!("{} -> {}{}{thread}  {fate}", sender(from), name(target), place(target))
}

fn zombie(record: &ZombieRecord) -> String {
    let ZombieRecord { process, parent, parent_sigchld, orphaned, age_ns, workload_zombies } =
        record;
    let parent = parent.as_ref().map_or_else(|| "its parent".to_owned(), name);
    let heir = if *orphaned { " (which inherited it)" } else { "" };
    let sigchld = match parent_sigchld {
        Some(Disposition::Default) => ", and has no handler for SIGCHLD",
        _ => "",
    };
    let count = match workload_zombies {
        0 | 1 => String::new(),
        n => format!("; {n} zombies in its workload"),
    };
    let (who, age) = (format!("{}{}", name(process), place(process)), duration(*age_ns));
    let text = format!("{who} for {age} now: {parent}{heir} has not waited for it{sigchld}{count}");
    span(YELLOW, &text)
}

fn loss(loss: &Loss, start: BootNs) -> String {
    let Loss { kind, count, from, to } = loss;
    let (from, to) = (since(*from, start), since(*to, start));
    span(RED, &format!("{count} {} lost between {from} and {to}", kind.name()))
}

/// `runc[812] (runtime)`, `redis-cli[77] in cache (other-container)`; `kernel` if it sent the signal
/// by itself.
pub fn sender(sender: &SenderRef) -> String {
    let SenderRef { process, role } = sender;
    match process {
        Some(process) if *role == Role::OtherContainer => {
            format!("{}{} ({})", name(process), place(process), role.name())
        }
        Some(process) => format!("{} ({})", name(process), role.name()),
        None => role.name().to_owned(),
    }
}

/// `sh[901] ns-pid 1`; the pid in its namespace only where it has one of its own.
pub fn name(process: &ProcessRef) -> String {
    name_of(&process.process)
}

/// As [`name`].
pub fn name_of(process: &Process) -> String {
    let comm = escape::for_text(process.comm.as_bytes());
    let pid = process.id.pid;
    if process.ns_level > 0 && process.ns_pid > 0 {
        format!("{comm}[{pid}] ns-pid {}", process.ns_pid)
    } else {
        format!("{comm}[{pid}]")
    }
}

/// `exited with 0`, `killed by SIGSEGV (core dumped)`.
pub fn exit(status: WaitStatus) -> String {
    let dump = if status.core_dumped() { " (core dumped)" } else { "" };
    match (status.code(), status.signal()) {
        (Some(number), _) => format!("exited with {number}"),
        (None, Some(signal)) => format!("killed by {signal}{dump}"),
        (None, None) => format!("ended with wait status {}", status.0),
    }
}

/// `+1.234567s` since `start`; `-0.5…s` if before it.
pub fn since(at: BootNs, start: BootNs) -> String {
    let (sign, ns) = if at < start { ('-', start.since(at)) } else { ('+', at.since(start)) };
    format!("{sign}{}.{:06}s", ns / SECOND, ns % SECOND / 1000)
}

/// `12.345 s`; `1.5 ms` below a second's hundredth would be rounded away.
pub fn duration(ns: u64) -> String {
    if ns < 10 * MS {
        format!("{}.{:03} ms", ns / MS, ns % MS / 1000)
    } else {
        format!("{}.{:03} s", ns / SECOND, ns % SECOND / MS)
    }
}
