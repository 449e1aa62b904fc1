//! Tests of the gRPC client against servers that do not behave.

use std::path::PathBuf;

use tokio::{io::AsyncWriteExt as _, time::timeout};

use super::{
    fake::{Fake, Reply, folder},
    *,
};
use crate::enrich::cri::messages::{ContainerMetadata, ImageSpec};

const DEADLINE: Duration = Duration::from_secs(2);

fn channel(socket: PathBuf) -> Channel {
    Channel::new(Peer::Unix(socket), DEADLINE)
}

async fn call(fake: &Fake) -> Result<ContainerMetadata, CallError> {
    channel(fake.socket()).call("/a.B/C", &ImageSpec::default()).await
}

/// What is shown of the failure.
async fn failure(reply: Reply) -> String {
    let fake = Fake::start(move |_, _| reply.clone());
    call(&fake).await.expect_err("no answer").to_string()
}

fn named(name: &str) -> ContainerMetadata {
    ContainerMetadata { name: name.into() }
}

#[tokio::test]
async fn an_answer_is_read_and_the_connection_kept() {
    let fake = Fake::start(|method, message| {
        assert_eq!(method, "/a.B/C");
        let question = ImageSpec::decode(message).unwrap();
        Reply::message(&named(&question.image.repeat(2)))
    });
    let mut channel = channel(fake.socket());
    assert!(!channel.is_connected());
    for word in ["a", &"long".repeat(100_000)] {
        let question = ImageSpec { image: word.into(), ..ImageSpec::default() };
        let answer: ContainerMetadata = channel.call("/a.B/C", &question).await.unwrap();
        assert_eq!(answer, named(&word.repeat(2)));
        assert!(channel.is_connected());
    }
}

#[tokio::test]
async fn a_refusal_tells_its_code_and_the_words_of_the_server() {
    let hostile = b"no \x1b[31msuch\xff thing";
    for reply in [Reply::HeadersOnly(5, b"gone"), Reply::Body(Vec::new(), 5, b"gone")] {
        let fake = Fake::start(move |_, _| reply.clone());
        let Err(CallError::Status(status)) = call(&fake).await else { panic!("no refusal") };
        assert_eq!((status.code, &*status.message), (Status::NOT_FOUND, &b"gone"[..]));
    }
    let long: &'static [u8] = vec![b'x'; 5000].leak();
    let shown = failure(Reply::HeadersOnly(13, long)).await;
    assert!(shown.len() < 400, "{shown}");
    // A header of HTTP holds no escape character; one made by hand does.
    let shown = CallError::Status(Status { code: 2, message: hostile.to_vec(), details: None });
    assert_eq!(shown.to_string(), "it answers with the gRPC status 2: no \\x1b[31msuch\\xff thing");
}

#[tokio::test]
async fn what_is_no_grpc_is_called_so() {
    let good = frame(&named("x").encode_to_vec()).to_vec();
    let twice = good.repeat(2);
    let compressed = [&[1], &good[1..]].concat();
    let short = good[..good.len() - 1].to_vec();
    let unreadable = frame(b"\xff\xff\xff").to_vec();
    let no_text = frame(b"\x0a\x01\xff").to_vec();
    for (reply, words) in [
        (Reply::Http(404), "HTTP status 404"),
        (Reply::Http(200), "without gRPC status"),
        (Reply::Body(Vec::new(), 0, b""), "without message"),
        (Reply::Body(vec![0; 4], 0, b""), "without message"),
        (Reply::Body(short, 0, b""), "not one plain gRPC message"),
        (Reply::Body(twice, 0, b""), "not one plain gRPC message"),
        (Reply::Body(compressed, 0, b""), "not one plain gRPC message"),
        (Reply::Body(b"\0\xff\xff\xff\xffx".to_vec(), 0, b""), "not one plain gRPC message"),
        (Reply::Body(unreadable, 0, b""), "cannot be read"),
        (Reply::Body(no_text, 0, b""), "cannot be read"),
        (Reply::Body(vec![0; MAX_ANSWER + 1], 0, b""), "more than 4194304 bytes"),
    ] {
        let shown = failure(reply).await;
        assert!(shown.contains(words), "{shown} / {words}");
    }
}

#[tokio::test]
async fn nobody_there_is_absent_and_garbage_is_broken() {
    let folder = folder();
    let socket = folder.join("socket");
    let ask = async || {
        let mut channel = channel(socket.clone());
        channel.call::<ContainerMetadata>("/a.B/C", &ImageSpec::default()).await
    };
    assert!(matches!(ask().await, Err(CallError::Absent)));
    // One that was left behind.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(matches!(ask().await, Err(CallError::Absent)));
    std::fs::remove_file(&socket).unwrap();
    std::fs::write(&socket, "").unwrap();
    assert!(matches!(ask().await, Err(CallError::Absent)));
    std::fs::remove_dir_all(&folder).unwrap();

    for garbage in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", &[0xff; 9000], &[0; 9]] {
        let fake = Fake::accept(async move |mut stream| {
            let _closed = stream.write_all(garbage).await;
        });
        let answer = timeout(DEADLINE * 5, call(&fake)).await.expect("an end");
        assert!(matches!(answer, Err(CallError::Broken(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_the_connection_with_it() {
    let fake = Fake::start(|method, _| match method {
        "/a.B/C" => Reply::Never,
        _ => Reply::message(&named("x")),
    });
    let mut channel = channel(fake.socket());
    let question = ImageSpec::default();
    channel.call::<ContainerMetadata>("/a.B/D", &question).await.unwrap();
    let hanging = channel.call::<ContainerMetadata>("/a.B/C", &question);
    timeout(Duration::from_millis(50), hanging).await.expect_err("no answer");
    assert!(!channel.is_connected());
    channel.call::<ContainerMetadata>("/a.B/D", &question).await.unwrap();
}
