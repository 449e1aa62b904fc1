//! The HTTP listener: `/metrics`, `/healthz`, `/readyz`. Whoever connects is not trusted: there are
//! bounds for how many they are, how long they stay, and what they may say.

mod answer;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::{
    net::{TcpListener as Listener, TcpStream},
    runtime,
    sync::oneshot,
    task,
    time::{sleep, timeout},
};

use self::answer::Answers;
use super::Metrics;

/// Connections at a time. One more takes the place of the oldest.
const MOST_CONNECTIONS: usize = 64;
/// From the connection to the end of the request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// From the connection to its end; Prometheus gives up after 10 s itself.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// Of the header.
const MOST_HEADER: usize = 16 << 10;
/// How long nobody is let in when the process has no descriptor left, or the like.
const PAUSE: Duration = Duration::from_millis(100);

/// Why nobody can be listened to.
#[derive(Debug, Error)]
pub enum BindError {
    /// Everybody who can reach the node could read what runs on it.
    #[error(
        "metrics.listen = \"{0}\" would serve the metrics, which tell what runs on this node, on \
         every network: listen on the loopback (127.0.0.1:{port}) or on the pod's own IP \
         (SIGNAL_TRACE__METRICS__LISTEN=$(POD_IP):{port})",
        port = .0.port()
    )]
    Unspecified(SocketAddr),
    /// The kernel refuses.
    #[error("cannot listen on {address} (metrics.listen) for Prometheus: {error}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

/// Whether it can be listened on at all.
pub fn check(address: SocketAddr) -> Result<(), BindError> {
    // Also as IPv6 writes it, ::ffff:0.0.0.0.
    if address.ip().to_canonical().is_unspecified() {
        return Err(BindError::Unspecified(address));
    }
    Ok(())
}

/// Opens the listener: before privileges are dropped.
pub fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    check(address)?;
    let refused = |error| BindError::Refused { address, error };
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

/// A server on a thread of its own. Dropped, it closes its listener and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves on a listener of [`bind`].
    ///
    /// # Errors
    /// No thread can be started, or no runtime on it.
    pub fn start(listener: TcpListener, metrics: Metrics) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listener = {
            let _context = runtime.enter();
            Listener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Told to, or the other end is gone.
                    _told = stopped => {}
                    () = accept(listener, metrics) => {}
                }
            });
            // Ends every connection.
            drop(runtime);
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens; with the port that the kernel chose, if it was asked for one.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it listens there already: then a reload has nothing to do.
    pub fn listens_on(&self, ip: IpAddr, port: u16) -> bool {
        self.address == SocketAddr::new(ip, port)
    }

    /// Ends it. Another one can listen in its place afterwards.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It has ended by itself if nobody hears this.
            let _ended = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

async fn accept(listener: Listener, metrics: Metrics) {
    let answers = Arc::new(Answers::new(metrics));
    let mut connections: VecDeque<task::JoinHandle<()>> = VecDeque::new();
    let mut failing = false;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !failing {
                    tracing::warn!("cannot take a connection for the metrics: {error}");
                }
                failing = true;
                sleep(PAUSE).await;
                continue;
            }
        };
        failing = false;
        connections.retain(|connection| !connection.is_finished());
        // Who came last is answered, so that those who only hold connections keep no probe out.
        if connections.len() >= MOST_CONNECTIONS
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        connections.push_back(tokio::spawn(serve(stream, Arc::clone(&answers))));
    }
}

async fn serve(stream: TcpStream, answers: Arc<Answers>) {
    let service = service_fn(|request| {
        let response = answers.to(&request);
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        // A scrape every half minute gains nothing by it, and an idle connection costs something.
        .keep_alive(false)
        .max_buf_size(MOST_HEADER)
        .serve_connection(TokioIo::new(stream), service);
    // What a client does wrong is its own affair.
    let _ended = timeout(CONNECTION_TIMEOUT, connection).await;
}
