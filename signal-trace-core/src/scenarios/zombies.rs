//! Zombies are asked for before anybody is accused.

use crate::{
    config::Config,
    fixture::{Script, ZERO, asked, own_findings, run},
    input::Input,
    output::{Outputs, RecordBody, ZombieRecord},
    signal::Disposition,
    time::{BootNs, SECOND},
    trace::Trace,
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

fn zombies(out: &Outputs) -> std::vec::Vec<&ZombieRecord> {
    let records = out.records.iter().filter_map(|record| match &record.body {
        RecordBody::Zombie(zombie) => Some(zombie),
        _ => None,
    });
    records.collect()
}

#[test]
fn a_zombie_is_told_of_while_it_lasts_each_time_its_age_has_doubled() {
    let asked_for = (1..=90).map(|n| std::format!("+{n}s zombie 101\n"));
    let out = run(&std::format!("{UNREAPED}\n{}", asked_for.collect::<std::string::String>()));
    let ages: std::vec::Vec<_> = zombies(&out).iter().map(|z| z.age_ns / SECOND).collect();
    assert_eq!(ages, [5, 11, 23, 47]);
    assert_eq!(zombie_findings(&out), 1);
}

#[test]
fn a_zombie_that_was_reaped_is_not_remembered_until_it_would_have_been_told_of_again() {
    let text = std::format!("{UNREAPED}\n+40s zombie 101\n+41s free 101\n+42s tick");
    let (mut trace, mut out) = (Trace::new(Config::new()), Outputs::default());
    for input in Script::parse(&text).inputs {
        trace.step(input, &mut out);
    }
    trace.step(Input::Tick(BootNs(ZERO + 43 * SECOND)), &mut out);
    assert_eq!(zombies(&out).len(), 1);
    assert_eq!(trace.remembered(), 1, "only its parent");
}

#[test]
fn who_should_reap_it_and_what_that_one_does_with_sigchld() {
    let text = |sigchld: &str| {
        std::format!(
            "+0ms proc 100 cgroup=7 ns=1 comm=init
             +0ms proc 101 parent=100
             +0ms proc 102 parent=101
             +5ms exit 101 code=0
             +6ms free 101
             +10ms exit 102 code=0
             +5200ms tick
             +5200ms adopt 102 by=100
             +5300ms alive 100 {sigchld}
             +5400ms zombie 102
             +6s tick"
        )
    };
    let out = run(&text("sigchld=handler"));
    let record = zombies(&out)[0];
    assert_eq!(record.parent.as_ref().map(|parent| parent.process.id.pid), Some(100));
    assert_eq!(record.parent_sigchld, Some(Disposition::Handler));
    assert!(record.orphaned);
    let summary = &own_findings(&out)[0].finding.summary;
    assert!(summary.contains("inherited it as PID 1 of its namespace"), "{summary}");
    let out = run(&text(""));
    assert_eq!(zombies(&out)[0].parent_sigchld, Some(Disposition::Default));
}

#[test]
fn many_zombies_of_one_workload_are_counted_and_do_not_flood_the_findings() {
    let pids = || 200..320;
    let died = pids().map(|pid| std::format!("+1ms fork {pid} parent=100\n+2ms exit {pid} code=0"));
    let seen = pids().map(|pid| std::format!("+6s zombie {pid}"));
    let lines: std::vec::Vec<_> = died.chain(seen).collect();
    let out = run(&std::format!("+0ms proc 100 cgroup=7 ns=1\n{}\n+7s tick", lines.join("\n")));
    let counts: std::vec::Vec<_> = zombies(&out).iter().map(|z| z.workload_zombies).collect();
    assert_eq!(counts, (1..=120).collect::<std::vec::Vec<_>>());
    // Ten of their own, and the hundredth.
    assert_eq!(zombie_findings(&out), 11);
}
