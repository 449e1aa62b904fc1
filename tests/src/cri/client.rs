//! Calls to a CRI socket: one gRPC request and its answer, over HTTP/2 without TLS.

use std::path::{Path, PathBuf};

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;

/// Flag and length before each message.
const PREFIX: usize = 5;

/// One that may be called from several threads: each call has its own connection.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// For a socket.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Calls a method of the runtime service; an error is what the server says, or what went wrong
    /// on the way.
    pub fn call<Answer: Message + Default>(
        &self,
        method: &str,
        request: &impl Message,
    ) -> Result<Answer, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let answer = runtime.map_err(|error| error.to_string())?.block_on(self.exchange(
            method,
            request.encoded_len(),
            request.encode_to_vec(),
        ))?;
        Answer::decode(answer).map_err(|error| format!("{method}: {error}"))
    }

    async fn exchange(
        &self,
        method: &str,
        length: usize,
        message: Vec<u8>,
    ) -> Result<Bytes, String> {
        let fail = |error: &dyn std::fmt::Display| format!("{method}: {error}");
        let stream = UnixStream::connect(&self.socket).await.map_err(|e| fail(&e))?;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|e| fail(&e))?;
        let _connection = tokio::spawn(connection);
        let mut body = BytesMut::with_capacity(PREFIX + length);
        body.put_u8(0);
        body.put_u32(u32::try_from(length).map_err(|e| fail(&e))?);
        body.put_slice(&message);
        let request = Request::post(format!("http://localhost/runtime.v1.RuntimeService/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(body.freeze()))
            .map_err(|e| fail(&e))?;
        let response = sender.send_request(request).await.map_err(|e| fail(&e))?;
        // An error without an answer has its status in the headers.
        let early = response.headers().clone();
        let body = response.into_body().collect().await.map_err(|e| fail(&e))?;
        let late = body.trailers().cloned().unwrap_or_default();
        let text = |name| late.get(name).or_else(|| early.get(name))?.to_str().ok();
        match text("grpc-status") {
            Some("0") => {}
            status => return Err(fail(&format!("{status:?} {:?}", text("grpc-message")))),
        }
        let mut body = body.to_bytes();
        if body.len() < PREFIX {
            return Err(fail(&"no answer"));
        }
        Ok(body.split_off(PREFIX))
    }
}
