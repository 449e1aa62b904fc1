//! Programs that send signals on behalf of a scenario.

use std::{path::PathBuf, process::Command};

use nix::sys::signal::Signal;

use super::program::Tools;
use crate::session::Session;

/// Sends more than the rings hold while signal-trace, which is our own child, cannot read them.
pub fn lose_events(tools: &Tools, session: &Session) {
    nix::sys::signal::kill(session.pid(), Signal::SIGSTOP).expect("it runs");
    let stormed = run(&tools.sender("sender"), &["storm".to_owned(), "200000".to_owned()]);
    nix::sys::signal::kill(session.pid(), Signal::SIGCONT).expect("it runs");
    stormed.unwrap_or_else(|error| panic!("{error}"));
}

/// Runs a sender to its end; the pid of the process that sent the signal, or what went wrong: the
/// target may have ended before.
pub fn run(program: &PathBuf, words: &[String]) -> Result<i32, String> {
    let output = Command::new(program).args(words).output().expect("it can start");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{} {words:?}: {error}", program.display()));
    }
    let pid = text.trim().strip_prefix("READY ").and_then(|pid| pid.parse().ok());
    pid.ok_or_else(|| format!("{}: no pid in {text:?}", program.display()))
}

/// The role that goes with the name of an executable, outside of containers.
pub fn role_of(exe: &str) -> &'static str {
    match exe {
        "runc" | "containerd-shim-runc-v2" => "runtime",
        "kubelet" => "kubelet",
        // What is only called systemd does not manage the node.
        _ => "host",
    }
}
