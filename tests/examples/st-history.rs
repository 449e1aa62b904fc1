//! Makes the history of a busy node, to measure with: what the stored recordings say, again and again,
//! at other times, in pods, under other ids.
//! `cargo run --package signal-trace-tests --example st-history -- FOLDER MEBIBYTES [zst]`.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::Command,
};

use jiff::{SignedDuration, Timestamp};
use signal_trace_tests::{
    history::{self, Stored},
    programs,
};

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
    let happened: Vec<_> = history::recordings()
        .iter()
        .flat_map(|name| history::lines(name))
        .filter(|line| !["recording", "end", "loss"].iter().any(|kind| line.is(kind)))
        .collect();
    let mut now = "2026-10-01T00:00:00Z".parse::<Timestamp>().expect("a time");
    let first = at(&history::line("verdicts", "recording"), now).text().to_owned() + "\n";
    let (mut made, mut seq, mut round) = (0, 0, 0);
    while made < bytes {
        let path = folder.join("signal-trace.jsonl");
        let mut out = BufWriter::new(File::create(&path).expect("the folder can be written"));
        out.write_all(first.as_bytes()).expect("there is room");
        let mut size = first.len();
        while size < ROTATE && made + size < bytes {
            for line in &happened {
                seq += 1;
                let line = changed(line, now, seq, round);
                writeln!(out, "{}", line.text()).expect("there is room");
                size += line.text().len() + 1;
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

fn at(line: &Stored, now: Timestamp) -> Stored {
    line.at(format!("{now:.9}").trim_end_matches('Z')).on("n1")
}

fn changed(line: &Stored, now: Timestamp, seq: u64, round: usize) -> Stored {
    let micros = i64::try_from(seq % 1_000_000).expect("it fits");
    at(line, now + SignedDuration::from_micros(micros))
        .numbered(seq)
        .in_pod(&format!("web-{}", round % PODS))
        .replace("\"shutdown_id\":\"", &format!("\"shutdown_id\":\"{round}-"))
        .replace("\"amends\":\"", &format!("\"amends\":\"{round}-"))
}

fn rotate(path: &Path, now: Timestamp, compress: bool) {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let rotated = path.with_file_name(format!("signal-trace-{stamp}.jsonl"));
    fs::rename(path, &rotated).expect("the folder is ours");
    if compress {
        let mut zstd = Command::new(programs::system("zstd", "zstd"));
        let status = zstd.args(["-q", "-3", "--rm"]).arg(&rotated).status();
        assert!(status.expect("it can be started").success(), "zstd failed");
    }
}
