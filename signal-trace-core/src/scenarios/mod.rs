//! Whole timelines, from kernel records to reports: one test per rule.

mod findings;
mod kernel_traps;
mod opening;
mod process_verdicts;
mod properties;
mod provisional;
mod workload_verdicts;
mod zombies;
