//! Who is who: what sender and target of a signal are to each other, and who is never judged.

use super::Engine;
use crate::{
    event::{Generate, Process},
    labels::Labels,
    role::Relation,
};

impl Engine {
    /// What the two ends of a signal are to each other.
    pub(super) fn relation(&self, event: &Generate) -> Relation<'_> {
        let (sender, target) = (event.current.id, event.target.id);
        let ancestor =
            event.target.parent == Some(sender) || self.table.descends_from(target, sender);
        let same_workload = if self.config.is_split(event.target.cgroup) {
            let of_target = self.member_of.get(&target);
            self.table.descends_from(sender, target)
                || (of_target.is_some() && of_target == self.member_of.get(&sender))
        } else {
            event.current.cgroup == event.target.cgroup
        };
        Relation {
            same_workload,
            ancestor,
            sender_path: self.cgroups.path(event.current.cgroup),
            target_path: self.cgroups.path(event.target.cgroup),
        }
    }

    /// The container that holds the namespaces of a Kubernetes pod. It has no work to finish, and
    /// is always ended by a bare SIGKILL.
    pub(super) fn is_sandbox(&self, process: &Process) -> bool {
        let told = self.cgroups.workload(process.cgroup).is_some_and(|known| known.sandbox);
        // Not every runtime tells: by its name and place.
        told || process.comm.as_bytes() == b"pause"
            && process.is_namespace_init()
            && Labels::of(self.cgroups.path(process.cgroup)).in_pod()
            && self.table.living_in(process.cgroup).all(|entry| entry.process.id == process.id)
    }

    /// Nobody asks these to stop: the tracer, whom to end is no shutdown; the sandbox of a pod; and
    /// PID 1 of the machine, which re-executes itself at SIGTERM (systemd(1)).
    pub(super) fn is_exempt(&self, process: &Process) -> bool {
        self.config.tracer_pid == Some(process.id.pid)
            || process.id.pid == 1
            || self.is_sandbox(process)
    }
}
