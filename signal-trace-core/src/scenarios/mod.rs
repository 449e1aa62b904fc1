//! Whole timelines, from kernel records to reports: one test per rule.

mod findings;
mod kernel_traps;
mod opening;
mod process_verdicts;
mod properties;
mod provisional;
mod roles;
mod rules;
mod verdict_evidence;
mod workload_verdicts;
mod zombies;
