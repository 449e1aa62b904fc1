//! One line for one event.

use signal_trace_core::signal::Signal;

use super::{
    KIND, View,
    style::{BOLD, RED, YELLOW, span},
    whose::place,
};
use crate::{
    escape,
    sinks::schema::{
        Body, DeliveryLine, Exit, ExitLine, LossLine, OomLine, Process, ReapLine, Sender,
        SignalLine, Time, Workload, ZombieLine,
    },
};

/// A process that was a zombie for less is of no interest.
const SHOWN_ZOMBIE_SECONDS: f64 = 1.0;

/// The line without time and line break; `None` if nobody wants to see it.
pub fn render(body: &Body, view: &View) -> Option<String> {
    let (kind, text) = match body {
        Body::Signal(line) => (line.signal.name.as_str(), signal(line)),
        Body::Delivery(line) => {
            if line.disposition != "handler" || !is_stop(line, view) {
                return None;
            }
            let who = who(&line.process, line.workload.as_deref());
            (line.signal.name.as_str(), format!("{who} runs its handler"))
        }
        Body::Exit(ExitLine { process, workload, exit, notable }) => {
            if !notable {
                return None;
            }
            ("exit", format!("{} {}", who(process, workload.as_deref()), self::exit(exit)))
        }
        Body::Reap(ReapLine { process, workload, zombie_seconds }) => {
            if *zombie_seconds <= SHOWN_ZOMBIE_SECONDS {
                return None;
            }
            let (who, zombie) = (who(process, workload.as_deref()), duration(*zombie_seconds));
            ("reap", format!("{who} after {zombie} as a zombie"))
        }
        Body::Zombie(line) => ("zombie", zombie(line)),
        Body::Oom(OomLine { process, workload, oom }) => {
            let victim = who(process, workload.as_deref());
            let pages = oom.total_vm_pages.unwrap_or_default();
            let text = format!(
                "the kernel's OOM killer chose {victim} (oom_score_adj {}, {pages} pages of \
                 virtual memory)",
                oom.oom_score_adj
            );
            ("oom", span(RED, &text))
        }
        Body::Loss(line) => ("loss", loss(line, view)),
        Body::Recording(_) | Body::Shutdown(_) | Body::Finding(_) | Body::End(_) => return None,
    };
    Some(format!("{}  {text}", span(BOLD, &format!("{kind:<KIND$}"))))
}

/// Whether it is a stop signal, of everybody or of that workload.
fn is_stop(line: &DeliveryLine, view: &View) -> bool {
    let own = line.workload.as_ref().and_then(|workload| workload.stop_signal.as_ref());
    let named = Signal::parse(&line.signal.name);
    named.is_some_and(|signal| view.stop_signals.contains(&signal))
        || own.is_some_and(|own| own.signal == line.signal.name)
}

fn signal(line: &SignalLine) -> String {
    let SignalLine { signal: sent, sender: from, target } = line;
    let thread = if sent.group { "" } else { " (one thread)" };
    let disposition = target.disposition.as_ref();
    let fate = match sent.result.as_ref() {
        "ignored" => match disposition {
            _ if target.ending => "no effect: it is ending already".to_owned(),
            "default" if target.pid1 => span(YELLOW, "ignored: PID 1 without a handler"),
            "ignore" => span(YELLOW, "ignored: SIG_IGN"),
            "default" => "ignored: by its default action".to_owned(),
            _ => "ignored".to_owned(),
        },
        "already-pending" => "already pending".to_owned(),
        "overflow-fail" => span(YELLOW, "lost: the signal queue is full"),
        "delivered" | "lose-info" if sent.name == "SIGKILL" => "kills".to_owned(),
        "delivered" | "lose-info" => match disposition {
            _ if target.blocked => "blocked: waits".to_owned(),
            "default" => "default action".to_owned(),
            "ignore" => "ignored: SIG_IGN".to_owned(),
            "handler" => "has a handler".to_owned(),
            _ => "queued".to_owned(),
        },
        _ => "with a result that is not known here".to_owned(),
    };
    let target = who(&target.process, target.workload.as_deref());
    format!("{} -> {target}{thread}  {fate}", sender(from))
}

fn zombie(line: &ZombieLine) -> String {
    let ZombieLine {
        process,
        workload,
        parent,
        parent_sigchld,
        orphaned,
        age_seconds,
        workload_zombies,
    } = line;
    let parent = parent.as_ref().map_or_else(|| "its parent".to_owned(), name);
    let heir = if *orphaned { " (which inherited it)" } else { "" };
    let sigchld = match parent_sigchld.as_deref() {
        Some("default") => ", and has no handler for SIGCHLD",
        _ => "",
    };
    let count = match workload_zombies {
        0 | 1 => String::new(),
        n => format!("; {n} zombies in its workload"),
    };
    let (who, age) = (who(process, workload.as_deref()), duration(*age_seconds));
    let text = format!("{who} for {age} now: {parent}{heir} has not waited for it{sigchld}{count}");
    span(YELLOW, &text)
}

fn loss(line: &LossLine, view: &View) -> String {
    let LossLine { kind, count, window } = line;
    let (from, to) = (view.time(window.from), view.time(window.to));
    span(
        RED,
        &format!("{count} {} lost between {from} and {to}", escape::for_text(kind.as_bytes())),
    )
}

/// `runc[812] (runtime)`, `redis-cli[77] in cache (other-container)`; `kernel` if it sent the signal
/// by itself.
pub fn sender(sender: &Sender) -> String {
    let Sender { process, workload, role } = sender;
    let role = escape::for_text(role.as_bytes());
    match process {
        Some(process) if role == "other-container" => {
            format!("{} ({role})", who(process, workload.as_deref()))
        }
        Some(process) => format!("{} ({role})", name(process)),
        None => role.into_owned(),
    }
}

/// `sh[901] ns-pid 1 in web`.
fn who(process: &Process, workload: Option<&Workload>) -> String {
    format!("{}{}", name(process), workload.map(place).unwrap_or_default())
}

/// `sh[901] ns-pid 1`; the pid in its namespace only where it has one of its own.
pub fn name(process: &Process) -> String {
    let comm = escape::from_json(&process.comm);
    let (comm, pid) = (escape::for_text(&comm), process.pid);
    match process.ns_pid {
        Some(inside) if inside != pid => format!("{comm}[{pid}] ns-pid {inside}"),
        _ => format!("{comm}[{pid}]"),
    }
}

/// `exited with 0`, `killed by SIGSEGV (core dumped)`.
pub fn exit(exit: &Exit) -> String {
    let Exit { code, signal, core_dumped, wait_status } = exit;
    let dump = if *core_dumped { " (core dumped)" } else { "" };
    match (code, signal) {
        (Some(number), _) => format!("exited with {number}"),
        (None, Some(signal)) => {
            format!("killed by {}{dump}", escape::for_text(signal.as_bytes()))
        }
        (None, None) => format!("ended with wait status {wait_status}"),
    }
}

/// `+1.234567s` since `start`; `-0.5…s` if before it.
pub fn since(at: Time, start: Time) -> String {
    let sign = if at < start { '-' } else { '+' };
    let micros = at.0.abs_diff(start.0) / 1000;
    format!("{sign}{}.{:06}s", micros / 1_000_000, micros % 1_000_000)
}

/// `2026-11-24 10:50:55.123456Z`.
pub fn utc(at: Time) -> String {
    let text = at.to_string();
    // Cut off, not rounded, as above; nine digits are more than people read.
    let micros = text.get(..text.len().saturating_sub(4)).unwrap_or(&text);
    format!("{}Z", micros.replacen('T', " ", 1))
}

/// `12.345 s`; `1.500 ms` below a hundredth of a second, which would be rounded away.
pub fn duration(seconds: f64) -> String {
    // Cut off, not rounded, so that a time never reads as the limit that it was below.
    let micros = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_micros();
    if micros < 10_000 {
        format!("{}.{:03} ms", micros / 1000, micros % 1000)
    } else {
        format!("{}.{:03} s", micros / 1_000_000, micros / 1000 % 1000)
    }
}
