//! Whole timelines, from kernel records to reports: one test per rule.

mod amendments;
mod context;
mod findings;
mod handlers;
mod histories;
mod kernel_traps;
mod killed;
mod late_facts;
mod membership;
mod mismatch;
mod opening;
mod process_ends;
mod process_verdicts;
mod properties;
mod provisional;
mod random;
mod reloads;
mod roles;
mod rules;
mod sessions;
mod spared;
mod trees;
mod verdict_evidence;
mod workload_verdicts;
mod workloads;
mod zombies;
