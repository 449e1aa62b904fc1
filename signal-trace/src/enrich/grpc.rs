//! Unary gRPC calls over a Unix socket.

use std::{io, path::PathBuf, time::Duration};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use signal_trace_core::escape::escaped;
use tokio::{net::UnixStream, task::JoinSet};

use super::Failure;

/// How long all calls of one question may take together.
pub const DEADLINE: Duration = Duration::from_secs(2);

/// Bytes of an answer, at most.
const MAX_ANSWER: usize = 4 << 20;

/// Bytes of the headers of an answer, at most.
const MAX_HEADERS: u32 = 16 << 10;

/// Bytes of a message that are shown, at most.
const MAX_SHOWN: usize = 256;

/// Why a call gave no answer.
#[derive(Debug)]
pub enum CallError {
    /// The server said no.
    Status(Status),
    /// There is no server, or it does not speak gRPC.
    Failure(Failure),
}

/// What a server says when it says no (`grpc-status`, `grpc-message`).
#[derive(Debug)]
pub struct Status {
    /// One of the codes of gRPC.
    pub code: u32,
    /// In the server's words: any bytes.
    pub message: Vec<u8>,
}

impl Status {
    /// What was asked for is not there.
    pub const NOT_FOUND: u32 = 5;
    /// The server does not know this method, or the whole service.
    pub const UNIMPLEMENTED: u32 = 12;
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failure(failure) => failure,
            CallError::Status(Status { code, message }) => {
                let shown = message.get(..MAX_SHOWN).unwrap_or(&message);
                Self::Broken(format!("it answers with the gRPC status {code}: {}", escaped(shown)))
            }
        }
    }
}

fn broken(text: impl Into<String>) -> CallError {
    CallError::Failure(Failure::Broken(text.into()))
}

/// A server, connected to when it is asked something.
#[derive(Debug)]
pub struct Channel {
    socket: PathBuf,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// What moves the bytes; ends with this.
    _task: JoinSet<()>,
}

impl Channel {
    /// The server that listens at this path.
    pub const fn new(socket: PathBuf) -> Self {
        Self { socket, connection: None }
    }

    /// Whether the next call goes to the server that the last one went to.
    pub fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.sender.is_closed())
    }

    /// Calls `method` (`/package.Service/Method`). Has no deadline of its own: a caller who gives
    /// up just drops this, and the connection goes with it.
    pub async fn call<A: Message + Default>(
        &mut self,
        method: &str,
        question: &impl Message,
    ) -> Result<A, CallError> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.sender.is_closed() => connection,
            _ => self.connect().await.map_err(CallError::Failure)?,
        };
        let answer = connection.call(method, question).await;
        // After a refusal it is as good as before.
        if matches!(answer, Ok(_) | Err(CallError::Status(_))) {
            self.connection = Some(connection);
        }
        A::decode(answer?).map_err(|error| broken(format!("its answer cannot be read: {error}")))
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let stream =
            UnixStream::connect(&self.socket).await.map_err(|error| match error.kind() {
                // Nobody listens any more.
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::Absent,
                _ => Failure::Broken(format!("cannot connect: {error}")),
            })?;
        let (sender, io) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::Broken(format!("no HTTP/2: {error}")))?;
        let mut task = JoinSet::new();
        task.spawn(async move {
            // An error here is one of the call that is under way, too.
            let _ended = io.await;
        });
        Ok(Connection { sender, _task: task })
    }
}

impl Connection {
    async fn call(&mut self, method: &str, question: &impl Message) -> Result<Bytes, CallError> {
        let request = Request::post(format!("http://localhost{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", format!("{}S", DEADLINE.as_secs()))
            .body(Full::new(frame(&question.encode_to_vec())))
            .map_err(|error| broken(format!("no request: {error}")))?;
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
            None => Err(broken(format!("HTTP status {}", head.status.as_u16()))),
        }
    }
}

/// The body and what follows it, if that is not too much.
async fn read(body: Incoming) -> Result<(Bytes, HeaderMap), CallError> {
    let collected = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            broken(format!("an answer of more than {MAX_ANSWER} bytes"))
        } else {
            broken(format!("the answer ends early: {error}"))
        }
    })?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok((collected.to_bytes(), trailers))
}

fn status(headers: &HeaderMap) -> Option<Status> {
    let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    let message = headers.get("grpc-message").map_or(&[][..], |value| value.as_bytes());
    Some(Status { code, message: message.to_vec() })
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
