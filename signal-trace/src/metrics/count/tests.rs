//! Which lines are counted, and how often.

use signal_trace_core::output::{RecordBody, ShutdownRecord};

use super::{
    super::{labels::Label, series::Series},
    *,
};
use crate::sinks::{
    sample,
    schema::{PreStop, Process},
};

struct World {
    counter: Counter,
    table: Table,
}

impl World {
    fn new() -> Self {
        let table = Table::new([Label::Workload].into(), 10);
        Self { counter: Counter::default(), table }
    }

    fn say(&mut self, body: RecordBody) {
        let line = Line::from_record(&sample::record(1, 0, body), "n1", false);
        self.counter.line(&line, &mut self.table);
    }

    fn report(&mut self, change: impl FnOnce(&mut ShutdownRecord)) {
        let mut record = sample::shutdown();
        change(&mut record);
        self.say(RecordBody::Shutdown(Box::new(record)));
    }

    fn series(&self) -> Series {
        let all = self.table.copy();
        assert_eq!(all.len(), 1, "{all:?}");
        (*all[0].1).clone()
    }

    fn verdicts(&self) -> Vec<(&'static str, u64)> {
        self.series().shutdowns.iter().collect()
    }
}

fn lives_on(record: &mut ShutdownRecord) {
    record.shutdown_id = "77-1".into();
    record.verdict = WorkloadVerdict::StillRunning;
    for process in &mut record.processes {
        (process.killed_by, process.status) = (None, None);
    }
}

fn amends(record: &mut ShutdownRecord) {
    record.shutdown_id = "77-1-1".into();
    record.amends = Some("77-1".into());
}

#[test]
fn a_shutdown_is_counted_with_all_that_belongs_to_it() {
    let mut world = World::new();
    world.report(|_| {});
    let series = world.series();
    assert_eq!(world.verdicts(), [("forced", 1)]);
    assert_eq!(series.kills.iter().collect::<Vec<_>>(), [("runtime", 1), ("pidns-teardown", 1)]);
    assert_eq!(series.findings.get(("pid1-ignores-stop-signal", "error")), 1);
    assert_eq!((series.duration.count(), series.grace_used.count()), (1, 1));
    assert!((series.duration.sum() - 10.011).abs() < 1e-9);
    assert!((series.grace_used.sum() - 1.0004).abs() < 1e-9);
}

#[test]
fn the_end_of_what_lived_on_is_counted_once() {
    let mut world = World::new();
    world.report(lives_on);
    assert_eq!(world.series().duration.count(), 0, "it is not over");
    assert_eq!(world.series().kills.iter().count(), 0);
    // Told of again, because it cannot be killed.
    world.report(|record| {
        lives_on(record);
        amends(record);
        record.processes[1].killed_by = Some(Role::PidnsTeardown);
    });
    assert_eq!(world.verdicts(), [("still-running", 1)]);
    world.report(amends);
    let series = world.series();
    assert_eq!(world.verdicts(), [("still-running", 1), ("forced", 1)]);
    assert_eq!(series.duration.count(), 1);
    assert_eq!(series.kills.iter().collect::<Vec<_>>(), [("pidns-teardown", 1), ("runtime", 1)]);
    assert_eq!(series.findings.get(("pid1-ignores-stop-signal", "error")), 1, "the same one");
    world.report(amends);
    assert_eq!(world.verdicts(), [("still-running", 1), ("forced", 1)]);
}

#[test]
fn what_amends_a_report_of_an_end_is_not_counted() {
    let mut world = World::new();
    world.report(|_| {});
    world.report(|record| record.amends = Some(record.shutdown_id.clone()));
    world.report(|record| record.amends = Some("of an earlier life".into()));
    assert_eq!(world.verdicts(), [("forced", 1)]);
    assert_eq!(world.series().duration.count(), 1);
}

#[test]
fn what_never_ends_does_not_fill_the_memory() {
    let mut world = World::new();
    for number in 0..=MOST_OPEN {
        world.report(|record| {
            lives_on(record);
            record.shutdown_id = number.to_string();
        });
    }
    assert_eq!(world.counter.open.len(), MOST_OPEN);
    let end =
        |number: usize| move |record: &mut ShutdownRecord| record.amends = Some(number.to_string());
    world.report(end(0));
    assert_eq!(world.series().shutdowns.get("forced"), 0, "the oldest is forgotten");
    world.report(end(1));
    assert_eq!(world.series().shutdowns.get("forced"), 1);
}

#[test]
fn a_grace_without_limit_has_no_ratio_and_a_hook_uses_a_part() {
    let grace = |configured_seconds, used_seconds, hook: Option<f64>| {
        let process = Process {
            pid: 1,
            start_time: crate::sinks::schema::Time(0),
            comm: "sh".into(),
            ppid: None,
            uid: 0,
            ns_pid: None,
            cgroup: None,
        };
        let pre_stop = hook.map(|seconds| PreStop { process, seconds });
        grace_used(&Grace { configured_seconds, source: "docker".into(), pre_stop, used_seconds })
    };
    assert_eq!(grace(Some(10.0), Some(5.0), None), Some(0.5));
    assert_eq!(grace(Some(10.0), Some(5.0), Some(3.0)), Some(0.8));
    assert_eq!(grace(None, Some(5.0), None), None);
    assert_eq!(grace(Some(0.0), Some(5.0), None), None);
    assert_eq!(grace(Some(10.0), None, None), None);
}

#[test]
fn every_type_of_line_can_be_counted() {
    let mut world = World::new();
    for record in sample::every_record() {
        let line = Line::from_record(&record, "n1", false);
        world.counter.line(&line, &mut world.table);
    }
    let all = world.table.copy();
    let sum = |of: fn(&Series) -> u64| all.iter().map(|(_, series)| of(series)).sum::<u64>();
    assert_eq!(sum(|series| series.findings.get(("pid1-ignores-stop-signal", "warning"))), 1);
    assert_eq!(sum(|series| series.zombies), 1);
}

#[test]
fn a_name_that_nobody_knows_is_bounded_too() {
    assert_eq!(verdict("graceful"), "graceful");
    assert_eq!(verdict("a\"b"), UNKNOWN);
}
