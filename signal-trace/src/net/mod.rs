//! What all clients of HTTP and gRPC in here have in common: where a server is, and answers that
//! are bounded in size, whoever gives them.

pub mod grpc;

use std::{error::Error, io, path::PathBuf};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    HeaderMap,
    body::{Bytes, Incoming},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// At a Unix socket.
    Unix(PathBuf),
    /// On the network.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Peer {
    /// As HTTP names it (`host:port`, RFC 3986 section 3.2). A socket has no name.
    pub fn authority(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
        }
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> io::Result<TokioIo<Box<dyn Stream>>> {
        let stream: Box<dyn Stream> = match self {
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Self::Tcp { host, port } => {
                let connected = TcpStream::connect((&**host, *port)).await;
                let stream = connected.map_err(|error| explain(error, *port))?;
                // Requests go out whole: there is nothing to wait for.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        };
        Ok(TokioIo::new(stream))
    }
}

/// Networks say "refused" or "unreachable"; this one comes from our own Landlock rules.
fn explain(error: io::Error, port: u16) -> io::Error {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return error;
    }
    let text = format!(
        "{error}: if `[hardening]` is on, connections are possible to ports that were configured at \
         the start; restart it, to use port {port}"
    );
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}

/// What a connection can do, over whatever it is.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl Stream for UnixStream {}
impl Stream for TcpStream {}

/// Why a body cannot be had.
#[derive(Debug)]
pub enum BodyError {
    /// It is longer than it may be.
    TooLong,
    /// It ends early; why.
    Broken(String),
}

/// A body of `most` bytes or less, and the trailers that follow it.
pub async fn collect(body: Incoming, most: usize) -> Result<(Bytes, HeaderMap), BodyError> {
    let collected = Limited::new(body, most).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            BodyError::TooLong
        } else {
            BodyError::Broken(error.to_string())
        }
    })?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok((collected.to_bytes(), trailers))
}

/// hyper's own words say at which step; the cause of it says why.
pub fn words(error: &hyper::Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_holds_an_ipv6_address_in_brackets() {
        let named = |host: &str| Peer::Tcp { host: host.into(), port: 4317 }.authority();
        assert_eq!(named("otel.example"), "otel.example:4317");
        assert_eq!(named("10.0.0.1"), "10.0.0.1:4317");
        assert_eq!(named("::1"), "[::1]:4317");
        assert_eq!(Peer::Unix("/run/x".into()).authority(), "localhost");
    }
}
