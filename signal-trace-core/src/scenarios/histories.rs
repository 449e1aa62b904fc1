//! Properties of the engine over random histories.

use std::{collections::BTreeMap, vec, vec::Vec};

use proptest::prelude::*;

use super::random::{history, steps};
use crate::{
    config::Config,
    findings::{Severity, pages::page},
    fixture::{Script, ZERO, run_with, shutdowns, tell},
    input::Input,
    output::{Outputs, RecordBody, ShutdownRecord},
    time::{BootNs, SECOND},
    trace::Trace,
    verdict::WorkloadVerdict,
};

fn inputs(text: &str) -> Vec<Input> {
    Script::parse(text).inputs
}

/// Runs inputs, and a quiet minute after them.
fn trace(config: Config, inputs: &[Input]) -> (Trace, Outputs) {
    let (mut trace, mut out) = (Trace::new(config), Outputs::default());
    let mut now = ZERO;
    for input in inputs {
        if let Input::Tick(at) = input {
            now = now.max(at.0);
        }
        trace.step(input.clone(), &mut out);
    }
    for second in 1..=60 {
        trace.step(Input::Tick(BootNs(now + second * SECOND)), &mut out);
    }
    (trace, out)
}

/// What always holds of the outputs.
fn check(out: &Outputs) -> Result<(), TestCaseError> {
    for (record, seq) in out.records.iter().zip(1..) {
        prop_assert_eq!(record.seq.0, seq, "records are numbered without a gap");
        let findings = match &record.body {
            RecordBody::Shutdown(shutdown) => {
                check_shutdown(shutdown)?;
                &shutdown.findings[..]
            }
            RecordBody::Finding(finding) => core::slice::from_ref(&finding.finding),
            _ => &[],
        };
        for finding in findings {
            let Some(page) = page(finding.id) else {
                return Err(TestCaseError::fail(finding.id));
            };
            // What may not be meant for the whole is `info` for every finding.
            let told = page.severities.contains(&finding.severity);
            prop_assert!(told || finding.severity == Severity::Info, "{}", finding.id);
            prop_assert!(!finding.fix.is_empty(), "{}: no fix", finding.id);
            prop_assert!(finding.evidence.is_sorted(), "{}: evidence in order", finding.id);
            // Evidence lies before what it is for.
            prop_assert!(
                finding.evidence.iter().all(|e| (1..seq).contains(&e.0)),
                "{}",
                finding.id
            );
        }
    }
    Ok(())
}

fn check_shutdown(shutdown: &ShutdownRecord) -> Result<(), TestCaseError> {
    for report in &shutdown.processes {
        let by_sigkill = report.status.is_some_and(|status| status.0 & 0x7f == 9);
        prop_assert!(report.killed_by.is_none() || by_sigkill, "killed_by without SIGKILL");
        prop_assert!(report.status.is_some() || report.to_exit_ns.is_none());
    }
    let mains = shutdown.processes.iter().filter(|report| report.main).count();
    prop_assert!(mains <= 1);
    let alive = shutdown.processes.iter().any(|report| report.status.is_none());
    let clean =
        matches!(shutdown.verdict, WorkloadVerdict::Graceful | WorkloadVerdict::DefaultAction);
    prop_assert!(!(clean && alive), "a clean verdict, and somebody lives");
    Ok(())
}

proptest! {
    #[test]
    fn nothing_is_kept_of_what_has_ended(steps in steps()) {
        let (text, _) = history(&steps);
        let (trace, out) = trace(Config::new(), &inputs(&text));
        check(&out)?;
        // The one process that is there from the beginning to the end.
        prop_assert_eq!(trace.remembered(), 1, "{}", text);
        prop_assert_eq!(trace.open_timelines(), 0);
    }

    #[test]
    fn damage_never_panics_and_never_stays(
        steps in steps(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..5_u8, any::<prop::sample::Index>()), 0..20),
    ) {
        let mut damaged = inputs(&history(&steps).0);
        for (at, what, other) in &cuts {
            let (at, to) = (at.index(damaged.len()), other.index(damaged.len()));
            match what {
                0 => drop(damaged.remove(at)),
                1 => damaged.insert(at, damaged[to].clone()),
                2 => damaged.swap(at, to),
                3 => if let Input::Frame(bytes) = &mut damaged[at] {
                    bytes.truncate(other.index(bytes.len() + 1));
                },
                _ => if let Input::Frame(bytes) = &mut damaged[at] && !bytes.is_empty() {
                    let byte = other.index(bytes.len());
                    bytes[byte] ^= 1 << (byte % 8);
                },
            }
            if damaged.is_empty() {
                break;
            }
        }
        let (trace, out) = trace(Config::new(), &damaged);
        check(&out)?;
        // Who lost its exit or its free is remembered, but no more than there were processes.
        prop_assert!(trace.remembered() <= 8 * inputs(&history(&steps).0).len());
    }

    #[test]
    fn a_small_table_counts_what_it_cannot_hold(steps in steps(), room in 1..12_usize) {
        let mut config = Config::new();
        config.max_processes = room;
        let (text, _) = history(&steps);
        let (trace, out) = trace(config, &inputs(&text));
        check(&out)?;
        prop_assert!(trace.remembered() <= room * 8);
        let lost: u64 = out.records.iter().map(|record| match &record.body {
            RecordBody::Loss(loss) => loss.count,
            _ => 0,
        }).sum();
        let unheld = text.matches("fork").count().saturating_sub(room);
        prop_assert!(lost > 0 || text.matches("free").count() + room > unheld);
    }

    #[test]
    fn arrival_order_inside_the_window_changes_nothing(
        steps in steps(),
        delays in prop::collection::vec(0..99_000_000_u64, 400),
    ) {
        // A loss holds from when it is told: it is no event that could be put in order.
        let steps: Vec<_> = steps.into_iter().filter(|step| step.0 != 14).collect();
        let script = Script::parse(&history(&steps).0);
        let mut items: Vec<(u64, Input)> = vec![];
        let mut now = 0;
        for input in script.inputs.iter().rev() {
            if let Input::Tick(at) = input {
                now = at.0;
            }
            items.push((now, input.clone()));
        }
        items.reverse();
        let end = items.last().map_or(0, |(at, _)| *at);
        // Time passes in the same steps, whatever comes when.
        let ticks = |items: &[(u64, Input)]| -> Vec<Input> {
            let mut items = items.iter().filter(|(_, input)| !matches!(input, Input::Tick(_)));
            let mut next = items.next();
            let mut all = vec![];
            for tick in (ZERO..end + SECOND).step_by(50_000_000) {
                while let Some((_, input)) = next.filter(|(at, _)| *at <= tick) {
                    all.push(input.clone());
                    next = items.next();
                }
                all.push(Input::Tick(BootNs(tick)));
            }
            all
        };
        let expected = trace(Config::new(), &ticks(&items)).1;
        for ((at, input), delay) in items.iter_mut().zip(delays.iter().cycle()) {
            if matches!(input, Input::Frame(_) | Input::Fact(_)) {
                *at += delay;
            }
        }
        items.sort_by_key(|(at, _)| *at);
        let out = trace(Config::new(), &ticks(&items)).1;
        prop_assert_eq!(tell(&out), tell(&expected));
    }

    #[test]
    fn each_process_has_its_records_in_order(steps in steps()) {
        let (text, _) = history(&steps);
        let (_, out) = trace(Config::new(), &inputs(&text));
        // 0 signal or delivery, 1 exit, 2 zombie, 3 reap.
        let mut stage: BTreeMap<u32, u8> = BTreeMap::new();
        for record in &out.records {
            let (process, next) = match &record.body {
                RecordBody::Delivery(r) => (&r.process, 0),
                RecordBody::Exit(r) => (&r.process, 1),
                RecordBody::Zombie(r) => (&r.process, 2),
                RecordBody::Reap(r) => (&r.process, 3),
                _ => continue,
            };
            let stage = stage.entry(process.process.id.pid).or_default();
            prop_assert!(*stage <= next, "{} after {stage}: {text}", next);
            *stage = next;
        }
    }

    #[test]
    fn no_clean_verdict_over_a_loss(steps in steps()) {
        let (text, losses) = history(&steps);
        let out = run_with(Config::new(), &inputs(&text));
        for shutdown in shutdowns(&out) {
            let Some(stop) = &shutdown.stop else { continue };
            let from = (stop.at.0 - ZERO) / 1000;
            let to = from + shutdown.duration_ns / 1000;
            if losses.iter().any(|(start, end)| *start <= to && *end >= from) {
                prop_assert_eq!(shutdown.verdict, WorkloadVerdict::Inconclusive, "{}", &text);
            }
        }
    }
}
