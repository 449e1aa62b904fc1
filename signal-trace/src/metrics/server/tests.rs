//! The server over a real socket: what it answers, and what it does not put up with.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
};

use super::{
    super::{Build, Options, Phase},
    *,
};

fn metrics() -> Metrics {
    let build = Build {
        version: "0.0.0".into(),
        kernel: "6.1.0".into(),
        abi: 1,
        start_time_seconds: 1.7e9,
    };
    Metrics::new(Options::default(), build)
}

fn start(metrics: &Metrics) -> Server {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    Server::start(listener, metrics.clone()).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// All that comes back; a connection may also be reset when not everything was read.
fn say(server: &Server, request: &[u8]) -> String {
    let mut stream = connect(server);
    let _maybe_closed = stream.write_all(request);
    rest(&mut stream)
}

fn rest(stream: &mut TcpStream) -> String {
    let mut answer = vec![];
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error} after {answer:?}"),
    }
    String::from_utf8(answer).unwrap()
}

fn get(server: &Server, path: &str) -> String {
    say(server, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
}

#[test]
fn pages_are_served() {
    let metrics = metrics();
    let server = start(&metrics);
    let answer = get(&server, "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(answer.contains("# TYPE signal_trace_events_total counter\n"), "{answer}");
    let answer = say(
        &server,
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n",
    );
    assert!(
        answer.contains(
            "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"
        )
    );
    assert!(answer.contains("# TYPE signal_trace_events counter\n"), "{answer}");
    assert!(answer.ends_with("\n# EOF\n"), "{answer}");
    let answer = get(&server, "/metrics?x=y");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[test]
fn what_is_not_there_is_refused() {
    let metrics = metrics();
    let server = start(&metrics);
    for path in ["/", "/metrics/", "/healthz2", "/../etc/passwd"] {
        let answer = get(&server, path);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(answer.ends_with("\r\n\r\nthere are /metrics, /healthz and /readyz\n"));
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "NONSENSE"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = say(&server, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 405 "), "{method}: {answer}");
        assert!(answer.contains("allow: GET, HEAD\r\n"), "{answer}");
    }
    let answer = say(&server, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "it has no body: {answer}");
}

#[test]
fn probes_follow_the_life_of_the_agent() {
    let metrics = metrics();
    let server = start(&metrics);
    assert!(get(&server, "/healthz").ends_with("\r\n\r\nok\n"));
    assert!(get(&server, "/readyz").starts_with("HTTP/1.1 503 "));
    metrics.set_phase(Phase::Ready);
    let answer = get(&server, "/readyz");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    metrics.set_phase(Phase::Draining);
    let answer = get(&server, "/readyz");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("draining: the agent was told to end\n"), "{answer}");
    // A loop that hangs, without waiting for it.
    metrics.0.status.beat(signal_trace_core::time::BootNs(0));
    let answer = get(&server, "/healthz");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("the capture loop has made no progress for "), "{answer}");
}

#[test]
fn garbage_is_refused_and_does_no_harm() {
    let metrics = metrics();
    let server = start(&metrics);
    let long = [b"GET /metrics HTTP/1.1\r\nx: ".as_slice(), &[b'a'; 100_000]].concat();
    for garbage in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"GET\r\n\r\n",
        b"\r\n\r\n\r\n\r\nGET /metrics\0 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        &[0xff; 70_000],
        &long,
    ] {
        let answer = say(&server, garbage);
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{:?}: {answer}", String::from_utf8_lossy(&garbage[..11]));
    }
    assert!(get(&server, "/healthz").starts_with("HTTP/1.1 200 "));
}

#[test]
fn connections_do_not_stay() {
    let metrics = metrics();
    let server = start(&metrics);
    let mut answered = connect(&server);
    answered.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // Ends though the client did not close its end.
    assert!(rest(&mut answered).contains("connection: close\r\n"));
    let mut silent = connect(&server);
    let mut slow = connect(&server);
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHos").unwrap();
    for stream in [&mut silent, &mut slow] {
        // Within the 30 s that reading may take; nothing came, or `408 Request Timeout`.
        let answer = rest(stream);
        assert!(!answer.contains(" 200 "), "{answer}");
    }
}

#[test]
fn who_only_holds_connections_keeps_no_one_out() {
    let metrics = metrics();
    let server = start(&metrics);
    let mut idle: Vec<_> = (0..MOST_CONNECTIONS * 2)
        .map(|_| {
            let mut stream = connect(&server);
            stream.write_all(b"GET /").unwrap();
            stream
        })
        .collect();
    assert!(get(&server, "/healthz").starts_with("HTTP/1.1 200 "));
    // The oldest had to go.
    assert_eq!(rest(&mut idle[0]), "");
}

#[test]
fn pages_that_nobody_reads_are_few() {
    let metrics = metrics();
    let answers = Answers::new(metrics);
    let request = hyper::Request::get("/metrics").body(()).unwrap();
    let mut unread: Vec<_> = (0..4).map(|_| answers.to(&request)).collect();
    assert_eq!(answers.to(&request).status(), 503);
    unread.pop();
    assert_eq!(answers.to(&request).status(), 200);
}

#[test]
fn a_closed_server_makes_room_for_another() {
    let metrics = metrics();
    let server = start(&metrics);
    let address = server.address();
    let mut held = connect(&server);
    assert!(server.listens_on(address.ip(), address.port()));
    server.close();
    assert_eq!(rest(&mut held), "");
    let again = Server::start(bind(address).unwrap(), metrics).unwrap();
    assert!(get(&again, "/healthz").starts_with("HTTP/1.1 200 "));
}

#[test]
fn nobody_listens_everywhere() {
    for address in ["0.0.0.0:9464", "[::]:9464", "[::ffff:0.0.0.0]:9464"] {
        let error = bind(address.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:9464"), "{error}");
        assert!(error.contains("SIGNAL_TRACE__METRICS__LISTEN=$(POD_IP):9464"), "{error}");
    }
    let first = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = first.local_addr().unwrap();
    let error = bind(address).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {address} (metrics.listen)")), "{error}");
}
