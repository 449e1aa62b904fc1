//! A receiver of OTLP that reads every request with the types of OpenTelemetry, and answers as it is
//! told to.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{
    HeaderMap, Request, Response,
    body::{Body, Bytes, Frame, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    logs::v1::LogRecord,
    trace::v1::Span,
};
use prost::Message;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpListener,
    task::JoinSet,
    time::{Sleep, sleep},
};

use super::super::target::{Protocol, Signal, method, path};

/// What to do with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Accept it.
    Good,
    /// Accept it after a while.
    Slow(Duration),
    /// Accept all but this many.
    Partial(i64),
    /// Accept it, in other words than those of OTLP.
    Foreign,
    /// A status of HTTP, with these headers.
    Http(u16, &'static [(&'static str, &'static str)]),
    /// A status of gRPC.
    Grpc(u16),
    /// No answer.
    Never,
    /// An answer without end.
    Endless,
    /// An answer that breaks off.
    Broken,
}

/// What has come.
#[derive(Clone, Debug)]
pub struct Got {
    pub signal: Signal,
    pub headers: HeaderMap,
    pub spans: Vec<Span>,
    pub logs: Vec<LogRecord>,
}

#[derive(Debug, Default)]
struct State {
    /// What to do with the next requests; with all that follow, `Good`.
    script: VecDeque<Reply>,
    /// What to say to the next connections, before anything is read.
    garbage: VecDeque<&'static [u8]>,
    got: Vec<Got>,
    connections: usize,
}

/// It ends when this is dropped.
pub struct Receiver {
    port: u16,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

impl Receiver {
    pub async fn start(protocol: Protocol, script: &[Reply]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state =
            Arc::new(Mutex::new(State { script: script.to_vec().into(), ..State::default() }));
        let shared = Arc::clone(&state);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let garbage = {
                    let mut state = state.lock().unwrap();
                    state.connections += 1;
                    state.garbage.pop_front()
                };
                connections.spawn(async move {
                    if let Some(garbage) = garbage {
                        let _closed = stream.write_all(garbage).await;
                        return;
                    }
                    let io = TokioIo::new(stream);
                    let service = service_fn(|request| answer(protocol, request, &state));
                    let _gone = match protocol {
                        Protocol::Http => http1::Builder::new().serve_connection(io, service).await,
                        Protocol::Grpc => {
                            let builder = http2::Builder::new(TokioExecutor::new());
                            let state = Arc::clone(&state);
                            let service = service_fn(move |request| {
                                let state = Arc::clone(&state);
                                async move { answer(protocol, request, &state).await }
                            });
                            builder.serve_connection(io, service).await
                        }
                    };
                });
            }
        });
        Self { port, state, _tasks: tasks }
    }

    /// Says this to the next connection, and closes it.
    pub fn say_first(&self, garbage: &'static [u8]) {
        self.state.lock().unwrap().garbage.push_back(garbage);
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Requests that were read, whatever came of them.
    pub fn got(&self) -> Vec<Got> {
        self.state.lock().unwrap().got.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

async fn answer(
    protocol: Protocol,
    request: Request<Incoming>,
    state: &Mutex<State>,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    assert_eq!(head.method, "POST");
    let path_of = match protocol {
        Protocol::Http => path,
        Protocol::Grpc => method,
    };
    let both = [Signal::Traces, Signal::Logs];
    let signal = both.into_iter().find(|signal| path_of(*signal) == head.uri.path()).unwrap();
    let body = body.collect().await.expect("a whole request").to_bytes();
    let message = match protocol {
        Protocol::Http => {
            assert_eq!(head.headers["content-type"], "application/x-protobuf");
            body
        }
        Protocol::Grpc => {
            assert_eq!(head.headers["content-type"], "application/grpc");
            assert_eq!(body[0], 0, "not compressed");
            assert_eq!(body[1..5], u32::try_from(body.len() - 5).unwrap().to_be_bytes());
            body.slice(5..)
        }
    };
    let (spans, logs) = match signal {
        Signal::Traces => {
            let read = ExportTraceServiceRequest::decode(message).unwrap().resource_spans;
            (
                read.into_iter().flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect(),
                vec![],
            )
        }
        Signal::Logs => {
            let read = ExportLogsServiceRequest::decode(message).unwrap().resource_logs;
            let scopes = read.into_iter().flat_map(|it| it.scope_logs);
            (vec![], scopes.flat_map(|it| it.log_records).collect())
        }
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.got.push(Got { signal, headers: head.headers, spans, logs });
        state.script.pop_front().unwrap_or(Reply::Good)
    };
    Ok(match reply {
        Reply::Good => success(protocol, b""),
        Reply::Slow(time) => {
            sleep(time).await;
            success(protocol, b"")
        }
        Reply::Partial(rejected) => {
            let rejected = u8::try_from(rejected).expect("one byte of a varint");
            success(protocol, &[0x0a, 0x06, 0x08, rejected, 0x12, 0x02, b'n', b'o'])
        }
        Reply::Foreign => success(protocol, b"<html>"),
        Reply::Http(status, headers) => {
            let mut response = Response::new(Full::default().map_err(never).boxed_unsync());
            *response.status_mut() = status.try_into().unwrap();
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        }
        Reply::Grpc(status) => {
            let mut response = Response::new(Full::default().map_err(never).boxed_unsync());
            response.headers_mut().insert("grpc-status", status.into());
            response
        }
        Reply::Never => std::future::pending().await,
        Reply::Endless => Response::new(Odd::Endless.boxed_unsync()),
        Reply::Broken => Response::new(Odd::Broken(None).boxed_unsync()),
    })
}

fn success(protocol: Protocol, message: &[u8]) -> Answer {
    match protocol {
        Protocol::Http => {
            let body = Full::new(Bytes::copy_from_slice(message)).map_err(never);
            Response::new(body.boxed_unsync())
        }
        Protocol::Grpc => {
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            let framed = [&[0][..], &length, message].concat();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", 0.into());
            let after = std::future::ready(Some(Ok(trailers)));
            let body = Full::new(Bytes::from(framed)).with_trailers(after).map_err(never);
            Response::new(body.boxed_unsync())
        }
    }
}

fn never(error: Infallible) -> io::Error {
    match error {}
}

/// Bodies that no honest server sends.
enum Odd {
    Endless,
    /// A part of it, and after this time no more.
    Broken(Option<Pin<Box<Sleep>>>),
}

impl Body for Odd {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Endless => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16384]))))),
            Self::Broken(begun @ None) => {
                // So that the head goes out before.
                *begun = Some(Box::pin(sleep(Duration::from_millis(20))));
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"\x0a")))))
            }
            Self::Broken(Some(end)) => {
                end.as_mut().poll(context).map(|()| Some(Err(io::Error::other("gone"))))
            }
        }
    }
}
