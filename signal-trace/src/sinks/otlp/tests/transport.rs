//! How a batch is carried, to receivers of every kind, by HTTP and by gRPC.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        Otlp,
        target::{
            Protocol,
            Signal::{self, Logs, Traces},
            Target,
        },
    },
    batch,
    receiver::{Receiver, Reply},
};
use crate::{
    daemon::config::{self, Span},
    outlet::{Deliver as _, Entry, Failure},
};

const BOTH: [Protocol; 2] = [Protocol::Http, Protocol::Grpc];

/// A sink that sends to `endpoint`.
fn sink(endpoint: &str, protocol: Protocol) -> Otlp {
    let config = config::Otlp {
        endpoint: endpoint.to_owned(),
        protocol,
        headers: [("x-scope-orgid".to_owned(), "shop".to_owned())].into(),
        timeout: Span(Duration::from_millis(500)),
        ..config::Otlp::default()
    };
    Otlp::new(Target::of(&config).unwrap(), true)
}

async fn start(protocol: Protocol, script: &[Reply]) -> (Receiver, Otlp, Vec<Arc<Entry>>) {
    let receiver = Receiver::start(protocol, script).await;
    let sink = sink(&receiver.endpoint(), protocol);
    (receiver, sink, batch())
}

/// Which signals came, in order.
fn came(receiver: &Receiver) -> Vec<Signal> {
    receiver.got().iter().map(|got| got.signal).collect()
}

fn retry(result: Result<(), Failure>) -> String {
    match result {
        Err(Failure::Retry(why)) => why,
        other => panic!("not to be tried again: {other:?}"),
    }
}

fn reject(result: Result<(), Failure>) -> String {
    match result {
        Err(Failure::Reject(why)) => why,
        other => panic!("not refused for good: {other:?}"),
    }
}

/// An answer of this kind of `HTTP`, or the status of gRPC that means the same.
fn refusal(protocol: Protocol, http: u16, grpc: u16) -> Reply {
    match protocol {
        Protocol::Http => Reply::Http(http, &[]),
        Protocol::Grpc => Reply::Grpc(grpc),
    }
}

#[tokio::test]
async fn everything_arrives_on_one_connection() {
    for protocol in BOTH {
        let (receiver, mut sink, batch) = start(protocol, &[]).await;
        sink.deliver(&batch).await.unwrap();
        sink.deliver(&batch).await.unwrap();
        assert_eq!(receiver.connections(), 1, "{protocol:?}");
        let got = receiver.got();
        let [traces, logs, traces_again, logs_again] = &got[..] else { panic!("{got:?}") };
        assert_eq!(traces.headers["x-scope-orgid"], "shop");
        assert!(traces.headers["user-agent"].to_str().unwrap().starts_with("signal-trace/"));
        assert_eq!(traces.spans.len(), 7, "{:?}", traces.spans);
        assert_eq!(logs.logs.len(), 6, "{:?}", logs.logs);
        assert_eq!(traces.spans, traces_again.spans, "the same ids");
        assert_eq!(logs.logs, logs_again.logs);
    }
}

#[tokio::test]
async fn nothing_is_sent_for_lines_without_a_place_in_otlp() {
    let mut sink = sink("http://127.0.0.1:1", Protocol::Http);
    sink.deliver(&batch()[..3]).await.unwrap();
    sink.deliver(&[]).await.unwrap();
}

#[tokio::test]
async fn what_went_through_is_not_sent_again() {
    for protocol in BOTH {
        let busy = refusal(protocol, 503, 14);
        let script = [busy.clone(), Reply::Good, busy];
        let (receiver, mut sink, batch) = start(protocol, &script).await;
        let why = retry(sink.deliver(&batch).await);
        assert!(why.starts_with(&receiver.endpoint()), "{why}");
        retry(sink.deliver(&batch).await);
        sink.deliver(&batch).await.unwrap();
        assert_eq!(came(&receiver), [Traces, Traces, Logs, Logs], "{protocol:?}");
        assert_eq!(receiver.connections(), 1);
        // The same lines once more are another delivery.
        sink.deliver(&batch).await.unwrap();
        assert_eq!(came(&receiver).len(), 6);
    }
}

#[tokio::test]
async fn another_batch_does_not_inherit_what_is_left_of_one_that_was_given_up() {
    for protocol in BOTH {
        let script = [Reply::Good, refusal(protocol, 503, 14)];
        let (receiver, mut sink, batch) = start(protocol, &script).await;
        retry(sink.deliver(&batch).await);
        // It has the same length, so only identity can tell.
        sink.deliver(&self::batch()).await.unwrap();
        assert_eq!(came(&receiver), [Traces, Logs, Traces, Logs]);
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_said_and_the_rest_sent_all_the_same() {
    for protocol in BOTH {
        let script = [refusal(protocol, 404, 12), refusal(protocol, 503, 14)];
        let (receiver, mut sink, batch) = start(protocol, &script).await;
        retry(sink.deliver(&batch).await);
        let why = reject(sink.deliver(&batch).await);
        assert!(why.contains("say so in `signals`"), "{why}");
        assert_eq!(came(&receiver), [Traces, Logs, Logs]);
        // And then all is as before.
        sink.deliver(&batch).await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_receiver_has_its_time_and_no_more() {
    for protocol in BOTH {
        let script = [Reply::Slow(Duration::from_millis(50)), Reply::Never];
        let (receiver, mut sink, batch) = start(protocol, &script).await;
        let why = retry(sink.deliver(&batch).await);
        assert!(why.ends_with("no whole answer within 0.5 s"), "{why}");
        sink.deliver(&batch).await.unwrap();
        assert_eq!(receiver.connections(), 2, "a connection that hangs is not used again");
    }
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let script = [Reply::Http(429, &[("retry-after", "1")])];
    let (_receiver, mut sink, batch) = start(Protocol::Http, &script).await;
    retry(sink.deliver(&batch).await);
    #[expect(clippy::disallowed_methods, reason = "the test measures")]
    let before = Instant::now();
    sink.deliver(&batch).await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(900), "{:?}", before.elapsed());
}

#[tokio::test]
async fn answers_that_break_off_or_never_end_are_tried_again() {
    for protocol in BOTH {
        for (reply, words) in [(Reply::Broken, "ends early"), (Reply::Endless, "")] {
            let (_receiver, mut sink, batch) = start(protocol, std::slice::from_ref(&reply)).await;
            let why = retry(sink.deliver(&batch).await);
            assert!(why.contains(words), "{protocol:?} {reply:?}: {why}");
            if matches!(reply, Reply::Endless) {
                let bounded =
                    why.contains("longer than 1 MiB") || why.contains("more than 4194304");
                assert!(bounded, "{why}");
            }
            sink.deliver(&batch).await.unwrap();
        }
    }
}

#[tokio::test]
async fn garbage_is_tried_again() {
    let long: &'static [u8] = vec![b'x'; 1 << 20].leak();
    for protocol in BOTH {
        for garbage in [&b""[..], b"SSH-2.0-OpenSSH_9.2\r\n", &[0xff; 9000], long] {
            let (receiver, mut sink, batch) = start(protocol, &[]).await;
            receiver.say_first(garbage);
            retry(sink.deliver(&batch).await);
            sink.deliver(&batch).await.unwrap();
        }
    }
}

#[tokio::test]
async fn remarks_on_what_was_accepted_are_no_failure() {
    for protocol in BOTH {
        for remark in [Reply::Partial(2), Reply::Foreign] {
            let (receiver, mut sink, batch) = start(protocol, &[remark]).await;
            sink.deliver(&batch).await.unwrap();
            assert!(sink.remarked);
            assert_eq!(came(&receiver), [Traces, Logs]);
            sink.reopen();
            sink.deliver(&batch).await.unwrap();
            assert!(!sink.remarked);
            assert_eq!(receiver.connections(), 2, "reopened");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    for protocol in BOTH {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut sink = sink(&format!("http://127.0.0.1:{port}"), protocol);
        let why = retry(sink.deliver(&batch()).await);
        assert!(why.contains("refused"), "{why}");
    }
}

/// A redirection, a page of a login, a proxy without the upstream.
#[tokio::test]
async fn answers_of_others_than_collectors_are_sorted() {
    let moved = Reply::Http(302, &[("location", "https://elsewhere/")]);
    let (_receiver, mut sink, batch) = start(Protocol::Http, &[moved]).await;
    let why = reject(sink.deliver(&batch).await);
    assert!(why.contains("redirections are not followed"), "{why}");
    let (_receiver, mut sink, batch) = start(Protocol::Grpc, &[Reply::Http(502, &[])]).await;
    retry(sink.deliver(&batch).await);
    let (_receiver, mut sink, batch) = start(Protocol::Grpc, &[Reply::Http(401, &[])]).await;
    let why = reject(sink.deliver(&batch).await);
    assert!(why.contains("see `headers`"), "{why}");
}
