//! A gRPC server for tests, which answers as it is told to.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

/// What to answer to one call.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This body, as it is, and this status and message after it.
    Body(Vec<u8>, u32, &'static [u8]),
    /// No body: this status and message in the headers.
    HeadersOnly(u32, &'static [u8]),
    /// An HTTP status and no word of gRPC.
    Http(u16),
    /// Nothing, ever.
    Never,
}

impl Reply {
    /// What a good server answers.
    pub fn message(message: &impl Message) -> Self {
        Self::Body(super::frame(&message.encode_to_vec()).to_vec(), 0, b"")
    }
}

/// A socket of its own in a folder of its own, with what listens there.
pub struct Fake {
    folder: PathBuf,
    /// The methods that were called.
    pub calls: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Fake {
    /// A server that answers `reply(METHOD, MESSAGE)`.
    pub fn start(reply: impl Fn(&str, &[u8]) -> Reply + Send + Sync + 'static) -> Self {
        let reply = Arc::new(reply);
        let calls = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&calls);
        let mut fake = Self::accept(move |stream| {
            let (reply, noted) = (Arc::clone(&reply), Arc::clone(&noted));
            async move {
                let service = service_fn(move |request| {
                    answer(request, Arc::clone(&reply), Arc::clone(&noted))
                });
                let io = TokioIo::new(stream);
                let _gone =
                    http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
            }
        });
        fake.calls = calls;
        fake
    }

    /// A server that does `serve` with each connection.
    pub fn accept<F: Future<Output = ()> + Send + 'static>(
        serve: impl Fn(UnixStream) -> F + Send + 'static,
    ) -> Self {
        let folder = folder();
        let listener = UnixListener::bind(folder.join("socket")).expect("the folder is ours");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream));
            }
        });
        Self { folder, calls: Arc::default(), _tasks: tasks }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).expect("the folder is ours");
    }
}

/// A new folder.
pub fn folder() -> PathBuf {
    let pattern = std::env::temp_dir().join("st-net-XXXXXX");
    nix::unistd::mkdtemp(Path::new(&pattern)).expect("the temporary folder can be written")
}

async fn answer(
    request: Request<Incoming>,
    reply: Arc<impl Fn(&str, &[u8]) -> Reply>,
    calls: Arc<Mutex<Vec<String>>>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let method = request.uri().path().to_owned();
    assert_eq!(request.headers()["content-type"], "application/grpc");
    assert_eq!(request.headers()["te"], "trailers");
    let body = request.into_body().collect().await.expect("a whole request").to_bytes();
    assert_eq!(body[0], 0, "not compressed");
    assert_eq!(body[1..5], u32::try_from(body.len() - 5).unwrap().to_be_bytes());
    calls.lock().unwrap().push(method.clone());
    Ok(match reply(&method, &body[5..]) {
        Reply::Body(body, status, message) => {
            let after = std::future::ready(Some(Ok(trailers(status, message))));
            Response::new(Full::new(body.into()).with_trailers(after).boxed())
        }
        Reply::HeadersOnly(status, message) => {
            let mut response = Response::new(Full::default().boxed());
            *response.headers_mut() = trailers(status, message);
            response
        }
        Reply::Http(status) => {
            let mut response = Response::new(Full::default().boxed());
            *response.status_mut() = status.try_into().expect("an HTTP status");
            response
        }
        Reply::Never => std::future::pending().await,
    })
}

fn trailers(status: u32, message: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", status.into());
    headers.insert("grpc-message", hyper::header::HeaderValue::from_bytes(message).unwrap());
    headers
}
