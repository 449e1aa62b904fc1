//! Programs that send signals on behalf of a scenario, while the harness goes on.

use std::process::Command;

use nix::sys::signal::Signal;

use super::{
    live::{Live, Sent, name_of},
    procfs::ns_pid,
    program::Tools,
    scenario::{From, Who},
};
use crate::{
    cgroup::Cgroup,
    clock::wall_ns,
    process::{Bracket, Place as Birth, Proc},
    session::Session,
};

/// A sender that is at work.
#[derive(Debug)]
pub struct Pending {
    process: Proc,
    /// What it sends; who it is and when it was done is known at its end.
    sent: Sent,
    /// Its own one, if it has one.
    cgroup: Option<Cgroup>,
}

impl Live {
    /// Starts the sender of a signal.
    pub fn send(&mut self, from: From, who: Who, signal: i32, tools: &Tools) {
        let pid = self.pid(who);
        let name = name_of(signal);
        let mut words = vec![name.trim_start_matches("SIG").to_owned(), pid.to_string()];
        let (exe, role, cgroup) = match from {
            From::Named(exe) => (exe, role_of(exe), None),
            From::Namespace => {
                // Zero: it is gone, and the sender says so.
                words[1] = ns_pid(pid).unwrap_or(0).to_string();
                words.push(format!("/proc/{pid}/ns/pid"));
                ("sender", "other-container", None)
            }
            From::Container => ("sender", "other-container", Some(Cgroup::container())),
            From::Systemd => ("systemd", "systemd", Some(Cgroup::init_scope())),
        };
        if cgroup.is_some() {
            words.push("-".to_owned());
        }
        let program = tools.sender(exe).into_os_string();
        let words: Vec<_> =
            std::iter::once(program).chain(words.into_iter().map(Into::into)).collect();
        let begin = wall_ns();
        let birth = Birth { cgroup: cgroup.as_ref(), pid_namespace: false };
        let process = Proc::spawn(&words, birth);
        let bracket = Bracket { from: begin, to: begin };
        let sent = Sent { pid, signal, bracket, sender: process.pid, role };
        self.pending.push(Pending { process, sent, cgroup });
    }

    /// Learns from the senders that have ended what they have done.
    pub fn collect_senders(&mut self) {
        let done = |pending: &mut Pending| pending.process.try_wait().is_some();
        for mut pending in self.pending.extract_if(.., done) {
            pending.sent.bracket.to = wall_ns();
            // It can take a while to go: not while others wait.
            self.used.extend(pending.cgroup);
            match pending.process.ready_pid() {
                Some(pid) => self.sent.push(Sent { sender: pid, ..pending.sent }),
                None => self.missed.push(format!("it could not be sent: {:?}", pending.sent)),
            }
        }
    }
}

/// Sends more than the rings hold while signal-trace, which is our own child, cannot read them.
pub fn lose_events(tools: &Tools, session: &Session) {
    nix::sys::signal::kill(session.pid(), Signal::SIGSTOP).expect("it runs");
    let status = Command::new(tools.sender("sender")).args(["storm", "200000"]).output();
    nix::sys::signal::kill(session.pid(), Signal::SIGCONT).expect("it runs");
    assert!(status.expect("it can start").status.success(), "the storm");
}

/// The role that goes with the name of an executable, outside of containers.
fn role_of(exe: &str) -> &'static str {
    match exe {
        "runc" | "containerd-shim-runc-v2" => "runtime",
        "kubelet" => "kubelet",
        // What is only called systemd does not manage the node.
        _ => "host",
    }
}
