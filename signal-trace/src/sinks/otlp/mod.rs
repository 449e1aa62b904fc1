//! OpenTelemetry: shutdowns as traces, findings as log records, to a collector by OTLP.
//!
//! `spans` and `logs` convert lines, purely; `requests` packs what they make; `http` and
//! `net::grpc` carry it; `answer` says what came of it.

mod answer;
mod attributes;
mod events;
mod http;
mod ids;
mod image;
mod logs;
mod requests;
mod resource;
mod spans;
mod subject;
mod target;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use self::{
    answer::{Refused, Remark, accepted, of_grpc},
    http::Http,
    requests::{Converter, Request},
    target::{Protocol, Signal, method},
};
pub use self::{
    resource::Host,
    target::{Target, TargetError},
};
use crate::{
    net::grpc::Channel,
    outlet::{Deliver, Entry, Failure},
    sinks::schema::Line,
};

/// How long the first line of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);

/// The end of the outlet `otlp`.
#[derive(Debug)]
pub struct Otlp {
    target: Target,
    transport: Transport,
    in_kubernetes: bool,
    converter: Converter,
    pending: Pending,
    /// The receiver asked not to be asked before.
    not_before: Option<Instant>,
    remarked: bool,
}

#[derive(Debug)]
enum Transport {
    Http(Http),
    Grpc(Channel),
}

/// What of a batch has not gone through yet.
#[derive(Debug, Default)]
struct Pending {
    batch: Vec<Arc<Entry>>,
    requests: VecDeque<Request>,
    /// Why the first of those that were refused for good was.
    rejected: Option<String>,
}

impl Pending {
    fn is_of(&self, batch: &[Arc<Entry>]) -> bool {
        let same = |(mine, theirs): (&Arc<Entry>, &Arc<Entry>)| Arc::ptr_eq(mine, theirs);
        self.batch.len() == batch.len() && self.batch.iter().zip(batch).all(same)
    }
}

impl Otlp {
    /// Sends to `target`; connects when there is something to send. What the machine is called,
    /// the `recording` line tells, with which every outlet begins; `in_kubernetes` tells that it is
    /// a node of that.
    pub fn new(target: Target, in_kubernetes: bool) -> Self {
        let transport = match target.protocol {
            Protocol::Http => Transport::Http(Http::new(target.clone())),
            Protocol::Grpc => {
                let channel = Channel::new(target.peer.clone(), target.timeout);
                Transport::Grpc(channel.with_headers(target.headers.clone()))
            }
        };
        Self {
            converter: Converter::new(&Host::default(), &target.signals),
            target,
            transport,
            in_kubernetes,
            pending: Pending::default(),
            not_before: None,
            remarked: false,
        }
    }

    fn convert(&mut self, batch: &[Arc<Entry>]) -> VecDeque<Request> {
        let lines: Vec<_> = batch.iter().filter_map(read).collect();
        let host = lines.iter().find_map(|line| Host::of(line, self.in_kubernetes));
        if let Some(host) = host {
            self.converter = Converter::new(&host, &self.target.signals);
        }
        self.converter.requests(&lines).into()
    }

    async fn send(&mut self, request: &Request) -> Result<Remark, Refused> {
        let sent = async {
            match &mut self.transport {
                Transport::Http(http) => http.send(request).await,
                Transport::Grpc(channel) => {
                    let answer = channel.call_encoded(method(request.signal), &request.message);
                    Ok(accepted(request.signal, &answer.await.map_err(of_grpc)?))
                }
            }
        };
        timeout(self.target.timeout, sent).await.unwrap_or_else(|_elapsed| {
            let limit = self.target.timeout.as_secs_f64();
            Err(Refused::broken(format!("no whole answer within {limit} s")))
        })
    }

    /// Once: it would be the same each time.
    fn note(&mut self, request: &Request, remark: &Remark) {
        let text = match remark {
            Remark::None => return,
            Remark::Partial { rejected, message } => {
                format!("refuses {rejected} of {}: {message}", request.records)
            }
            Remark::Foreign => {
                "accepts them, but its answer is not OTLP: is it a collector?".into()
            }
        };
        let place = self.target.place(request.signal);
        if mem::replace(&mut self.remarked, true) {
            tracing::debug!("{place} {text}");
        } else {
            let what = what(request.signal);
            tracing::warn!("{place} was sent {what} and {text} (this is said once)");
        }
    }
}

const fn what(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "spans",
        Signal::Logs => "log records",
    }
}

impl Deliver for Otlp {
    /// A batch is several requests. Those that went through are not sent again when the same batch
    /// is tried again; where one is refused for good, the others are sent all the same.
    async fn deliver(&mut self, batch: &[Arc<Entry>]) -> Result<(), Failure> {
        if !self.pending.is_of(batch) {
            let requests = self.convert(batch);
            self.pending = Pending { batch: batch.to_vec(), requests, rejected: None };
        }
        if let Some(not_before) = self.not_before {
            sleep_until(not_before).await;
            self.not_before = None;
        }
        while let Some(request) = self.pending.requests.front().cloned() {
            let place = self.target.place(request.signal);
            match self.send(&request).await {
                Ok(remark) => self.note(&request, &remark),
                Err(Refused::Reject { why }) => {
                    self.pending.rejected.get_or_insert(format!("{place}: {why}"));
                }
                Err(Refused::Retry { why, after }) => {
                    self.not_before = after.map(|after| Instant::now() + after);
                    return Err(Failure::Retry(format!("{place}: {why}")));
                }
            }
            self.pending.requests.pop_front();
        }
        match mem::take(&mut self.pending).rejected {
            None => Ok(()),
            Some(why) => Err(Failure::Reject(why)),
        }
    }

    fn linger(&self) -> Duration {
        LINGER
    }

    /// The name may mean another host by now.
    fn reopen(&mut self) {
        match &mut self.transport {
            Transport::Http(http) => http.disconnect(),
            Transport::Grpc(channel) => channel.disconnect(),
        }
        self.remarked = false;
    }
}

/// What was written can be read; should that ever not hold, the others still go.
fn read(entry: &Arc<Entry>) -> Option<Line> {
    let read = entry.parse();
    if let Err(error) = &read {
        tracing::error!("line {} is not sent, please report this: it {error}", entry.seq);
    }
    read.ok()
}
