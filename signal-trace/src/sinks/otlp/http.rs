//! OTLP over HTTP/1.1: one connection, kept open between requests.

use http_body_util::Full;
use hyper::{
    Request as HttpRequest, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST},
};
use tokio::task::JoinSet;

use super::{
    answer::{Refused, Remark, accepted, of_http},
    requests::Request,
    target::{Target, path},
};
use crate::net::{BodyError, collect, words};

/// Bytes of the body of an answer, at most: it says next to nothing.
const MOST_BODY: usize = 1 << 20;
/// Of its header.
const MOST_HEADER: usize = 64 << 10;

/// A receiver that is spoken to by HTTP.
#[derive(Debug)]
pub struct Http {
    target: Target,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// What moves the bytes; ends with this.
    _task: JoinSet<()>,
}

impl Http {
    /// Connects when there is something to send.
    pub const fn new(target: Target) -> Self {
        Self { target, connection: None }
    }

    /// Ends the connection; the next request makes a new one.
    pub fn disconnect(&mut self) {
        self.connection = None;
    }

    /// Sends it. Whoever gives up just drops this, and the connection goes with it.
    pub async fn send(&mut self, request: &Request) -> Result<Remark, Refused> {
        let (response, connection) = self.exchange(request).await?;
        let (head, body) = response.into_parts();
        let (body, _trailers) = collect(body, MOST_BODY).await.map_err(|error| match error {
            BodyError::TooLong => {
                Refused::broken(format!("its answer is longer than {} MiB", MOST_BODY >> 20))
            }
            BodyError::Broken(why) => Refused::broken(format!("its answer ends early: {why}")),
        })?;
        self.connection = Some(connection);
        if head.status.is_success() {
            Ok(accepted(request.signal, &body))
        } else {
            Err(of_http(head.status, &head.headers, &body))
        }
    }

    async fn exchange(
        &mut self,
        request: &Request,
    ) -> Result<(Response<Incoming>, Connection), Refused> {
        if let Some(mut kept) = self.connection.take()
            && kept.sender.ready().await.is_ok()
        {
            match kept.sender.send_request(self.request(request)?).await {
                Ok(response) => return Ok((response, kept)),
                // The other side had closed it: that is no failure.
                Err(error) if error.is_canceled() || error.is_incomplete_message() => {}
                Err(error) => return Err(Refused::broken(words(&error))),
            }
        }
        let mut new = self.connect().await?;
        let response = new.sender.send_request(self.request(request)?).await;
        let response = response.map_err(|error| Refused::broken(words(&error)))?;
        Ok((response, new))
    }

    fn request(&self, request: &Request) -> Result<HttpRequest<Full<Bytes>>, Refused> {
        let path = format!("{}{}", self.target.base, path(request.signal));
        let mut made = HttpRequest::post(path)
            .header(HOST, self.target.peer.authority())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(Full::new(request.message.clone()))
            .map_err(|error| Refused::Reject { why: error.to_string() })?;
        made.headers_mut().extend(self.target.headers.clone());
        Ok(made)
    }

    async fn connect(&self) -> Result<Connection, Refused> {
        let connected = self.target.peer.connect().await;
        let stream =
            connected.map_err(|error| Refused::broken(format!("cannot connect: {error}")))?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MOST_HEADER);
        let mut task = JoinSet::new();
        let (sender, io) = builder.handshake(stream).await.map_err(|error| refused(&error))?;
        // What the connection ends with, the answer says as well.
        task.spawn(async move { drop(io.await) });
        Ok(Connection { sender, _task: task })
    }
}

fn refused(error: &hyper::Error) -> Refused {
    Refused::broken(words(error))
}
