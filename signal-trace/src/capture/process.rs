//! One process of `/proc` as a fact for the engine.

use std::io;

use signal_trace_core::{
    ids::ProcessId,
    input::{Fact, FactBody, ProcessFact},
    signal::WaitStatus,
};

use super::{
    cgroup::CgroupNames,
    clock,
    procfs::{Root, Stat, Status},
};

/// What was found under a pid.
#[derive(Debug)]
pub enum Seen {
    /// A process: facts about it, with its cgroup's path first if that is new.
    Process(ProcessId, Vec<Fact>),
    /// The same of one that has begun to exit.
    Ending(ProcessId, Vec<Fact>),
    /// A thread of the kernel, which is of no interest.
    KernelThread,
    /// Nobody, or one that is reaped at this moment.
    Nobody,
}

/// Looks at the process with this pid.
///
/// # Errors
/// `/proc` could not be read, for another reason than that there is no such process.
pub fn look(pid: u32, cgroups: &mut CgroupNames) -> io::Result<Seen> {
    let at = clock::boot_now();
    let proc = cgroups.hierarchies().proc();
    let Some(dir) = proc.process(pid)? else { return Ok(Seen::Nobody) };
    let Some(stat) = dir.stat()? else { return Ok(Seen::Nobody) };
    if stat.is_kernel_thread() {
        return Ok(Seen::KernelThread);
    }
    if stat.is_gone() {
        return Ok(Seen::Nobody);
    }
    let (Some(status), Some(cgroup)) = (dir.read("status")?, dir.read("cgroup")?) else {
        return Ok(Seen::Nobody);
    };
    let status = Status::parse(&status).ok_or_else(|| unreadable(pid, "status"))?;
    if status.tgid != pid {
        // A thread id: `/proc` does not list these, but opens them.
        return Ok(Seen::Nobody);
    }
    let parent = parent(proc, &stat)?;
    let (place, new_cgroup) = cgroups.place(&cgroup);
    let id = ProcessId { pid, start_ticks: stat.start_ticks };
    let mut facts = Vec::with_capacity(2);
    if new_cgroup {
        facts.push(Fact { at, body: FactBody::Cgroup { key: place.key, path: place.path } });
    }
    facts.push(Fact {
        at,
        body: FactBody::Process(ProcessFact {
            id,
            parent,
            pgid: stat.pgid,
            ns_pid: status.ns_pid,
            ns_level: status.ns_level,
            uid: status.uid,
            cgroup: place.key,
            comm: stat.comm,
            state: stat.state,
            pending: status.pending,
            ignored: status.ignored,
            caught: status.caught,
            zombie: stat.is_zombie().then_some(WaitStatus(stat.exit_code)),
        }),
    });
    Ok(if stat.is_ending() { Seen::Ending(id, facts) } else { Seen::Process(id, facts) })
}

/// The parent's identity. It may have gone and its pid be reused: nobody is younger than a child.
fn parent(proc: &Root, child: &Stat) -> io::Result<Option<ProcessId>> {
    if child.ppid == 0 {
        return Ok(None);
    }
    let Some(dir) = proc.process(child.ppid)? else { return Ok(None) };
    Ok(dir
        .stat()?
        .filter(|stat| stat.start_ticks <= child.start_ticks)
        .map(|stat| ProcessId { pid: child.ppid, start_ticks: stat.start_ticks }))
}

fn unreadable(pid: u32, name: &str) -> io::Error {
    let text = format!("/proc/{pid}/{name} has a form that is not known");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use signal_trace_core::signal::Signal;

    use super::*;
    use crate::capture::cgroup::Hierarchies;

    fn seen(pid: u32) -> Seen {
        let hierarchies = Hierarchies::discover(&Root::default()).expect("mountinfo is readable");
        look(pid, &mut CgroupNames::new(hierarchies)).expect("/proc is readable")
    }

    fn fact(pid: u32) -> ProcessFact {
        let Seen::Process(_, facts) = seen(pid) else { panic!("no process {pid}") };
        let Some(Fact { body: FactBody::Process(fact), .. }) = facts.last() else {
            panic!("no process fact in {facts:?}")
        };
        fact.clone()
    }

    #[test]
    fn a_child_is_a_process_then_a_zombie_then_nobody() {
        let mut child = Command::new("sleep").arg("100").spawn().expect("sleep runs");
        let alive = fact(child.id());
        assert_eq!(alive.parent, Some(fact(std::process::id()).id));
        assert_eq!((alive.zombie, alive.id.pid), (None, child.id()));
        child.kill().expect("it lives");
        let mut zombie = None;
        for _ in 0..10_000 {
            zombie = fact(child.id()).zombie;
            if zombie.is_some() {
                break;
            }
            std::thread::yield_now();
        }
        let status = zombie.expect("nobody reaped it");
        assert_eq!(status.signal().map(Signal::number), Some(9));
        child.wait().expect("it is ours");
        assert!(matches!(seen(child.id()), Seen::Nobody));
    }
}
