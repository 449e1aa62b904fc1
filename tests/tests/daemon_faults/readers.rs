//! Readers that hang, refuse, or talk nonsense: the other sinks go on, without loss.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};

use nix::{fcntl::OFlag, unistd::pipe2};
use signal_trace_tests::schema;

use super::*;

/// A daemon that writes to this pipe, and its reading end.
pub fn piped(config: &str) -> (Agent, fs::File) {
    let (reader, writer): (OwnedFd, OwnedFd) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let agent = Agent::start_with(config, |command| {
        command.stdout(Stdio::from(writer));
    });
    (agent, reader.into())
}

#[test]
fn a_reader_of_standard_output_that_hangs_costs_what_is_told() {
    let signals = "filter.types = [\"signal\", \"shutdown\"]\n";
    let config = format!("[sinks.stdout]\n{signals}queue.lines = 40\n{FILE}{signals}");
    let (mut agent, mut pipe) = piped(&config);
    let mut storm = Storm::new();
    // The pipe takes 64 KiB, the queue 40 lines, the sink as many again.
    storm.send(500);
    wait_until_current(&agent, LOG);
    let read = Arc::<Mutex<Vec<u8>>>::default();
    let reader = std::thread::spawn({
        let read = Arc::clone(&read);
        move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut part) {
                read.lock().expect("no panic").extend_from_slice(&part[..length]);
            }
        }
    });
    // It reads again: what comes now comes out, with a word on what did not.
    wait_until_through("the pipe", |pid| {
        let text = String::from_utf8_lossy(&read.lock().expect("no panic")).into_owned();
        text.lines().any(|line| is_end_of(&serde_json::from_str(line).unwrap_or_default(), pid))
    });
    wait_until_current(&agent, LOG);
    agent.end();
    reader.join().expect("no panic");
    let text = String::from_utf8(read.lock().expect("no panic").clone()).expect("UTF-8");
    assert!(text.ends_with('\n'), "torn");
    let lines = schema::checked(&text.lines().map(str::to_owned).collect::<Vec<_>>());
    assert_missing_is_told(&lines, &agent.lines(LOG));
    assert_eq!(lines.last().expect("lines")["type"], "end");
}

/// What a collector does with whoever connects.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Refusing,
    Hanging,
    HangingUp,
    Answering(&'static str),
}

/// A collector that is none.
struct Collector {
    port: u16,
    connections: Arc<AtomicUsize>,
    done: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Collector {
    fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let connections = Arc::<AtomicUsize>::default();
        let done = Arc::<AtomicBool>::default();
        let (count, end) = (Arc::clone(&connections), Arc::clone(&done));
        let server = (manner != Manner::Refusing).then(|| {
            listener.set_nonblocking(true).expect("a socket can be");
            std::thread::spawn(move || serve(&listener, manner, &count, &end))
        });
        Self { port, connections, done, server }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            let _ended = server.join();
        }
    }
}

fn serve(listener: &TcpListener, manner: Manner, count: &AtomicUsize, done: &AtomicBool) {
    let mut held = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let Ok((mut stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        count.fetch_add(1, Ordering::Relaxed);
        match manner {
            Manner::Answering(answer) => {
                wait_for_request(&mut stream);
                let _sent = stream.write_all(answer.as_bytes());
            }
            Manner::Hanging => held.push(stream),
            Manner::HangingUp | Manner::Refusing => {}
        }
    }
}

fn wait_for_request(stream: &mut TcpStream) {
    stream.set_nonblocking(false).expect("a socket can be");
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("it is not zero");
    let _some = stream.read(&mut [0; 4096]);
}

#[test]
fn a_collector_that_is_none_costs_the_file_nothing() {
    for protocol in ["http/protobuf", "grpc"] {
        for manner in [
            Manner::Refusing,
            Manner::Hanging,
            Manner::HangingUp,
            Manner::Answering("garbage\r\n\r\n"),
            Manner::Answering("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"),
            Manner::Answering("HTTP/1.1 200 OK\r\ncontent-length: 9999999999999\r\n\r\n\0\0\0"),
        ] {
            let collector = Collector::new(manner);
            let config = format!(
                "{FILE}[sinks.otlp]\nenabled = true\nendpoint = \"http://127.0.0.1:{}\"\n\
                 protocol = \"{protocol}\"\ntimeout = \"1s\"\nqueue.lines = 5\n",
                collector.port
            );
            let mut agent = Agent::start(&config);
            let pids = stop_many(20);
            agent.wait_for_shutdown(LOG, pids[19]);
            let took = agent.end();
            assert!(took < Duration::from_secs(2), "{manner:?}: {took:?}");
            let lines = lines_of_all(&[agent.folder.file(LOG)]);
            assert_all_once(&lines, &pids);
            assert_eq!(lines.last().expect("lines")["type"], "end");
            let told = agent.stderr();
            assert!(told.contains("otlp"), "{protocol} {manner:?}: {told}");
            let connected = collector.connections.load(Ordering::Relaxed) > 0;
            assert!(connected || manner == Manner::Refusing, "{protocol} {manner:?}");
        }
    }
}
