//! What is answered to a request.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
    header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::{Format, Metrics};

/// Pages that wait to be read at a time: each can be megabytes, and a client may read slowly.
const MOST_PAGES: usize = 4;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers requests.
#[derive(Debug)]
pub(super) struct Answers {
    metrics: Metrics,
    pages: Arc<Semaphore>,
}

/// A body, and the right to hold one, until it is sent.
#[derive(Debug)]
pub(super) struct Page {
    text: Full<Bytes>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Answers {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics, pages: Arc::new(Semaphore::new(MOST_PAGES)) }
    }

    pub(super) fn to<B>(&self, request: &Request<B>) -> Response<Page> {
        let answer = match request.uri().path() {
            "/metrics" => Self::metrics,
            "/healthz" => Self::healthy,
            "/readyz" => Self::ready,
            _ => {
                let text = "there are /metrics, /healthz and /readyz\n";
                return plain(StatusCode::NOT_FOUND, text.to_owned());
            }
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let text = "only GET and HEAD are understood here\n";
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text.to_owned());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        answer(self, request.headers())
    }

    fn metrics(&self, headers: &HeaderMap) -> Response<Page> {
        let Ok(permit) = Arc::clone(&self.pages).try_acquire_owned() else {
            let text = "too many scrapes at a time\n";
            return plain(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
        };
        let (format, content_type) = if asks_for_open_metrics(headers) {
            (Format::OpenMetrics, OPEN_METRICS)
        } else {
            (Format::Text, TEXT)
        };
        respond(StatusCode::OK, content_type, self.metrics.encode(format), Some(permit))
    }

    fn healthy(&self, _: &HeaderMap) -> Response<Page> {
        state(self.metrics.healthy())
    }

    fn ready(&self, _: &HeaderMap) -> Response<Page> {
        state(self.metrics.ready())
    }
}

fn state(state: Result<(), String>) -> Response<Page> {
    match state {
        Ok(()) => plain(StatusCode::OK, "ok\n".to_owned()),
        Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Page> {
    respond(status, PLAIN, text, None)
}

fn respond(
    status: StatusCode,
    content_type: &'static str,
    text: String,
    permit: Option<OwnedSemaphorePermit>,
) -> Response<Page> {
    let mut response = Response::new(Page { text: Full::new(text.into()), _permit: permit });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Names in it are anybody's; no browser may take them for a page.
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// Whether one of the media types that the client takes is `OpenMetrics`.
fn asks_for_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let wanted = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"));
        let refused = parts.any(|part| {
            part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0))
        });
        wanted && !refused
    })
}

impl Body for Page {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.text).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.text.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_the_client_asks_for() {
        let asks = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            asks_for_open_metrics(&headers)
        };
        assert!(asks(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;\
             q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ));
        assert!(asks("text/html, Application/OpenMetrics-Text"));
        assert!(!asks("application/openmetrics-text; q=0"));
        assert!(!asks("text/plain;version=0.0.4"));
        assert!(!asks("*/*"));
        assert!(!asks_for_open_metrics(&HeaderMap::new()));
    }
}
