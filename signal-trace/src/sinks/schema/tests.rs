//! Every line type against the JSON Schema that the program prints.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use signal_trace_core::output::RecordBody;

use super::*;
use crate::{
    filters::Filters as FilterArgs,
    sinks::{jsonl::append_line, sample},
};

fn parse(line: &Line) -> Value {
    let mut json = vec![];
    append_line(&mut json, line);
    serde_json::from_slice(&json).unwrap()
}

fn every_line() -> Vec<Value> {
    let recording = sample::header().line(FilterArgs::default().to_wire());
    let records = sample::every_record();
    let lines = records.iter().map(|record| parse(&Line::from_record(record, "n1", false)));
    [parse(&recording)].into_iter().chain(lines).collect()
}

#[test]
fn every_line_fits_the_schema() {
    let schema = serde_json::to_value(json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut types = BTreeSet::new();
    for line in every_line() {
        if let Err(error) = validator.validate(&line) {
            panic!("{error} at {}: {line}", error.instance_path());
        }
        for field in ["schema", "type", "time", "node", "seq"] {
            assert!(line.get(field).is_some(), "{field}: {line}");
        }
        types.insert(line["type"].as_str().unwrap().to_owned());
        // What the contract names must be there, as null if unknown.
        for field in line.as_object().unwrap().keys() {
            let mut cut = line.clone();
            cut.as_object_mut().unwrap().remove(field);
            assert!(field == "filters" || !validator.is_valid(&cut), "{field} may be left out");
            let mut more = line.clone();
            more["a_later_field"] = 1.into();
            assert!(validator.is_valid(&more), "unknown fields must be tolerated");
        }
    }
    let expected = [
        "recording",
        "signal",
        "delivery",
        "exit",
        "reap",
        "zombie",
        "oom",
        "shutdown",
        "finding",
        "loss",
        "end",
    ];
    assert_eq!(types, expected.map(str::to_owned).into());
}

#[test]
fn names_are_those_of_the_contract() {
    let lines = every_line();
    let of_type = |name: &str| lines.iter().find(|line| line["type"] == name).unwrap();
    let keys = |value: &Value| {
        let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    let signal = of_type("signal");
    assert_eq!(signal["time"], "2026-11-24T10:50:55.623456789Z");
    assert_eq!(keys(&signal["signal"]), "code group name number result");
    assert_eq!(keys(&signal["sender"]), "process role workload");
    assert_eq!(keys(&signal["target"]), "blocked disposition ending pid1 process workload");
    assert_eq!(signal["signal"]["result"], "ignored");
    assert_eq!(signal["target"]["pid1"], true);
    let process = &signal["target"]["process"];
    assert_eq!(keys(process), "cgroup comm ns_pid pid ppid start_time uid");
    assert_eq!(process["start_time"], "2026-11-24T10:50:45.123456789Z");
    let shutdown = of_type("shutdown");
    assert_eq!(
        keys(shutdown),
        "amends complete duration_seconds findings forwarding grace node processes schema seq \
         shutdown_id stop time type verdict workload"
    );
    assert_eq!(keys(&shutdown["grace"]), "configured_seconds pre_stop source used_seconds");
    assert_eq!(keys(&shutdown["forwarding"]), "edges never_told");
    assert_eq!(keys(&shutdown["forwarding"]["edges"][0]), "delay_seconds evidence from signal to");
    assert_eq!(
        keys(&shutdown["processes"][0]),
        "exit killed_by main process seconds_to_exit stop verdict zombie_seconds"
    );
    assert_eq!(keys(&shutdown["findings"][0]), "evidence fix id severity summary");
    assert_eq!(
        keys(&shutdown["workload"]),
        "cgroup id image kind kubernetes labels name process runtime stop_signal unit"
    );
    assert_eq!(shutdown["workload"]["id"], sample::CONTAINER);
    assert_eq!(shutdown["workload"]["runtime"], "docker");
    assert_eq!(shutdown["stop"]["signal"], "SIGTERM");
    assert_eq!(keys(&of_type("exit")["exit"]), "code core_dumped signal wait_status");
    assert_eq!(keys(&of_type("loss")["window"]), "from to");
    assert_eq!(of_type("end")["complete"], false);
    assert_eq!(of_type("zombie")["process"]["comm"], "\u{1b}[2J\n\"evil\\xff");
}

#[test]
fn a_workload_outside_containers_and_units_is_its_root_process() {
    let lines = every_line();
    let workload = |kind: &str| {
        let mut workloads = lines.iter().map(|line| &line["workload"]);
        workloads.find(|workload| workload["kind"] == kind).unwrap()
    };
    assert_eq!(workload("process")["id"], "902:99000");
    assert_eq!(workload("process")["process"]["pid"], 902);
    assert_eq!(workload("cgroup")["id"], Value::Null);
}

#[test]
fn a_workload_has_the_names_that_its_manager_gives() {
    let lines = every_line();
    let mut shutdowns = lines.iter().filter(|line| line["type"] == "shutdown");
    let hooked = shutdowns.find(|line| line["grace"]["source"] == "kubernetes").unwrap();
    let workload = &hooked["workload"];
    assert_eq!(workload["name"], "web\n\u{1b}[31m\"\u{202e}\\");
    assert_eq!(workload["labels"]["app"].as_str().unwrap().len(), 400 * 10);
    assert_eq!(workload["stop_signal"], json!({ "signal": "SIGQUIT", "source": "image" }));
    assert_eq!(workload["kubernetes"]["namespace"], "shop");
    assert_eq!(hooked["grace"]["pre_stop"]["seconds"], 2.0);
    assert_eq!(hooked["stop"]["sender"]["workload"]["runtime"], "containerd");
}

#[test]
fn a_session_is_complete_only_if_nothing_is_missing() {
    let mut end = sample::every_record().pop().unwrap();
    let RecordBody::End(totals) = &mut end.body else { panic!("the last record ends") };
    totals.lost = 0;
    assert_eq!(parse(&Line::from_record(&end, "n1", false))["complete"], true);
    assert_eq!(parse(&Line::from_record(&end, "n1", true))["complete"], false);
}

#[test]
fn every_line_can_be_read_back() {
    let recording = sample::header().line(FilterArgs::default().to_wire());
    let records = sample::every_record();
    let lines = records.iter().map(|record| Line::from_record(record, "n1", false));
    for line in [recording].into_iter().chain(lines) {
        let mut json = vec![];
        append_line(&mut json, &line);
        assert_eq!(Line::parse(&json).unwrap(), line);
    }
}

#[test]
fn what_is_no_line_of_this_version_is_refused() {
    let parse = |text: &str| Line::parse(text.as_bytes()).unwrap_err().to_string();
    assert!(parse("{\"a\":1}").contains("no line of signal-trace"));
    let head = r#""time":"2026-11-24T10:50:55.000000000Z","node":"n","seq":1"#;
    let newer = format!(r#"{{"schema":"signal-trace/v2","type":"end",{head}}}"#);
    assert!(parse(&newer).contains("is of signal-trace/v2"));
    let other = format!(r#"{{"schema":"signal-trace/v1","type":"later",{head}}}"#);
    assert!(parse(&other).contains("\"later\""));
}
