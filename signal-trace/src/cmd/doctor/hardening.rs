//! What the daemon would give up here once it traces, tried out on a thread.

use std::path::PathBuf;

use super::{Check, note, ok};
use crate::{
    capture::procfs::Root,
    harden::{self, Plan},
};

/// Where the daemon writes by default, as far as it is there.
const WRITABLE: [&str; 2] = ["/var/log/signal-trace", "/run/signal-trace"];

/// A line for each step.
pub fn checks(proc: &Root) -> Vec<Check> {
    let there = WRITABLE.map(PathBuf::from).into_iter().filter(|path| path.is_dir());
    let plan = Plan { writable: there.collect(), connect_ports: Vec::new(), proc: proc.clone() };
    let steps = harden::trial(&plan).steps.into_iter();
    steps
        .map(|step| {
            let text = format!("daemon, once it traces: {}: {}", step.name, step.text);
            if step.state == harden::State::Done { ok(text) } else { note(text) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[test]
    fn each_step_has_a_line_and_none_keeps_record_from_working() {
        let checks = checks(&Root::default());
        assert_eq!(checks.len(), 4);
        assert!(checks.iter().all(|check| check.state != State::No));
    }
}
