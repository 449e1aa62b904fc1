//! Whether the scenarios show all that signal-trace can say: in PID namespaces twice, and outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use super::{expect::Expect, scenario::Scenario};
use crate::programs;

/// The ids of the findings: the schema leaves their set open. `prestop-consumed-grace` takes a
/// runtime that tells of a hook: see `tests/tests/cri`.
const FINDINGS: [&str; 20] = [
    "crash-during-shutdown",
    "events-lost",
    "grace-period-exceeded",
    "grace-period-nearly-exceeded",
    "handler-does-not-exit",
    "kill-from-outside",
    "killed-without-stop-signal",
    "no-stop-handler",
    "oom-kill",
    "orphan-left-behind",
    "pid1-ignores-stop-signal",
    "pidns-teardown-kill",
    "repeated-stop-signal",
    "self-kill",
    "stop-signal-blocked",
    "stop-signal-ignored",
    "stop-signal-mismatch",
    "stop-signal-not-forwarded",
    "unkillable-process",
    "zombie-not-reaped",
];

/// What there is in PID namespaces only.
const INSIDE_ONLY: [&str; 3] =
    ["pid1-ignores-stop-signal", "pidns-teardown-kill", "pidns-teardown"];

/// Once may be chance.
const TWICE: usize = 2;

/// How often something occurs: in PID namespaces, and outside.
type Counts = BTreeMap<(&'static str, String), (usize, usize)>;

/// What is not shown, or not often enough.
pub fn missing(scenarios: &[Scenario]) -> Vec<String> {
    let mut counts = wanted();
    let mut faults = Vec::new();
    for scenario in scenarios {
        for (kind, name) in shown(scenario) {
            let Some((inside, outside)) = counts.get_mut(&(kind, name.to_owned())) else {
                faults.push(format!("`{}`: there is no {kind} `{name}`", scenario.name));
                continue;
            };
            *(if scenario.place.namespace() { inside } else { outside }) += 1;
        }
    }
    for ((kind, name), (inside, outside)) in &counts {
        let only_inside = INSIDE_ONLY.contains(&name.as_str());
        let enough = *inside >= TWICE && (*outside >= TWICE || only_inside);
        if !enough {
            faults.push(format!("{kind} `{name}`: {inside} in PID namespaces, {outside} outside"));
        }
    }
    faults
}

/// All that there is, by the schema of the program itself.
fn wanted() -> Counts {
    let output = Command::new(programs::signal_trace()).arg("schema").output().expect("it starts");
    let schema: Value = serde_json::from_slice(&output.stdout).expect("a schema is JSON");
    let names = |of: &str, property: &str| {
        let values = &schema["$defs"][of]["properties"][property]["enum"];
        let names: Vec<_> =
            values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert!(!names.is_empty(), "the schema does not list {of}.{property}");
        names.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let sets = [
        ("verdict of a process", names("ProcessReport", "verdict")),
        ("verdict of a workload", names("ShutdownLine", "verdict")),
        ("killer", names("ProcessReport", "killed_by")),
        ("finding", FINDINGS.map(str::to_owned).to_vec()),
    ];
    let all = sets.into_iter().flat_map(|(kind, set)| set.into_iter().map(move |s| (kind, s)));
    all.map(|name| (name, (0, 0))).collect()
}

/// What a scenario shows, each once.
fn shown(scenario: &Scenario) -> BTreeSet<(&'static str, &'static str)> {
    let mut shown: BTreeSet<_> = scenario.alone.iter().map(|(_, id, _)| ("finding", *id)).collect();
    for Expect { workload, processes, findings, .. } in scenario.end.iter().chain(&scenario.alive) {
        shown.insert(("verdict of a workload", *workload));
        shown.extend(findings.iter().map(|(id, _)| ("finding", *id)));
        for process in processes {
            shown.insert(("verdict of a process", process.verdict));
            shown.extend(process.killed_by.map(|role| ("killer", role)));
        }
    }
    shown
}
