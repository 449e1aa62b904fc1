//! The enricher against servers and state folders that behave well, badly, or not at all.

mod asking;
mod fake;
mod health;
#[cfg(feature = "kube")]
mod kube;
mod places;

use std::{
    cell::RefCell,
    io, iter,
    sync::{Arc, Mutex},
    time::Duration,
};

use signal_trace_core::{
    ids::CgroupKey,
    input::{Fact, FactBody},
    workload::Workload,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tracing_subscriber::fmt::MakeWriter;

use super::{KubeConfig, Subject, enricher::serve, source::Source};

/// The container of the fixtures of Docker.
const DOCKER_ID: &str = "d6e84d3d2d0001e53b38a36840a020606f2d788046ad949936c2ca4c219e94b1";
/// And of Podman.
const PODMAN_ID: &str = "3b8949805ac36abcf8f62c52e799881ac52e8f67c7f5018cd4deb38aeed533df";
/// Real time between two steps of a paused clock: else it jumps to the next deadline while bytes are
/// still on their way.
const TICK: Duration = Duration::from_millis(10);

fn subject(key: u64, path: &str) -> Subject {
    let path = path.replace("$DOCKER", DOCKER_ID).replace("$PODMAN", PODMAN_ID);
    Subject { key: CgroupKey::V2(key), path: path.into() }
}

/// An id that no fixture has.
fn other_id(number: u32) -> String {
    format!("{number:064x}")
}

/// The enricher's tasks, on the test's own runtime and clock.
struct Running {
    wanted: mpsc::Sender<Subject>,
    facts: RefCell<mpsc::Receiver<Fact>>,
}

impl Running {
    fn start(sources: Vec<Source>) -> Self {
        Self::with_kube(sources, None)
    }

    fn with_kube(sources: Vec<Source>, kube: Option<KubeConfig>) -> Self {
        let (wanted, subjects) = mpsc::channel(64);
        let (told, facts) = mpsc::channel(64);
        tokio::spawn(async move { serve(sources, kube, subjects, &told).await });
        Self { wanted, facts: RefCell::new(facts) }
    }

    fn want(&self, key: u64, path: &str) {
        self.wanted.try_send(subject(key, path)).expect("there is room");
    }

    /// The next fact, and when it came.
    #[track_caller]
    fn fact(&self) -> impl Future<Output = (u64, Workload)> {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..20_000 {
                if let Ok(fact) = self.facts.borrow_mut().try_recv() {
                    let FactBody::Workload { key: CgroupKey::V2(key), workload } = fact.body else {
                        panic!("{caller}: another fact")
                    };
                    return (key, *workload);
                }
                sleep(TICK).await;
            }
            panic!("{caller}: no fact came")
        }
    }

    /// Whatever comes within `time`.
    async fn facts_within(&self, time: Duration) -> Vec<Fact> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            sleep(TICK).await;
        }
        iter::from_fn(|| self.facts.borrow_mut().try_recv().ok()).collect()
    }
}

/// Lets the paused clock go in steps, whatever else waits.
fn ticking() -> tokio::task::JoinHandle<()> {
    tokio::spawn(async {
        loop {
            sleep(TICK).await;
        }
    })
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(log.clone())
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn lines(&self, level: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(level)).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
