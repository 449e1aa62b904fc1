//! The enricher: a thread that asks, and two queues that nobody waits at.

use std::{
    io, iter,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use signal_trace_core::{
    input::{Fact, FactBody},
    labels::Labels,
    time::BootNs,
    workload::{Kind, Runtime, Workload},
};
use tokio::{
    runtime,
    sync::mpsc::{self, error::TrySendError},
};

use super::{
    Options, Subject, SubjectId,
    cache::Cache,
    kube,
    lookup::Dispatcher,
    source::Source,
    worker::{Found, Worker},
};
use crate::capture::clock;

/// Subjects that nobody has looked at yet; the lookups under way, too.
const MOST_WANTED: usize = 8192;
/// Threads that read files. The pool keeps as many as were once needed: a moment with fifty containers
/// would leave fifty.
const MOST_READERS: usize = 8;
/// Facts that nobody has taken yet.
const MOST_FACTS: usize = 65_536;
/// Questions on their way to one source.
const MOST_REQUESTS: usize = 1024;

/// Asks managers about workloads, beside everything else.
///
/// When it is dropped its thread ends, and is not waited for: a source that hangs cannot hold up
/// the end of the program.
#[derive(Debug)]
pub struct Enricher {
    wanted: mpsc::Sender<Subject>,
    facts: mpsc::Receiver<Fact>,
    overflow: AtomicU64,
}

/// What lookups tell the cache.
pub(super) enum Report {
    Found(Found),
    /// A lookup is over.
    Done(SubjectId),
    /// No engine is there that could be asked about a subject of this kind.
    NoEngine(Kind),
}

impl Enricher {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread or no descriptor left.
    pub fn start(options: &Options) -> io::Result<Self> {
        let (sources, kube) = (Source::all(options), options.kube().cloned());
        let (wanted, subjects) = mpsc::channel(MOST_WANTED);
        let (told, facts) = mpsc::channel(MOST_FACTS);
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(MOST_READERS)
            .build()?;
        thread::Builder::new().name("st-enrich".to_owned()).spawn(move || {
            runtime.block_on(serve(sources, kube, subjects, &told));
            // Not dropped: that would wait for files that are being read.
            runtime.shutdown_background();
        })?;
        Ok(Self { wanted, facts, overflow: AtomicU64::new(0) })
    }

    /// Asks about a subject, some time. Never blocks.
    pub fn want(&self, subject: Subject) {
        match self.wanted.try_send(subject) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                if self.overflow.fetch_add(1, Ordering::Relaxed) == 0 {
                    tracing::warn!(
                        "more than {MOST_WANTED} cgroups wait for their names: some will be shown \
                         without"
                    );
                }
            }
            Err(TrySendError::Closed(_)) => {
                if self.overflow.fetch_add(1, Ordering::Relaxed) == 0 {
                    tracing::warn!("nobody asks for names any more: an internal error ended that");
                }
            }
        }
    }

    /// What was learned since. Never blocks.
    pub fn take(&mut self) -> Vec<Fact> {
        iter::from_fn(|| self.facts.try_recv().ok()).collect()
    }

    /// How many subjects were not asked about, for there were too many.
    pub fn overflow(&self) -> u64 {
        self.overflow.load(Ordering::Relaxed)
    }
}

/// The thread's work, until the enricher is dropped.
pub(super) async fn serve(
    sources: Vec<Source>,
    kube: Option<kube::Config>,
    mut subjects: mpsc::Receiver<Subject>,
    told: &mpsc::Sender<Fact>,
) {
    // Who names an engine is told if that is not there.
    let said_no_engine = sources.iter().any(|source| source.named && source.kind.is_engine());
    let (reports, mut reported) = mpsc::unbounded_channel();
    let (late, mut late_found) = mpsc::unbounded_channel();
    let workers: Arc<[_]> = sources
        .into_iter()
        .map(|source| {
            let (requests, receiver) = mpsc::channel(MOST_REQUESTS);
            let kind = source.kind;
            tokio::spawn(Worker::new(source).run(receiver, late.clone()));
            (kind, requests)
        })
        .collect();
    let mut changes = kube::follow(kube);
    let dispatcher = Dispatcher { workers, reports };
    let mut collector =
        Collector { cache: Cache::new(), told, in_pods: None, said_no_engine, said_full: false };
    loop {
        tokio::select! {
            subject = subjects.recv(), if collector.cache.under_way() < MOST_WANTED => {
                let Some(subject) = subject else { return };
                let now = clock::boot_now();
                let todo = collector.cache.want(&subject, now);
                match todo.tell {
                    Some(fact) => collector.tell(fact),
                    None => collector.expect(&subject, now),
                }
                if todo.ask {
                    tokio::spawn(dispatcher.clone().run(subject));
                }
            }
            Some(report) = reported.recv() => collector.hear(report),
            Some(found) = late_found.recv() => collector.hear(Report::Found(found)),
            Some(change) = changes.recv() => {
                collector.cache.pods_changed(change).into_iter().for_each(|fact| collector.tell(fact));
            }
        }
    }
}

/// Takes what lookups report, and passes on what follows.
struct Collector<'a> {
    cache: Cache,
    told: &'a mpsc::Sender<Fact>,
    /// What runs the containers of this node's pods.
    in_pods: Option<Runtime>,
    said_no_engine: bool,
    said_full: bool,
}

impl Collector<'_> {
    /// Tells the runtime of a container in a pod before anybody answers: it may be over by then. A
    /// kubelet has one runtime, which has answered for the sandbox of the pod.
    fn expect(&mut self, subject: &Subject, now: BootNs) {
        let labels = Labels::of(&subject.path);
        let (Some(id), true, None) = (labels.container_id, labels.in_pod(), labels.runtime) else {
            return;
        };
        if self.in_pods.is_some() && labels.kind == Kind::Container {
            let workload = Box::new(Workload {
                kind: Kind::Container,
                runtime: self.in_pods,
                id: Some(id.to_owned()),
                ..Workload::default()
            });
            let key = subject.key;
            self.tell(Fact { at: now, body: FactBody::Workload { key, workload } });
        }
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Found(found) => {
                let of_pod = Labels::of(&found.subject.path).in_pod() && found.by.is_engine();
                self.in_pods = found.workload.runtime.filter(|_| of_pod).or(self.in_pods);
                for fact in self.cache.found(found) {
                    self.tell(fact);
                }
            }
            Report::Done(identity) => self.cache.done(&identity),
            Report::NoEngine(kind) => {
                if kind == Kind::Container && !std::mem::replace(&mut self.said_no_engine, true) {
                    tracing::warn!(
                        "a container was seen, but no container engine is at its usual place: \
                         containers are shown by what their cgroups and OCI state files tell \
                         (`--runtime KIND=PATH` names an engine's socket)"
                    );
                }
            }
        }
    }

    fn tell(&mut self, fact: Fact) {
        if self.told.try_send(fact).is_err() && !std::mem::replace(&mut self.said_full, true) {
            // Or nobody is there any more, at the program's end.
            tracing::debug!("more than {MOST_FACTS} names wait to be taken");
        }
    }
}
