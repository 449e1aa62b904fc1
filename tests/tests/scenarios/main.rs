//! Real programs in many languages, stopped in all the ways there are: five rounds in a row.

mod deaf;
mod family;
mod halted;
mod killers;
mod late;
mod others;
mod taken;
mod zombies;

use signal_trace_tests::suite::{Class, Scenario, Tools, check, missing};

fn all() -> Vec<Scenario> {
    [
        taken::all(),
        deaf::all(),
        late::all(),
        family::all(),
        killers::all(),
        halted::all(),
        zombies::all(),
        others::all(),
    ]
    .concat()
}

#[test]
fn all_five_rounds_are_right() {
    let (tools, scenarios) = (Tools::build(), all());
    let mut faults = Vec::new();
    for round in 1..=5 {
        for class in Class::ALL {
            let found = check(class, &scenarios, &tools).into_iter();
            faults.extend(found.map(|fault| format!("round {round}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_scenarios_show_all_that_can_be_said() {
    let scenarios = all();
    let missing = missing(&scenarios);
    assert!(missing.is_empty(), "of {} scenarios:\n{}", scenarios.len(), missing.join("\n"));
}
