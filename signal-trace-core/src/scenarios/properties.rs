//! Properties of decode, order and engine together.

use std::vec::Vec;

use proptest::prelude::*;

use crate::{
    config::Config,
    decode::decode,
    fixture::{Script, run_with, shutdowns, tell},
    ids::CgroupKey,
    input::{Fact, FactBody, Input, Loss, LossKind},
    output::{Outputs, RecordBody},
    time::{BootNs, MS, SECOND},
    trace::Trace,
    verdict::WorkloadVerdict,
};

const STORY: &str = "+0ms proc 50
    +0ms proc 100 cgroup=7 ns=1
    +0ms proc 101 parent=100
    +0ms proc 200 cgroup=8
    +10ms gen TERM 50>100 handler
    +11ms take TERM 100 handler
    +12ms gen TERM 100>101 handler
    +12ms gen TERM 50>200 default fatal
    +13ms exit 200 sig=15
    +14ms take TERM 101 handler
    +20ms exit 101 code=0
    +25ms free 200
    +30ms exit 100 code=0
    +40ms free 101
    +41ms free 100";

fn frames(inputs: &[Input]) -> Vec<Input> {
    inputs.iter().filter(|input| !matches!(input, Input::Tick(_))).cloned().collect()
}

fn seqs_are_dense(out: &Outputs) -> bool {
    out.records.iter().zip(1..).all(|(record, seq)| record.seq.0 == seq)
}

proptest! {
    #[test]
    fn decode_is_total(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
    }

    /// Real records, damaged: every kind is reached, which random bytes hardly do.
    #[test]
    fn damaged_records_never_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        which in any::<prop::sample::Index>(),
    ) {
        let mut inputs = Script::parse(STORY).inputs;
        let damaged: Vec<usize> = inputs.iter().enumerate()
            .filter(|(_, input)| matches!(input, Input::Frame(_))).map(|(i, _)| i).collect();
        let index = damaged[which.index(damaged.len())];
        if let Input::Frame(bytes) = &mut inputs[index] {
            for (at, value) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            let length = cut.index(bytes.len() + 1);
            bytes.truncate(length);
        }
        let out = run_with(Config::new(), &inputs);
        prop_assert!(seqs_are_dense(&out));
        prop_assert!(matches!(out.records.last().unwrap().body, RecordBody::End(_)));
    }

    #[test]
    fn arrival_order_inside_the_window_does_not_matter(order in Just(frames(&Script::parse(STORY).inputs)).prop_shuffle()) {
        let expected = run_with(Config::new(), &frames(&Script::parse(STORY).inputs));
        let out = run_with(Config::new(), &order);
        prop_assert_eq!(tell(&out), tell(&expected));
        prop_assert_eq!(out.records.len(), expected.records.len());
    }

    #[test]
    fn duplicates_change_no_verdict(twice in any::<prop::sample::Index>()) {
        let inputs = frames(&Script::parse(STORY).inputs);
        let expected = tell(&run_with(Config::new(), &inputs));
        let mut doubled = inputs.clone();
        let index = twice.index(inputs.len());
        doubled.insert(index, inputs[index].clone());
        prop_assert_eq!(tell(&run_with(Config::new(), &doubled)), expected);
    }

    /// Whatever is missing, if the kernel counted it, no clean verdict comes of it.
    #[test]
    fn no_clean_verdict_over_a_loss(missing in prop::collection::vec(any::<prop::sample::Index>(), 1..8)) {
        let mut inputs = Script::parse(STORY).inputs;
        let lost: std::collections::BTreeSet<usize> = missing.iter().map(|i| i.index(inputs.len())).collect();
        let mut index = 0;
        inputs.retain(|input| {
            index += 1;
            !(matches!(input, Input::Frame(_)) && lost.contains(&(index - 1)))
        });
        let (from, to) = (BootNs(crate::fixture::ZERO), BootNs(crate::fixture::ZERO + 50 * MS));
        inputs.insert(1, Input::Loss(Loss { kind: LossKind::Exit, count: 1, from, to }));
        let out = run_with(Config::new(), &inputs);
        for shutdown in shutdowns(&out) {
            prop_assert_eq!(shutdown.verdict, WorkloadVerdict::Inconclusive);
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(order in Just(Script::parse(STORY).inputs).prop_shuffle()) {
        let one = run_with(Config::new(), &order);
        let two = run_with(Config::new(), &order);
        prop_assert_eq!(one.records, two.records);
        prop_assert_eq!(one.asks, two.asks);
    }
}

#[test]
fn the_process_table_is_bounded_and_says_so() {
    let mut config = Config::new();
    config.max_processes = 10;
    let lines: Vec<_> = (0..50).map(|n| std::format!("+{n}ms fork {} parent=1", 100 + n)).collect();
    let text = lines.join("\n");
    let out = run_with(config, &Script::parse(&text).inputs);
    let lost: u64 = out
        .records
        .iter()
        .filter_map(|record| match record.body {
            RecordBody::Loss(loss) if loss.kind == LossKind::ProcessTable => Some(loss.count),
            _ => None,
        })
        .sum();
    assert_eq!(lost, 40);
}

#[test]
fn time_that_jumps_does_not_panic() {
    let mut inputs = Script::parse(STORY).inputs;
    inputs.insert(3, Input::Tick(BootNs(u64::MAX)));
    inputs.insert(5, Input::Tick(BootNs(0)));
    inputs.push(Input::Tick(BootNs(SECOND)));
    inputs.push(Input::End(BootNs(0)));
    let out = run_with(Config::new(), &inputs);
    assert!(seqs_are_dense(&out));
}

#[test]
fn counts_of_losses_do_not_overflow() {
    let loss = Input::Loss(Loss {
        kind: LossKind::Exit,
        count: u64::MAX,
        from: BootNs(0),
        to: BootNs(u64::MAX),
    });
    run_with(Config::new(), &[loss.clone(), loss]);
}

#[test]
fn the_end_of_time_is_no_endless_loop() {
    let mut config = Config::new();
    config.reorder_window_ns = 0;
    let mut trace = Trace::new(config);
    let mut out = Outputs::default();
    for input in Script::parse("+0ms proc 100 cgroup=7\n+10ms exit 100 code=0\n+20ms tick").inputs {
        trace.step(input, &mut out);
    }
    trace.step(Input::Tick(BootNs(u64::MAX)), &mut out);
    assert!(out.asks.len() < 10);
}

#[test]
fn cgroups_without_processes_are_forgotten() {
    let mut trace = Trace::new(Config::new());
    let mut out = Outputs::default();
    let at = BootNs(crate::fixture::ZERO);
    for id in 7..40_000 {
        let body = FactBody::Cgroup { key: CgroupKey::V2(id), path: b"/x".to_vec() };
        trace.step(Input::Fact(Fact { at, body }), &mut out);
    }
    for input in Script::parse("+10ms proc 100 cgroup=7").inputs {
        trace.step(input, &mut out);
    }
    trace.step(Input::End(at), &mut out);
    assert_eq!(out.asks.len(), 1, "its path was not kept for ever");
}
