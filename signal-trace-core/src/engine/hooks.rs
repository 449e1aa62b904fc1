//! preStop hooks: processes that the kubelet starts in a container before it stops it.
//!
//! Probes and `kubectl exec` sessions are started in the same way. A hook is known by its command,
//! which the runtime tells, and by its time: the kubelet sends the stop signal as soon as the hook
//! is done, or when it has used up the grace period (`killContainer()`,
//! `pkg/kubelet/kuberuntime/kuberuntime_container.go`). So what runs on then is the hook only if it
//! began that long ago, and what took longer is something else.

use alloc::collections::BTreeMap;

use super::Engine;
use crate::{
    event::{Comm, Process},
    ids::{CgroupKey, ProcessId},
    member::Stop,
    plan::PreStop,
    role::Role,
    time::{BootNs, SECOND},
};

/// From the end of a hook to the stop signal: a call to the runtime, which starts runc.
const STOP_FOLLOWS_NS: u64 = SECOND;
/// What the kubelet measures and what is seen of it differ by this at most: runc has to be started
/// for the hook and for the stop signal.
const SLACK_NS: u64 = 2 * SECOND;
/// Hooks that are remembered at most.
const MAX_HOOKS: usize = 1024;

/// What may be a hook.
#[derive(Clone, Copy, Debug)]
struct Hook {
    process: Process,
    started: BootNs,
    ended: Option<BootNs>,
}

/// Processes that began with the command of a hook.
#[derive(Debug, Default)]
pub(super) struct Hooks(BTreeMap<ProcessId, Hook>);

impl Hooks {
    fn add(&mut self, at: BootNs, process: &Process) {
        if self.0.len() >= MAX_HOOKS {
            self.0.retain(|_, hook| hook.ended.is_none_or(|end| at.since(end) < STOP_FOLLOWS_NS));
        }
        // What it executes then is the same hook.
        if self.0.len() < MAX_HOOKS {
            let hook = Hook { process: *process, started: at, ended: None };
            self.0.entry(process.id).or_insert(hook);
        }
    }

    /// A process ended.
    pub(super) fn ended(&mut self, at: BootNs, id: ProcessId) {
        if let Some(hook) = self.0.get_mut(&id) {
            hook.ended.get_or_insert(at);
        }
    }

    /// The hook that a stop signal at `stop` waited for: of several, the one that took longest.
    fn before(&self, stop: BootNs, cgroup: CgroupKey, grace_ns: u64) -> Option<PreStop> {
        let hooks = self.0.values().filter(|hook| hook.process.cgroup == cgroup);
        hooks
            .filter_map(|hook| {
                let took_ns = hook.ended.unwrap_or(stop).since(hook.started);
                let was_waited_for = match hook.ended {
                    Some(end) => stop.since(end) <= STOP_FOLLOWS_NS,
                    None => took_ns.saturating_add(SLACK_NS) >= grace_ns,
                };
                let was_in_time = took_ns <= grace_ns.saturating_add(SLACK_NS);
                (was_waited_for && was_in_time)
                    .then_some(PreStop { process: hook.process, took_ns })
            })
            .max_by_key(|hook| hook.took_ns)
    }
}

impl Engine {
    /// A process executed a program: is it the command of a hook?
    pub(super) fn note_hook(&mut self, at: BootNs, process: &Process) {
        let Some(workload) = self.cgroups.workload(process.cgroup) else { return };
        let Some(command) = workload.pre_stop.as_ref().and_then(|command| command.first()) else {
            return;
        };
        let name = command.rsplit('/').next().unwrap_or_default();
        // The kernel keeps 15 bytes of a name.
        let name = Comm::from_bytes(&name.as_bytes()[..name.len().min(15)]);
        let Some(entry) = self.table.get(process.id) else { return };
        let from_outside = !process.is_namespace_init() && !self.table.is_from_inside(entry);
        if from_outside && process.comm == name {
            self.hooks.add(at, process);
        }
    }

    /// The hook that ran before a stop signal of the runtime, which gives `grace_ns` for both.
    pub(super) fn hook_before(
        &self,
        stop: &Stop,
        cgroup: CgroupKey,
        grace_ns: u64,
    ) -> Option<PreStop> {
        let by_runtime = stop.role == Role::Runtime;
        by_runtime.then(|| self.hooks.before(stop.at, cgroup, grace_ns)).flatten()
    }
}
