//! Makes the history of a busy node, to measure with: what the stored recordings say, again and again,
//! at other times, in pods, under other ids.
//! `cargo run --package signal-trace-tests --example st-history -- FOLDER MEBIBYTES [zst]`.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use jiff::{SignedDuration, Timestamp};

/// As the daemon's default.
const ROTATE: usize = 64 << 20;
/// From one round to the next: a gibibyte is some weeks.
const ROUND: SignedDuration = SignedDuration::from_mins(10);
const PODS: usize = 40;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [folder, mebibytes, rest @ ..] = &arguments[..] else {
        panic!("usage: st-history FOLDER MEBIBYTES [zst]")
    };
    let bytes = mebibytes.parse::<usize>().expect("a number of mebibytes") << 20;
    let compress = rest.first().is_some_and(|word| word == "zst");
    let folder = Path::new(folder);
    fs::create_dir_all(folder).expect("the folder can be made");
    let (recording, lines) = stored();
    let mut made = 0;
    let mut seq = 0;
    let mut round = 0;
    let mut now = "2026-10-01T00:00:00Z".parse::<Timestamp>().expect("a time");
    let first = at(&recording, now);
    while made < bytes {
        let path = folder.join("signal-trace.jsonl");
        let mut out = BufWriter::new(File::create(&path).expect("the folder can be written"));
        out.write_all(first.as_bytes()).expect("there is room");
        let mut size = first.len();
        while size < ROTATE && made + size < bytes {
            for line in &lines {
                seq += 1;
                let line = changed(line, now, seq, round);
                out.write_all(line.as_bytes()).expect("there is room");
                size += line.len();
            }
            now += ROUND;
            round += 1;
        }
        out.into_inner().expect("there is room");
        made += size;
        if made < bytes {
            rotate(&path, now, compress);
        }
    }
}

/// A `recording` line, and the lines of all that happened.
fn stored() -> (String, Vec<String>) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/golden");
    let entries = fs::read_dir(golden).expect("they are in the repository");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    let text: Vec<_> =
        files.iter().map(|file| fs::read_to_string(file).expect("readable")).collect();
    let lines: Vec<_> =
        text.iter().flat_map(|text| text.lines()).map(|it| format!("{it}\n")).collect();
    let is = |line: &str, kind: &str| line.contains(&format!("\"type\":\"{kind}\""));
    let recording = lines.iter().find(|line| is(line, "recording")).expect("there is one").clone();
    let marks = ["recording", "end", "loss"];
    let lines = lines.into_iter().filter(|line| !marks.iter().any(|kind| is(line, kind))).collect();
    (recording, lines)
}

/// `line`, moved to `now`.
fn at(line: &str, now: Timestamp) -> String {
    let before = &line[line.find("\"time\":\"").expect("every line has its time") + 8..][..30];
    line.replace(before, &format!("{now:.9}"))
}

fn changed(line: &str, now: Timestamp, seq: u64, round: usize) -> String {
    let micros = i64::try_from(seq % 1_000_000).expect("it fits");
    let line = at(line, now + SignedDuration::from_micros(micros));
    let (head, rest) = line.split_once(",\"seq\":").expect("every line is numbered");
    let (_, rest) = rest.split_once(',').expect("there is more in it");
    let pod = format!(
        "\"kubernetes\":{{\"namespace\":\"shop\",\"pod\":\"web-{}\",\"uid\":null,\"container\":\"app\",\
         \"owner\":\"Deployment/web-{}\",\"deletion_timestamp\":null}}",
        round % PODS,
        round % PODS
    );
    let head = head.replace("\"node\":\"node\"", "\"node\":\"n1\"");
    let rest = rest
        .replace("\"kubernetes\":null", &pod)
        .replace("\"shutdown_id\":\"", &format!("\"shutdown_id\":\"{round}-"))
        .replace("\"amends\":\"", &format!("\"amends\":\"{round}-"));
    format!("{head},\"seq\":{seq},{rest}")
}

fn rotate(path: &Path, now: Timestamp, compress: bool) {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let rotated = path.with_file_name(format!("signal-trace-{stamp}.jsonl"));
    fs::rename(path, &rotated).expect("the folder is ours");
    if compress {
        let zstd = Command::new("zstd").args(["-q", "-3", "--rm"]).arg(&rotated).status();
        assert!(zstd.expect("apt-get install zstd").success(), "zstd failed");
    }
}
