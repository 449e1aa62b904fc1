//! What runs in a virtual machine of `cargo xtask vm`: the core cases, told to the host line by line.

pub mod layout;
pub mod say;
pub mod storm;

use layout::Layout;
use serde_json::json;

use crate::{
    cases::check_each,
    core_cases::{CASES, THREADS},
};

/// How often each case is run in each kind of place.
const ROUNDS: usize = 2;

/// Runs all cases in cgroups as they are mounted now, and tells what came of each.
pub fn run(layout: Layout) {
    let mut told = 0;
    let mut tell = |case: &str, faults: &[String]| {
        told += 1;
        say::line(&json!({
            "type": "case", "cgroups": layout.name(), "case": case, "faults": faults,
        }));
    };
    for cases in [&CASES[..], &THREADS[..]] {
        let checked = check_each(layout.hierarchies(), cases, ROUNDS);
        for (case, faults) in cases.iter().zip(&checked.cases) {
            tell(&case.name(), faults);
        }
        tell(&format!("nothing lost ({} cases)", cases.len()), &checked.losses);
    }
    tell("exits of a storm", &storm::faults(layout.hierarchies()));
    say::line(&json!({ "type": "done", "cgroups": layout.name(), "cases": told }));
}
