//! `watch`: the feed of a daemon, which a small listener stands for here.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use signal_trace_tests::{
    clock::Deadline,
    folder::Folder,
    history::{Stored, file, line},
    programs,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon's socket, and a client of it.
struct Watch {
    client: Child,
    output: BufReader<ChildStdout>,
    /// The daemon's end.
    feed: UnixStream,
    _folder: Folder,
}

/// How the client ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Watch {
    fn start(options: &[&str]) -> Self {
        let folder = Folder::new();
        let socket = folder.file("watch.sock");
        let listener = UnixListener::bind(&socket).expect("the folder is ours");
        let mut client = client(&socket, options);
        listener.set_nonblocking(true).expect("a socket");
        let mut feed = None;
        Deadline::after(PATIENCE).until("the client to connect", || {
            feed = listener.accept().ok();
            feed.is_some()
        });
        let (feed, _) = feed.expect("waited for");
        feed.set_nonblocking(false).expect("a socket");
        let output = BufReader::new(client.stdout.take().expect("piped"));
        Self { client, output, feed, _folder: folder }
    }

    fn send(&mut self, text: &str) {
        self.feed.write_all(text.as_bytes()).expect("the client reads");
    }

    /// The next line that it shows.
    fn shown(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a pipe can be read");
        line
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.client.id().try_into().expect("a pid"));
        kill(pid, signal).expect("it is not reaped yet");
    }

    /// Waits for the end; `hang_up`: the daemon goes away.
    fn end(mut self, hang_up: bool) -> Ended {
        if hang_up {
            self.feed.shutdown(std::net::Shutdown::Both).expect("a socket");
        }
        let mut out = String::new();
        self.output.read_to_string(&mut out).expect("a pipe can be read");
        Ended { out, ..finish(&mut self.client) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !matches!(self.client.try_wait(), Ok(Some(_))) {
            let _gone = self.client.kill();
            let _reaped = self.client.wait();
        }
    }
}

fn client(socket: &Path, options: &[&str]) -> Child {
    Command::new(programs::signal_trace())
        .args(["watch", "--socket"])
        .arg(socket)
        .args(options)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("signal-trace can be started")
}

fn finish(client: &mut Child) -> Ended {
    let mut status = None;
    Deadline::after(PATIENCE).until("the client to end", || {
        status = client.try_wait().expect("it is our child");
        status.is_some()
    });
    let text = |from: Option<&mut dyn std::io::Read>| {
        let mut text = String::new();
        if let Some(from) = from {
            let _ended = from.read_to_string(&mut text);
        }
        text
    };
    let err = text(client.stderr.as_mut().map(|err| err as _));
    let out = text(client.stdout.as_mut().map(|out| out as _));
    assert!(!err.contains("panicked"), "{err}");
    Ended { code: status.expect("waited for").code(), out, err }
}

fn recording() -> Stored {
    line("verdicts", "recording").at("2026-11-24T00:00:00")
}

fn oom(pod: &str) -> Stored {
    line("docker-oom", "shutdown").at("2026-11-24T00:00:05").in_pod(pod)
}

#[test]
fn what_comes_is_shown_as_it_comes() {
    let mut watch = Watch::start(&[]);
    watch.send(&file(&[recording()]));
    let head = watch.shown();
    assert!(head.starts_with("signal-trace 0.1.0: node since 2026-11-24T00:00:00"), "{head}");
    watch.send(&file(&[oom("web-0")]));
    let first = watch.shown();
    assert!(
        first.starts_with("   +5.000000s  OOM-KILLED  container app of pod shop/web-0"),
        "{first}"
    );
    // A line that comes in pieces, and Ctrl-C in the midst of one.
    let text = file(&[oom("web-1")]);
    watch.send(&text[..100]);
    watch.send(&text[100..]);
    watch.send("{\"schema\":");
    let mut next = watch.shown();
    while !next.contains("OOM-KILLED") {
        next = watch.shown();
    }
    assert!(next.contains("shop/web-1"), "{next}");
    watch.signal(Signal::SIGINT);
    let ended = watch.end(false);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn json_is_what_was_sent_and_filters_hold() {
    let options = ["--format", "jsonl", "--pod", "web-1", "--finding", "oom-kill"];
    let mut watch = Watch::start(&options);
    let loss = line("lossy", "loss").replace("signal_deliver", "sink");
    let later = oom("web-1").replace("\"type\":\"shutdown\"", "\"type\":\"later\"");
    let wanted = oom("web-1").replace("\"stop\":null", "\"stop\":null,\"a_later_field\":1");
    let clean = line("docker-clean", "shutdown").in_pod("web-1");
    let sent = [recording(), oom("web-0"), later, clean, wanted.clone(), loss.clone()];
    watch.send(&file(&sent));
    let expected = file(&[recording(), wanted, loss]);
    let shown: String = (0..3).map(|_| watch.shown()).collect();
    assert_eq!(shown, expected);
    watch.signal(Signal::SIGTERM);
    assert_eq!(watch.end(false).code, Some(0));
}

#[test]
fn a_daemon_that_goes_away_is_told_of() {
    let mut watch = Watch::start(&[]);
    watch.send(&file(&[recording(), oom("web-0")]));
    let ended = watch.end(true);
    assert_eq!(ended.code, Some(2));
    assert!(ended.out.contains("OOM-KILLED"), "what came is shown: {}", ended.out);
    assert!(ended.err.contains("went away without ending in order"), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);

    let mut watch = Watch::start(&[]);
    watch.send(&file(&[recording(), line("verdicts", "end").at("2026-11-24T00:01:00")]));
    let ended = watch.end(true);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("the daemon has ended"), "{}", ended.err);
}

#[test]
fn a_daemon_that_has_no_place_left_has_not_gone_away() {
    let ended = Watch::start(&[]).end(true);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("it serves 32 at a time"), "{}", ended.err);
}

#[test]
fn who_is_no_daemon_is_told_apart() {
    for text in ["HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(), file(&[oom("web-0")])] {
        let mut watch = Watch::start(&[]);
        watch.send(&text);
        let ended = watch.end(false);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
        assert!(ended.err.contains("no daemon of this version"), "{}", ended.err);
    }
    let mut watch = Watch::start(&[]);
    watch.send(&file(&[recording()]).replace("signal-trace/v1", "signal-trace/v2"));
    let ended = watch.end(false);
    assert!(ended.err.contains("is of signal-trace/v2"), "{}", ended.err);
}

#[test]
fn without_a_daemon_it_says_what_to_look_at() {
    let folder = Folder::new();
    let mut missing = client(&folder.file("watch.sock"), &[]);
    let ended = finish(&mut missing);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    for words in ["watch.sock", "is the daemon running", "sinks.socket.enabled"] {
        assert!(ended.err.contains(words), "{}", ended.err);
    }
    // Left behind by one that was killed.
    let left = folder.file("left.sock");
    drop(UnixListener::bind(&left).expect("the folder is ours"));
    let ended = finish(&mut client(&left, &[]));
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("nobody listens"), "{}", ended.err);
}

#[test]
fn who_may_not_connect_is_told_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let program = folder.file("signal-trace");
    std::fs::copy(programs::signal_trace(), &program).expect("the folder is ours");
    let socket = folder.file("watch.sock");
    let _listener = UnixListener::bind(&socket).expect("the folder is ours");
    for (path, mode) in [(folder.path(), 0o755), (&program, 0o755), (&socket, 0o600)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
    }
    let mut command = Command::new(programs::system("setpriv", "util-linux"));
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    command.arg(&program).args(["watch", "--socket"]).arg(&socket).current_dir("/");
    let output = command.output().expect("setpriv can be started");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("not allowed to connect") && text.contains("root"), "{text}");
}

#[test]
fn a_reader_that_does_not_read_does_not_keep_it() {
    let mut watch = Watch::start(&["--format", "jsonl"]);
    // More than a pipe holds, and less than the pipe and the sockets hold together.
    let lines = vec![oom("web-0"); 40];
    watch.send(&file(&[recording()]));
    watch.send(&file(&lines));
    std::thread::sleep(Duration::from_millis(200));
    watch.signal(Signal::SIGINT);
    let ended = finish(&mut watch.client);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let mut watch = Watch::start(&[]);
    watch.send(&file(&[recording()]));
    watch.shown();
    let Watch { client, output, feed, .. } = &mut watch;
    drop(std::mem::replace(output, BufReader::new(other_output())));
    // The first one may still go into the buffer of the pipe.
    while feed.write_all(file(&[oom("web-0")]).as_bytes()).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = finish(client);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

/// The output of something else, that has ended.
fn other_output() -> ChildStdout {
    let mut other = Command::new("true").stdout(Stdio::piped()).spawn().expect("coreutils");
    other.wait().expect("it is our child");
    other.stdout.take().expect("piped")
}
