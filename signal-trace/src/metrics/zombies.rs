//! Which zombies have been told of and are still there, by the lines of the stream.

use std::collections::HashMap;

use super::{labels::Values, table::Table};
use crate::sinks::schema::{Process, Time, Workload};

/// So many pids a kernel has by default on a large machine; more zombies are not counted.
const MOST: usize = 65_536;
/// The engine tells of a zombie again every ten minutes; one that it does not tell of any more is
/// gone, and that was not seen: nanoseconds.
const FORGOTTEN_NS: i64 = 30 * 60 * 1_000_000_000;
/// How often they are looked through for such: nanoseconds.
const LOOK_NS: i64 = 60 * 1_000_000_000;

/// A zombie holds its pid, so there is one for each.
#[derive(Debug, Default)]
pub(super) struct Zombies {
    by_pid: HashMap<u32, Zombie>,
    looked: i64,
}

#[derive(Debug)]
struct Zombie {
    start: Time,
    values: Values,
    told: i64,
}

impl Zombies {
    /// A process is a zombie.
    pub(super) fn told(
        &mut self,
        process: &Process,
        workload: Option<&Workload>,
        now: i64,
        table: &mut Table,
    ) {
        self.replaced(process, table);
        if let Some(known) = self.by_pid.get_mut(&process.pid) {
            known.told = now;
            return;
        }
        if self.by_pid.len() >= MOST {
            return;
        }
        let values = table.place(workload, now);
        table.change(&values, now, |series| {
            series.zombies += 1;
            series.had_zombies = true;
        });
        self.by_pid.insert(process.pid, Zombie { start: process.start_time, values, told: now });
    }

    /// A process was reaped.
    pub(super) fn reaped(&mut self, process: &Process, table: &mut Table) {
        self.remove(process.pid, table);
    }

    /// A process does something: a zombie of its pid that began at another time is no more, though
    /// its reap was lost.
    pub(super) fn replaced(&mut self, process: &Process, table: &mut Table) {
        let known = self.by_pid.get(&process.pid);
        if known.is_some_and(|zombie| zombie.start != process.start_time) {
            self.remove(process.pid, table);
        }
    }

    /// Whether a zombie of this pid has been told of.
    pub(super) fn knows(&self, pid: u32) -> bool {
        self.by_pid.contains_key(&pid)
    }

    /// Forgets those that have not been told of for long.
    pub(super) fn tick(&mut self, now: i64, table: &mut Table) {
        // A clock that was set back must not keep them for ever.
        if (0..LOOK_NS).contains(&now.saturating_sub(self.looked)) {
            return;
        }
        self.looked = now;
        let gone = self.by_pid.extract_if(|_, zombie| {
            zombie.told = zombie.told.min(now);
            now.saturating_sub(zombie.told) > FORGOTTEN_NS
        });
        for (_, zombie) in gone {
            fall(&zombie.values, table);
        }
    }

    fn remove(&mut self, pid: u32, table: &mut Table) {
        if let Some(zombie) = self.by_pid.remove(&pid) {
            fall(&zombie.values, table);
        }
    }
}

fn fall(values: &Values, table: &mut Table) {
    table.change_if_there(values, |series| series.zombies = series.zombies.saturating_sub(1));
}

#[cfg(test)]
mod tests {
    use super::{
        super::labels::{Label, tests::nobody},
        *,
    };

    struct World {
        zombies: Zombies,
        table: Table,
    }

    impl World {
        fn new() -> Self {
            let table = Table::new([Label::Workload].into(), 10);
            Self { zombies: Zombies::default(), table }
        }

        fn tell(&mut self, process: &Process, now: i64) {
            self.zombies.told(process, Some(&nobody("container")), now, &mut self.table);
        }

        fn now(&self) -> u64 {
            self.table.copy().iter().map(|(_, series)| series.zombies).sum()
        }
    }

    fn process(pid: u32, start: i64) -> Process {
        Process {
            pid,
            start_time: Time(start),
            comm: "x".into(),
            ppid: Some(1),
            uid: 0,
            ns_pid: None,
            cgroup: None,
        }
    }

    #[test]
    fn a_zombie_is_there_until_it_is_reaped() {
        let mut world = World::new();
        for now in 0..3 {
            world.tell(&process(7, 1), now);
            world.tell(&process(8, 1), now);
        }
        assert_eq!(world.now(), 2, "told of again, it is the same");
        world.zombies.reaped(&process(7, 1), &mut world.table);
        world.zombies.reaped(&process(7, 1), &mut world.table);
        world.zombies.reaped(&process(99, 1), &mut world.table);
        assert_eq!(world.now(), 1);
        assert!(world.table.copy()[0].1.had_zombies);
    }

    #[test]
    fn who_has_its_pid_shows_that_it_is_gone() {
        let mut world = World::new();
        world.tell(&process(7, 1), 0);
        world.zombies.replaced(&process(7, 1), &mut world.table);
        assert_eq!(world.now(), 1);
        world.zombies.replaced(&process(7, 2), &mut world.table);
        assert_eq!(world.now(), 0);
        world.tell(&process(8, 1), 0);
        world.tell(&process(8, 2), 0);
        assert_eq!(world.now(), 1);
    }

    #[test]
    fn what_is_not_told_of_any_more_is_forgotten() {
        let mut world = World::new();
        world.tell(&process(7, 1), 0);
        world.tell(&process(8, 1), FORGOTTEN_NS);
        world.zombies.tick(FORGOTTEN_NS, &mut world.table);
        assert_eq!(world.now(), 2);
        world.zombies.tick(FORGOTTEN_NS + LOOK_NS, &mut world.table);
        assert_eq!(world.now(), 1);
        // The clock is set back to before everything.
        world.zombies.tick(0, &mut world.table);
        world.zombies.tick(FORGOTTEN_NS + LOOK_NS, &mut world.table);
        assert_eq!(world.now(), 0);
    }

    #[test]
    fn there_is_a_bound() {
        let mut world = World::new();
        let most = u32::try_from(MOST).unwrap();
        for pid in 0..most + 10 {
            world.tell(&process(pid, 1), 0);
        }
        assert_eq!(world.now(), u64::from(most));
    }
}
