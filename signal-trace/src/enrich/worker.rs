//! One source's task: asks it one thing at a time, leaves it alone while it is unwell, and says so.

use std::{
    collections::{HashSet, VecDeque},
    path::Path,
    time::Duration,
};

use signal_trace_core::{time::BootNs, workload::Workload};
use tokio::{
    pin,
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{Failure, Subject, SubjectId, http, options::Manager, source::Source};
use crate::capture::clock;

/// Subjects that wait for a source that is unwell.
const MOST_WAITING: usize = 4096;
/// A subject at which a source that was well fails so often is given up: it may be the reason.
const MOST_ATTEMPTS: u32 = 5;
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// A source that comes and goes is not written of each time.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(600);

/// A question to a source, from a task that waits for the answer.
pub(super) struct Request {
    pub subject: Subject,
    pub reply: oneshot::Sender<Reply>,
}

/// What a source says.
#[derive(Debug)]
pub(super) enum Reply {
    Known(Found),
    /// It does not know this container (yet).
    Unknown,
    /// It is not there.
    Absent,
    /// It is unwell. It will be asked when it is back, if there is a place left to wait.
    Busy,
}

/// What was learned of a subject.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub subject: Subject,
    /// Read before the source was asked.
    pub at: BootNs,
    pub by: Manager,
    pub workload: Box<Workload>,
}

/// The task's state.
pub(super) struct Worker {
    source: Source,
    waiting: Waiting,
    health: Health,
}

impl Worker {
    pub fn new(source: Source) -> Self {
        let (waiting, health) = (Waiting::default(), Health::default());
        Self { source, waiting, health }
    }

    /// Answers `requests` until nobody can ask any more. What it learns later than it was asked goes
    /// to `late`.
    pub async fn run(
        mut self,
        mut requests: mpsc::Receiver<Request>,
        late: mpsc::UnboundedSender<Found>,
    ) {
        // Said before anybody asks: it may be misspelt.
        if self.source.named && !Path::new(&self.source.place).exists() {
            self.health.note(&self.source, Some(&Failure::Absent), false);
        }
        loop {
            tokio::select! {
                request = requests.recv() => {
                    let Some(request) = request else { return };
                    self.answer(request, &mut requests).await;
                }
                // Between the requests, if it is well: those that waited come by and by.
                () = sleep_until(self.health.retry_at()), if !self.waiting.is_empty() => {
                    let Some((subject, attempts)) = self.waiting.next() else { continue };
                    // While it is unwell, that is hardly the subject's fault.
                    let blamed = u32::from(!self.health.is_unwell() || attempts == 0);
                    match self.ask(&subject, &mut requests).await {
                        // Nobody listens at the end; the loop ends by itself then.
                        Ok(Some(found)) => drop(late.send(found)),
                        Ok(None) => {}
                        Err(_failure) => self.waiting.add(subject, attempts + blamed),
                    }
                }
            }
        }
    }

    async fn answer(&mut self, request: Request, requests: &mut mpsc::Receiver<Request>) {
        let Request { subject, reply } = request;
        if reply.is_closed() {
            // Another one has answered meanwhile.
            return;
        }
        let reply_with = if self.health.is_unwell() {
            self.waiting.add(subject, 0);
            Reply::Busy
        } else {
            match self.ask(&subject, requests).await {
                Ok(Some(found)) => Reply::Known(found),
                Ok(None) => Reply::Unknown,
                Err(Failure::Absent) => Reply::Absent,
                Err(Failure::Broken(_)) => {
                    self.waiting.add(subject, 1);
                    Reply::Busy
                }
            }
        };
        // Nobody waits for it any more: then it is not needed.
        drop(reply.send(reply_with));
    }

    /// Asks the source, and tells those who ask meanwhile that it is unwell, if it is.
    async fn ask(
        &mut self,
        subject: &Subject,
        requests: &mut mpsc::Receiver<Request>,
    ) -> Result<Option<Found>, Failure> {
        let Self { source, waiting, health } = self;
        let (at, started) = (clock::boot_now(), Instant::now());
        let result = {
            let flight = source.engine.look_up(subject);
            pin!(flight);
            loop {
                tokio::select! {
                    result = &mut flight => break result,
                    Some(request) = requests.recv(), if health.is_unwell() => {
                        waiting.add(request.subject, 0);
                        drop(request.reply.send(Reply::Busy));
                    }
                }
            }
        };
        let hung = started.elapsed() >= http::DEADLINE;
        health.note(source, result.as_ref().err(), hung);
        let by = source.kind;
        Ok(result?.map(|workload| Found {
            subject: subject.clone(),
            at,
            by,
            workload: Box::new(workload),
        }))
    }
}

/// Subjects to be asked of when the source is back, each once.
#[derive(Default)]
struct Waiting {
    /// Those that it never failed at go first: one of the others may be why it fails.
    fresh: VecDeque<Subject>,
    failed: VecDeque<(Subject, u32)>,
    known: HashSet<SubjectId>,
    said: bool,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Behind the others; at it the source failed `attempts` times while it was well.
    fn add(&mut self, subject: Subject, attempts: u32) {
        if attempts >= MOST_ATTEMPTS {
            tracing::debug!("{:?} is not asked about again", SubjectId::of(&subject));
            return;
        }
        if self.known.len() >= MOST_WAITING {
            if !self.said {
                self.said = true;
                tracing::debug!("more than {MOST_WAITING} containers wait for one source");
            }
            return;
        }
        if self.known.insert(SubjectId::of(&subject)) {
            match attempts {
                0 => self.fresh.push_back(subject),
                _ => self.failed.push_back((subject, attempts)),
            }
        }
    }

    fn next(&mut self) -> Option<(Subject, u32)> {
        let fresh = self.fresh.pop_front().map(|subject| (subject, 0));
        let (subject, attempts) = fresh.or_else(|| self.failed.pop_front())?;
        self.known.remove(&SubjectId::of(&subject));
        Some((subject, attempts))
    }
}

/// How the source is, and what was said of that.
#[derive(Default)]
struct Health {
    failures: u32,
    retry_at: Option<Instant>,
    /// A warning stands, which is to be taken back.
    warned: bool,
    warned_at: Option<Instant>,
    said_absent: bool,
}

impl Health {
    fn is_unwell(&self) -> bool {
        self.failures > 0
    }

    /// When it may be asked again of its own accord.
    fn retry_at(&self) -> Instant {
        self.retry_at.unwrap_or_else(Instant::now)
    }

    fn note(&mut self, source: &Source, failure: Option<&Failure>, hung: bool) {
        let (title, place) = (source.kind.title(), &source.place);
        match failure {
            None => {
                self.failures = 0;
                self.retry_at = None;
                if std::mem::take(&mut self.warned) {
                    tracing::info!("{title} at {place} answers again");
                }
            }
            Some(Failure::Absent) if !self.is_unwell() => {
                if source.named && !std::mem::replace(&mut self.said_absent, true) {
                    tracing::warn!(
                        "{title}: there is no {place}, which --runtime names: names and stop \
                         settings of its workloads may be missing"
                    );
                }
            }
            Some(failure) => {
                let now = Instant::now();
                let times = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
                let backoff = FIRST_BACKOFF.saturating_mul(times).min(LONGEST_BACKOFF);
                self.failures = self.failures.saturating_add(1).min(16);
                self.retry_at = Some(now + backoff);
                // Docker holds back its answer while it starts the container. Only if it hangs
                // again, or at another one, something is wrong with it.
                let early = hung && self.failures == 1;
                let quiet = early || self.warned_at.is_some_and(|at| now < at + BETWEEN_WARNINGS);
                if !self.warned && !quiet {
                    self.warned = true;
                    self.warned_at = Some(now);
                    tracing::warn!(
                        "{title} at {place} gives no answer: {failure}. Names and stop settings of \
                         its workloads may be missing; it is asked again from time to time. See \
                         that it runs and that we may ask it, or give `--runtime {}=PATH` or \
                         `--runtime none`",
                        source.kind.name()
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use signal_trace_core::ids::CgroupKey;

    use super::*;

    fn subject(number: u64) -> Subject {
        Subject { key: CgroupKey::V2(number), path: format!("/docker/{number:064x}").into() }
    }

    #[test]
    fn who_waits_is_bounded_and_waits_once() {
        let mut waiting = Waiting::default();
        for number in 0..5000 {
            waiting.add(subject(number), 0);
            waiting.add(subject(number), 0);
        }
        let all = std::iter::from_fn(|| waiting.next()).collect::<Vec<_>>();
        assert_eq!(all.len(), MOST_WAITING);
        assert_eq!((&all[0].0, &all[4095].0), (&subject(0), &subject(4095)));
        assert!(waiting.is_empty());
    }

    #[test]
    fn who_was_failed_at_comes_last_and_is_given_up_at_some_time() {
        let mut waiting = Waiting::default();
        waiting.add(subject(1), MOST_ATTEMPTS - 1);
        waiting.add(subject(2), MOST_ATTEMPTS);
        waiting.add(subject(3), 0);
        assert_eq!(waiting.next(), Some((subject(3), 0)));
        assert_eq!(waiting.next(), Some((subject(1), MOST_ATTEMPTS - 1)));
        assert_eq!(waiting.next(), None);
    }
}
