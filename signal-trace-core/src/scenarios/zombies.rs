//! Zombies are asked for before anybody is accused.

use crate::{
    fixture::{asked, run},
    output::{Outputs, RecordBody},
};

fn zombie_findings(out: &Outputs) -> usize {
    out.records
        .iter()
        .filter(|record| {
            matches!(&record.body, RecordBody::Finding(f) if f.finding.id == "zombie-not-reaped")
        })
        .count()
}

const UNREAPED: &str = "+0ms proc 100 cgroup=7 ns=1
    +0ms proc 101 parent=100
    +10ms exit 101 code=0";

#[test]
fn an_unreaped_child_is_asked_for_after_five_seconds_and_reported_once() {
    let out = run(&std::format!("{UNREAPED}\n+4s tick"));
    assert!(asked(&out).contains(&101));
    assert_eq!(zombie_findings(&out), 0, "nobody has confirmed it");
    let out = run(&std::format!(
        "{UNREAPED}\n+5200ms tick\n+5300ms zombie 101\n+16s zombie 101\n+17s tick"
    ));
    assert_eq!(zombie_findings(&out), 1);
}

#[test]
fn nothing_is_asked_before_its_time() {
    let out = run(&std::format!("{UNREAPED}\n+4900ms end"));
    assert_eq!(asked(&out), []);
}

#[test]
fn a_child_that_the_kernel_frees_late_is_no_zombie() {
    // CONFIG_RCU_LAZY: the free can come 10 s after the reap. /proc knows better.
    let out = run(&std::format!("{UNREAPED}\n+5200ms tick\n+5300ms gone 101\n+10s free 101"));
    assert_eq!(zombie_findings(&out), 0);
    let reaps = out.records.iter().filter(|r| matches!(r.body, RecordBody::Reap(_))).count();
    assert_eq!(reaps, 1);
}

#[test]
fn a_child_reaped_in_time_is_not_asked_for() {
    let out = run(&std::format!("{UNREAPED}\n+1s free 101\n+20s tick"));
    assert_eq!(asked(&out), []);
    assert_eq!(zombie_findings(&out), 0);
}

#[test]
fn a_zombie_that_was_there_before_is_found_after_five_seconds() {
    let text = "+0ms proc 100 cgroup=7
        +0ms proc 101 parent=100
        +1s zombie 101
        +7s zombie 101
        +8s tick";
    // A `proc` line makes it alive first: the snapshot has only the zombie.
    let text = text.replace("+0ms proc 101 parent=100\n", "+0ms fork 101 parent=100\n");
    let out = run(&text);
    assert_eq!(zombie_findings(&out), 1);
}

#[test]
fn a_process_that_takes_long_to_exit_is_no_zombie() {
    let out = run("+0ms proc 100 cgroup=7 ns=1
        +0ms proc 101 parent=100
        +10ms exit 101 code=0
        +5200ms tick
        +5300ms proc 101 parent=100
        +6s free 101");
    let zombies = out.records.iter().filter(|r| matches!(r.body, RecordBody::Zombie(_))).count();
    assert_eq!(zombies, 0);
}
