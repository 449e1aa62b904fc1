//! The golden replay matrix: every stored recording in every output format. `BLESS=1` rewrites what
//! it must be; look at the difference before you commit it.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use signal_trace_tests::{folder::Folder, frame, programs, schema};

/// What `signal-trace report --format` knows.
const FORMATS: [&str; 2] = ["text", "json"];

fn replay() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay")
}

/// The stored recordings, by name.
fn recordings() -> Vec<PathBuf> {
    let entries = fs::read_dir(replay().join("recordings")).expect("they are in the repository");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    assert!(files.len() > 5, "recordings are missing: {files:?}");
    files
}

fn report(recording: &Path, format: &str) -> String {
    let output = Command::new(programs::signal_trace())
        .args(["report", "--format", format])
        // Named without its folder, which a message would show.
        .current_dir(recording.parent().expect("it is in a folder"))
        .arg(recording.file_name().expect("it is a file"))
        .output()
        .expect("signal-trace can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    // 3: one of them is made to be inconclusive, and one breaks off.
    let fine = matches!(output.status.code(), Some(0 | 3)) && !errors.contains("panicked");
    assert!(fine, "{}: {}: {errors}", recording.display(), output.status);
    String::from_utf8(output.stdout).expect("it is UTF-8")
}

#[test]
fn every_format_is_in_the_matrix() {
    let output = Command::new(programs::signal_trace())
        .args(["report", "--format", "no-such-format", "x"])
        .output()
        .expect("signal-trace can be started");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let (_, known) = text.split_once("possible values: ").expect("clap lists them");
    let known: BTreeSet<_> =
        known.split(']').next().unwrap_or_default().split(", ").map(str::trim).collect();
    assert_eq!(known, BTreeSet::from(FORMATS));
}

#[test]
fn every_recording_reads_as_it_did_in_every_format() {
    let golden = replay().join("golden");
    let bless = env::var_os("BLESS").is_some();
    let mut wanted = BTreeSet::new();
    let mut faults = Vec::new();
    for recording in recordings() {
        for format in FORMATS {
            let stem = recording.file_stem().expect("a file").to_string_lossy().into_owned();
            let file = golden.join(format!("{stem}.{format}"));
            let actual = report(&recording, format);
            assert_eq!(actual, report(&recording, format), "{stem}: two replays differ");
            if format == "json" {
                let lines: Vec<_> = actual.lines().map(str::to_owned).collect();
                schema::checked(&lines);
            }
            if bless {
                fs::write(&file, &actual).expect("the repository can be written");
            } else if fs::read_to_string(&file).unwrap_or_default() != actual {
                faults.push(file.display().to_string());
            }
            wanted.insert(file);
        }
    }
    let there = fs::read_dir(&golden).expect("it is in the repository");
    let there: BTreeSet<_> = there.map(|entry| entry.expect("readable").path()).collect();
    assert_eq!(there, wanted, "golden files without a recording, or the other way round");
    let all = faults.join("\n");
    assert!(faults.is_empty(), "these differ; if the new ones are right, use BLESS=1:\n{all}");
}

/// What a finding claims, without the advice: that may name the system, which facts tell.
fn claims(recording: &Path) -> Vec<Value> {
    let report = report(recording, "json");
    let lines = report.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut claims = Vec::new();
    for line in lines {
        let of_shutdown = line["findings"].as_array().cloned().unwrap_or_default();
        for finding in of_shutdown.iter().chain([&line["finding"]]).filter(|f| f.is_object()) {
            claims.push(json!([finding["id"], finding["severity"], finding["summary"]]));
        }
        if line["type"] == "shutdown" {
            let processes = line["processes"].as_array().expect("a list");
            let verdicts = processes.iter().map(|p| [&p["process"]["pid"], &p["verdict"]]);
            claims.push(json!([line["verdict"], verdicts.collect::<Vec<_>>()]));
        }
    }
    claims
}

#[test]
fn findings_do_not_hang_on_when_a_label_is_learned() {
    let folder = Folder::new();
    for recording in recordings() {
        let text = fs::read_to_string(&recording).expect("it is in the repository");
        let (labels, rest): (Vec<_>, Vec<_>) = text.lines().partition(|line| label(line).is_some());
        assert!(!labels.is_empty(), "{}: no labels to move", recording.display());
        // Learned at another time, they hold from that time on.
        let at = |ns: Value| {
            labels.iter().filter_map(|line| label(line)).map(move |mut line| {
                line["input"]["fact"]["at"] = ns.clone();
                line.to_string()
            })
        };
        let start = &serde_json::from_str::<Value>(rest[0]).expect("JSON")["clock"]["boot_ns"];
        let own = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        let early = [own(&rest[..1]), at(start.clone()).collect(), own(&rest[1..])].concat();
        let absent = own(&rest);
        let before_end = rest.len() - 1;
        let late =
            [own(&rest[..before_end]), at(end_of(&rest)).collect(), own(&rest[before_end..])];
        let expected = claims(&recording);
        for (name, lines) in [("early", early), ("absent", absent), ("late", late.concat())] {
            let file = folder.file("moved.jsonl");
            // One of them ends in the middle of a line.
            let end = if text.ends_with('\n') { "\n" } else { "" };
            fs::write(&file, lines.join("\n") + end).expect("the folder is ours");
            assert_eq!(claims(&file), expected, "{}: facts {name}", recording.display());
        }
    }
}

/// The line of a recording as a fact, if it tells the path of a cgroup.
fn label(line: &str) -> Option<Value> {
    let mut line: Value = serde_json::from_str(line).ok()?;
    if line["input"]["fact"]["body"]["cgroup"].is_object() {
        return Some(line);
    }
    let (key, path) = frame::made_cgroup(&frame::of(&line["input"])?)?;
    line["input"] = json!({"fact": {"at": 0, "body": {"cgroup": {"key": key, "path": path}}}});
    Some(line)
}

/// The last time that a recording tells of.
fn end_of(lines: &[&str]) -> Value {
    let times = lines.iter().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let input = &line["input"];
        input["end"].as_u64().or(input["tick"].as_u64())
    });
    times.max().map_or(Value::Null, Value::from)
}
