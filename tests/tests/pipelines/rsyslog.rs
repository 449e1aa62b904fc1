//! A real rsyslog with `deploy/pipelines/rsyslog.conf`.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use signal_trace_tests::{clock::Deadline, daemon::Daemon, folder::Folder, programs, tools};

use crate::sample;

/// Longer than a buffer of any program on the way.
const LONG: usize = 200_000;

#[test]
fn every_line_arrives_parsed() {
    let folder = Folder::new();
    let server = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback is free");
    let port = server.local_addr().expect("it is bound").port();
    configure(&folder, port);
    let mut lines = sample::lines();
    // A shutdown of very many processes.
    let mut long = lines.iter().find(|line| line["type"] == "shutdown").expect("one").clone();
    long["processes"] = vec![long["processes"][0].clone(); LONG / 400].into();
    assert!(long.to_string().len() > LONG);
    lines.push(long);
    let received = receive(server);
    let rsyslog = start(&folder);
    let (first, second) = lines.split_at(lines.len() / 2);
    let file = folder.file("signal-trace.jsonl");
    append(&file, &sample::text(first));
    wait_for(&received, first.len(), &rsyslog);
    // The daemon rotates; then it crashes within a line, and starts again.
    fs::rename(&file, folder.file("signal-trace.jsonl.1")).expect("the folder is ours");
    append(&file, "{\"schema\":\"signal-trace/v1\",\"ty\n");
    append(&file, &sample::text(second));
    wait_for(&received, lines.len(), &rsyslog);

    let frames = received.lock().expect("no reader panicked").clone();
    let parsed: Vec<_> = frames.iter().map(|frame| parse(frame)).collect();
    for (sent, (header, arrived)) in lines.iter().zip(&parsed) {
        assert_eq!(arrived, sent, "what arrived is not what was sent");
        let text = |key: &str| sent[key].as_str().expect("a text");
        assert_eq!(
            header,
            &["<134>1", text("time"), text("node"), "signal-trace", "-", text("type"), "-"]
        );
    }
    assert_eq!(parsed.len(), lines.len(), "{}", rsyslog.log());
    let forced = fs::read_to_string(folder.file("forced.log")).expect("rsyslog wrote it");
    assert_eq!(verdicts_of(&forced), verdicts(&lines));
}

/// Starts it, configured.
pub fn start(folder: &Folder) -> Daemon {
    Daemon::start(
        "rsyslogd",
        Command::new(programs::system("rsyslogd", "rsyslog"))
            .args(["-n", "-f"])
            .arg(folder.file("main.conf"))
            .arg("-i")
            .arg(folder.file("rsyslog.pid")),
        folder,
    )
}

/// The snippet with our paths, and what a distribution gives around it.
pub fn configure(folder: &Folder, port: u16) {
    let path = tools::repository().join("deploy/pipelines/rsyslog.conf");
    let mut snippet = fs::read_to_string(&path).expect("it is there");
    let log = folder.file("signal-trace.jsonl").display().to_string();
    let forced = folder.file("forced.log").display().to_string();
    for (theirs, ours) in [
        ("/var/log/signal-trace/signal-trace.jsonl", log.as_str()),
        ("/var/log/signal-trace-forced.log", &forced),
        ("target=\"logs.example\"", "target=\"127.0.0.1\""),
        ("port=\"601\"", &format!("port=\"{port}\"")),
    ] {
        assert!(snippet.contains(theirs), "{} has no `{theirs}`", path.display());
        snippet = snippet.replace(theirs, ours);
    }
    let main = format!(
        "global(workDirectory=\"{}\")\ninclude(file=\"{}\")\n",
        folder.path().display(),
        folder.file("snippet.conf").display()
    );
    fs::write(folder.file("snippet.conf"), snippet).expect("the folder is ours");
    fs::write(folder.file("main.conf"), main).expect("the folder is ours");
}

fn append(path: &Path, text: &str) {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.expect("the folder is ours").write_all(text.as_bytes()).expect("there is room");
}

/// Frames of a syslog stream: each with its length before it (RFC 6587).
pub fn receive(server: TcpListener) -> Arc<Mutex<Vec<String>>> {
    let received = Arc::new(Mutex::new(Vec::new()));
    let frames = Arc::clone(&received);
    // Ends with the connection: with rsyslog.
    std::thread::spawn(move || {
        let (mut stream, _) = server.accept().expect("rsyslog connects");
        let (mut buffer, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
        while let Ok(count @ 1..) = stream.read(&mut chunk) {
            buffer.extend_from_slice(&chunk[..count]);
            while let Some((frame, rest)) = split(&buffer) {
                frames.lock().expect("no reader panicked").push(frame);
                buffer = rest;
            }
        }
    });
    received
}

fn split(buffer: &[u8]) -> Option<(String, Vec<u8>)> {
    let space = buffer.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&buffer[..space]).ok()?.parse().expect("a length");
    let frame = buffer.get(space + 1..space + 1 + length)?;
    let text = String::from_utf8(frame.to_vec()).expect("UTF-8");
    Some((text, buffer[space + 1 + length..].to_vec()))
}

fn wait_for(received: &Mutex<Vec<String>>, count: usize, rsyslog: &Daemon) {
    let arrived = || received.lock().expect("no reader panicked").len();
    Deadline::after(Duration::from_secs(30)).until_or_not(|| arrived() >= count);
    assert!(arrived() >= count, "{} of {count} lines: {}", arrived(), rsyslog.log());
}

/// The header's parts, and the JSON behind them.
pub fn parse(frame: &str) -> (Vec<&str>, Value) {
    let (header, json) = frame.split_once(" {").expect("a message of JSON");
    let json = serde_json::from_str(&format!("{{{json}")).expect("it is JSON");
    (header.split(' ').collect(), json)
}

/// How often each verdict is in the file for people.
fn verdicts_of(text: &str) -> BTreeMap<String, usize> {
    count(text.lines().filter_map(|line| line.split(' ').nth(2)))
}

/// How often each that is not good was sent.
fn verdicts(lines: &[Value]) -> BTreeMap<String, usize> {
    let shutdowns = lines.iter().filter(|line| line["type"] == "shutdown");
    let verdicts = shutdowns.filter_map(|line| line["verdict"].as_str());
    count(verdicts.filter(|verdict| !["graceful", "default-action"].contains(verdict)))
}

fn count<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}
