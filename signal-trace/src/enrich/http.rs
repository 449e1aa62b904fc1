//! One GET over a Unix socket: bounded in time and size, whatever answers there.

use std::{io, path::Path, time::Duration};

use http_body_util::Empty;
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{ACCEPT, HOST},
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::{net::UnixStream, pin, time::timeout};

use super::Failure;
use crate::net::{self, BodyError, words};

/// From the connection to the end of the body; for all the calls of one question, where it is more
/// than one.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);
/// The description of a container is some 10 KiB.
const MOST_BODY: usize = 4 << 20;
/// Of the header.
const MOST_HEADER: usize = 64 << 10;

/// Status and body.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Bytes,
}

/// Asks for `path`, on a connection of its own: what is kept open can go stale.
pub(super) async fn get(socket: &Path, path: &str) -> Result<Answer, Failure> {
    match timeout(DEADLINE, exchange(socket, path)).await {
        Ok(result) => result,
        Err(_elapsed) => {
            Err(Failure::Broken(format!("no whole answer within {} s", DEADLINE.as_secs())))
        }
    }
}

/// Reads JSON. What does not fit is not repeated in the message: it may be long, and anything.
pub(super) fn json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = if error.is_data() { "JSON of another shape" } else { "no JSON" };
        Failure::Broken(format!("what it says is {what} (line {line}, column {column})"))
    })
}

async fn exchange(socket: &Path, path: &str) -> Result<Answer, Failure> {
    let stream = UnixStream::connect(socket).await.map_err(|error| not_connected(&error))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEADER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let request = Request::get(path)
        // HTTP/1.1 demands one; there is no name to give.
        .header(HOST, "localhost")
        .header(ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::Broken(error.to_string()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: body(response.into_body()).await? })
    };
    pin!(answer, connection);
    let mut open = true;
    loop {
        // Both in one task: when this future is dropped, nothing of it lives on.
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            // What it ended with, the answer says as well.
            _ended = &mut connection, if open => open = false,
        }
    }
}

async fn body(body: Incoming) -> Result<Bytes, Failure> {
    match net::collect(body, MOST_BODY).await {
        Ok((body, _trailers)) => Ok(body),
        Err(BodyError::TooLong) => {
            Err(Failure::Broken(format!("its answer is longer than {} MiB", MOST_BODY >> 20)))
        }
        Err(BodyError::Broken(why)) => Err(Failure::Broken(why)),
    }
}

fn broken(error: &hyper::Error) -> Failure {
    Failure::Broken(words(error))
}

fn not_connected(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Failure::Absent,
        io::ErrorKind::ConnectionRefused => {
            Failure::Broken("nobody listens there (connection refused)".to_owned())
        }
        // What connect(2) says of a listener that takes nobody in.
        io::ErrorKind::WouldBlock => Failure::Broken("it takes no more connections".to_owned()),
        _ => Failure::Broken(error.to_string()),
    }
}
