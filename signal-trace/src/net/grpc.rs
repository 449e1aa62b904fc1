//! Unary gRPC calls, over a Unix socket or in clear over TCP.

use std::{fmt, io, time::Duration};

use http_body_util::Full;
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http2::{self, SendRequest},
    rt::{Read, Write},
};
use hyper_util::rt::TokioExecutor;
use prost::Message;
use signal_trace_core::escape::escaped;
use tokio::task::JoinSet;

use super::{BodyError, Peer, collect};

/// Bytes of an answer, at most.
const MAX_ANSWER: usize = 4 << 20;

/// Bytes of the headers of an answer, at most.
const MAX_HEADERS: u32 = 16 << 10;

/// Bytes of a message that are shown, at most.
const MAX_SHOWN: usize = 256;

/// What `grpc-timeout` can say, at most: eight digits.
const MAX_TIMEOUT_MS: u128 = 99_999_999;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server said no.
    #[error("it answers with the gRPC status {0}")]
    Status(Status),
    /// Somebody answered with this status of HTTP, and with no word of gRPC.
    #[error("HTTP status {0}")]
    Http(u16),
    /// Nobody listens there.
    #[error("there is none")]
    Absent,
    /// There is something that does not speak gRPC, or breaks off.
    #[error("{0}")]
    Broken(String),
}

/// What a server says when it says no (`grpc-status`, `grpc-message`).
#[derive(Debug)]
pub struct Status {
    /// One of the codes of gRPC.
    pub code: u32,
    /// In the server's words: any bytes.
    pub message: Vec<u8>,
    /// `grpc-status-details-bin`: a `google.rpc.Status` in Base64, if it sends one.
    pub details: Option<Vec<u8>>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, message, details: _ } = self;
        let shown = message.get(..MAX_SHOWN).unwrap_or(message);
        write!(f, "{code}: {}", escaped(shown))
    }
}

impl Status {
    /// What was asked for is not there.
    pub const NOT_FOUND: u32 = 5;
    /// The server does not know this method, or the whole service.
    pub const UNIMPLEMENTED: u32 = 12;
}

fn broken(text: impl Into<String>) -> CallError {
    CallError::Broken(text.into())
}

/// A server, connected to when it is asked something.
#[derive(Debug)]
pub struct Channel {
    peer: Peer,
    /// What the server is told of the caller's patience.
    deadline: Duration,
    headers: HeaderMap,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// What moves the bytes; ends with this.
    _task: JoinSet<()>,
}

impl Channel {
    /// The server that listens there. Its caller gives up after `deadline`, and says so.
    pub fn new(peer: Peer, deadline: Duration) -> Self {
        Self { peer, deadline, headers: HeaderMap::new(), connection: None }
    }

    /// Sends these with each call.
    #[must_use]
    pub fn with_headers(self, headers: HeaderMap) -> Self {
        Self { headers, ..self }
    }

    /// Whether the next call goes to the server that the last one went to.
    pub fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.sender.is_closed())
    }

    /// Ends the connection; the next call makes a new one.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Calls `method` (`/package.Service/Method`). Has no deadline of its own: a caller who gives
    /// up just drops this, and the connection goes with it.
    pub async fn call<A: Message + Default>(
        &mut self,
        method: &str,
        question: &impl Message,
    ) -> Result<A, CallError> {
        let answer = self.call_encoded(method, &question.encode_to_vec()).await?;
        A::decode(answer).map_err(|error| broken(format!("its answer cannot be read: {error}")))
    }

    /// As [`call`](Self::call), with messages as they are sent.
    pub async fn call_encoded(
        &mut self,
        method: &str,
        question: &[u8],
    ) -> Result<Bytes, CallError> {
        let request = self.request(method, question)?;
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.sender.is_closed() => connection,
            _ => self.connect().await?,
        };
        let answer = connection.call(request).await;
        // After a refusal it is as good as before.
        if matches!(answer, Ok(_) | Err(CallError::Status(_))) {
            self.connection = Some(connection);
        }
        answer
    }

    fn request(&self, method: &str, question: &[u8]) -> Result<Request<Full<Bytes>>, CallError> {
        let timeout = self.deadline.as_millis().min(MAX_TIMEOUT_MS);
        let mut request = Request::post(format!("http://{}{method}", self.peer.authority()))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", format!("{timeout}m"))
            .body(Full::new(frame(question)))
            .map_err(|error| broken(format!("no request: {error}")))?;
        request.headers_mut().extend(self.headers.clone());
        Ok(request)
    }

    async fn connect(&self) -> Result<Connection, CallError> {
        let stream = self.peer.connect().await.map_err(|error| match error.kind() {
            // Nobody listens any more.
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => CallError::Absent,
            _ => broken(format!("cannot connect: {error}")),
        })?;
        Connection::begin(stream).await
    }
}

impl Connection {
    async fn begin(stream: impl Read + Write + Send + Unpin + 'static) -> Result<Self, CallError> {
        let (sender, io) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(MAX_HEADERS)
            .handshake(stream)
            .await
            .map_err(|error| broken(format!("no HTTP/2: {error}")))?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            // An error here is one of the call that is under way, too.
            let _ended = io.await;
        });
        Ok(Self { sender, _task: task })
    }

    async fn call(&mut self, request: Request<Full<Bytes>>) -> Result<Bytes, CallError> {
        let answer = self
            .sender
            .send_request(request)
            .await
            .map_err(|error| broken(format!("no answer: {error}")))?;
        let (head, body) = answer.into_parts();
        let (body, trailers) = read(body).await?;
        // A refusal without a body may be in the headers alone.
        match status(&trailers).or_else(|| status(&head.headers)) {
            Some(Status { code: 0, .. }) => unframe(body),
            Some(status) => Err(CallError::Status(status)),
            None if head.status == StatusCode::OK => Err(broken("an answer without gRPC status")),
            None => Err(CallError::Http(head.status.as_u16())),
        }
    }
}

/// The body and what follows it, if that is not too much.
async fn read(body: Incoming) -> Result<(Bytes, HeaderMap), CallError> {
    collect(body, MAX_ANSWER).await.map_err(|error| match error {
        BodyError::TooLong => broken(format!("an answer of more than {MAX_ANSWER} bytes")),
        BodyError::Broken(why) => broken(format!("the answer ends early: {why}")),
    })
}

fn status(headers: &HeaderMap) -> Option<Status> {
    let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    let message = headers.get("grpc-message").map_or(&[][..], |value| value.as_bytes());
    let details = headers.get("grpc-status-details-bin").map(|value| value.as_bytes().to_vec());
    Some(Status { code, message: message.to_vec(), details })
}

/// One message as gRPC sends it: a byte for "not compressed", the length, the message.
fn frame(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[0][..], &length, message].concat().into()
}

/// The one message in a body.
fn unframe(mut body: Bytes) -> Result<Bytes, CallError> {
    let Some((&[compressed, a, b, c, d], message)) = body.split_first_chunk() else {
        return Err(broken("an answer without message"));
    };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if compressed != 0 || message.len() != length {
        return Err(broken("an answer that is not one plain gRPC message"));
    }
    Ok(body.split_off(5))
}

#[cfg(test)]
pub mod fake;

#[cfg(test)]
mod tests;
