//! SIGKILL: when it opens a timeline, and who died of it.

use super::{
    Engine,
    opening::Opening,
    stops::{Sent, is_rest},
};
use crate::role::Role;

impl Engine {
    pub(super) fn sigkilled(&mut self, sent: &Sent<'_>) {
        let target = &sent.event.target;
        let open = self.member_of.get(&target.id).and_then(|key| self.timelines.get(key));
        let belongs = open.is_some_and(|open| {
            // Who came after that was reported is of another time.
            !is_rest(open) || open.members.get(&target.id).is_some_and(|m| m.from_start)
        });
        let from_inside = matches!(sent.role, Role::Supervisor | Role::Peer);
        let opens = !from_inside
            && !self.is_exempt(target)
            && !self.is_own_group(sent.sender.as_ref(), &sent.event.target, sent.at);
        if !belongs && opens {
            // What PID 1 leaves behind dies with it: it is PID 1 that stopped.
            let root = sent
                .sender
                .filter(|pid1| sent.role == Role::PidnsTeardown && pid1.cgroup == target.cgroup);
            let key = self.workload_of(root.as_ref().unwrap_or(target));
            let main = root.map_or_else(|| self.main_of(key, target.id), |pid1| pid1.id);
            let (at, stop, provisional) = (sent.at, None, false);
            if self.timelines.get(&key).is_some_and(|open| !is_rest(open)) {
                // That has no room for it.
                return;
            }
            self.drop_timeline(key);
            self.open(Opening { key, at, main, stop, provisional });
        }
        self.note_kill(sent);
    }

    pub(super) fn note_kill(&mut self, sent: &Sent<'_>) {
        let id = sent.event.target.id;
        let Some(key) = self.member_of.get(&id) else { return };
        let Some(timeline) = self.timelines.get_mut(key) else { return };
        timeline.killed(sent.at);
        if let Some(member) = timeline.members.get_mut(&id) {
            member.kill.get_or_insert(sent.kill());
        }
    }
}
