//! From the pipeline to every outlet: a line is made once, and given to those that want it.

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc, sync::Arc};

use signal_trace_core::{input::LossKind, output::RecordBody};

use super::{config::Sinks, enabled::Enabled};
use crate::{
    metrics::Metrics,
    outlet::{Entry, Outlet},
    sinks::{
        Sink,
        schema::{Body, Line},
    },
};

/// All outlets of the daemon.
#[derive(Debug, Default)]
pub struct FanOut {
    outlets: Vec<Wired>,
    /// Replaced by a reload; they deliver what they have, and end.
    retired: Vec<Outlet>,
    /// Every outlet begins with this line.
    recording: Option<Arc<Entry>>,
    /// Counts lines, too.
    metrics: Option<Metrics>,
    /// What was lost before the pipeline, by kind.
    lost: BTreeMap<&'static str, u64>,
}

/// An outlet and what it was made of.
#[derive(Debug)]
struct Wired {
    sink: Enabled,
    outlet: Outlet,
}

impl FanOut {
    /// No outlets yet; `metrics` counts what comes.
    pub fn new(metrics: Option<Metrics>) -> Self {
        Self { metrics, ..Self::default() }
    }

    /// Makes the outlets be those of `sinks`: those that stay keep their queue.
    ///
    /// # Errors
    /// Outlets that cannot be started, by name; the others are.
    pub fn apply(&mut self, sinks: &Sinks) -> Vec<(&'static str, io::Error)> {
        let mut problems = vec![];
        let mut before = std::mem::take(&mut self.outlets);
        for sink in Enabled::all(sinks) {
            let same = before.iter().position(|wired| wired.sink.name() == sink.name());
            let mut old = same.map(|at| before.swap_remove(at));
            if let Some(mut wired) = old.take_if(|old| old.sink.is_as(&sink)) {
                wired.outlet.set_filter(sink.filter());
                self.outlets.push(Wired { sink, outlet: wired.outlet });
                continue;
            }
            // What takes its place begins when it has ended: it may use the same file.
            if let Some(Wired { outlet, .. }) = old {
                self.retire(outlet);
            }
            // That can also be one of an earlier reload, which still hangs.
            let before = self.retired.iter().rfind(|outlet| outlet.name() == sink.name());
            let after = before.map(Outlet::end);
            match sink.start(after) {
                Ok(outlet) => {
                    if let Some(recording) = &self.recording {
                        outlet.push(recording);
                        outlet.flush();
                    }
                    self.outlets.push(Wired { sink, outlet });
                }
                Err(error) => problems.push((sink.name(), error)),
            }
        }
        for Wired { outlet, .. } in before {
            self.retire(outlet);
        }
        problems
    }

    fn retire(&mut self, outlet: Outlet) {
        outlet.close();
        self.retired.push(outlet);
    }

    /// Whether every outlet has begun.
    pub fn has_begun(&self) -> bool {
        self.outlets.iter().all(|wired| wired.outlet.has_begun())
    }

    /// Files are to be opened anew.
    pub fn reopen(&self) {
        for Wired { outlet, .. } in &self.outlets {
            outlet.reopen();
        }
    }

    /// No more lines will come.
    pub fn close(&self) {
        for Wired { outlet, .. } in &self.outlets {
            outlet.close();
        }
    }

    /// Those that still have something to deliver, to be waited for.
    pub fn take_all(&mut self) -> Vec<Outlet> {
        let outlets = std::mem::take(&mut self.outlets).into_iter().map(|wired| wired.outlet);
        outlets.chain(std::mem::take(&mut self.retired)).collect()
    }

    /// The outlets, for their figures.
    pub fn outlets(&self) -> impl Iterator<Item = &Outlet> {
        self.outlets.iter().map(|wired| &wired.outlet)
    }

    /// Forgets those of the retired that have ended.
    pub fn forget_ended(&mut self) {
        self.retired.retain(|outlet| !outlet.has_ended());
    }

    /// What was lost since the start, by kind.
    pub const fn lost(&self) -> &BTreeMap<&'static str, u64> {
        &self.lost
    }

    fn give(&mut self, line: &Line) {
        if let Some(metrics) = &mut self.metrics {
            metrics.line(line);
        }
        if let Body::Loss(loss) = &line.body
            && let Some(kind) =
                LossKind::ALL.map(LossKind::name).iter().find(|it| **it == loss.kind)
        {
            *self.lost.entry(kind).or_default() += loss.count;
        }
        let begins = matches!(line.body, Body::Recording(_));
        let outlets = self.outlets.iter().map(|wired| &wired.outlet);
        let takers: Vec<_> = outlets.filter(|outlet| outlet.allows(line)).collect();
        // A reload may bring the first outlet, which begins with it, too.
        if takers.is_empty() && !begins {
            return;
        }
        let entry = Arc::new(Entry::new(line));
        for outlet in takers {
            outlet.push(&entry);
            if begins {
                // Somebody waits for it.
                outlet.flush();
            }
        }
        if begins {
            self.recording = Some(entry);
        }
    }
}

/// The pipeline's sink; the daemon keeps the other end.
#[derive(Clone, Debug, Default)]
pub struct Shared(pub Rc<RefCell<FanOut>>);

impl Sink for Shared {
    fn wants(&self, body: &RecordBody) -> bool {
        let kind = kind_of(body);
        let fan = self.0.borrow();
        fan.metrics.as_ref().is_some_and(|metrics| metrics.wants(body))
            || fan.outlets.iter().any(|wired| wired.outlet.wants(kind))
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        self.0.borrow_mut().give(line);
        Ok(())
    }

    fn cut_short(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        for Wired { outlet, .. } in &self.0.borrow().outlets {
            outlet.flush();
        }
        Ok(())
    }
}

/// The type of the line that will be made of it.
const fn kind_of(body: &RecordBody) -> &'static str {
    match body {
        RecordBody::Signal(_) => "signal",
        RecordBody::Delivery(_) => "delivery",
        RecordBody::Exit(_) => "exit",
        RecordBody::Reap(_) => "reap",
        RecordBody::Zombie(_) => "zombie",
        RecordBody::Oom(_) => "oom",
        RecordBody::Shutdown(_) => "shutdown",
        RecordBody::Finding(_) => "finding",
        RecordBody::Loss(_) => "loss",
        RecordBody::End(_) => "end",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{filters::Filters, sinks::sample};

    #[test]
    fn a_sink_that_is_switched_off_and_on_while_it_hangs_is_not_there_twice() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sinks = Sinks::default();
        sinks.stdout.enabled = false;
        sinks.otlp.enabled = true;
        sinks.otlp.endpoint = format!("http://{}", listener.local_addr().unwrap());
        let give_all = |fan: &mut FanOut| {
            for record in sample::every_record() {
                fan.give(&Line::from_record(&record, "n1", false));
            }
        };
        let mut fan = FanOut::default();
        assert!(fan.apply(&sinks).is_empty());
        give_all(&mut fan);
        let off = Sinks { otlp: crate::daemon::config::Otlp::default(), ..sinks.clone() };
        assert!(fan.apply(&off).is_empty());
        // It hangs here: nobody answers.
        let _first = listener.accept().unwrap();
        assert!(fan.apply(&sinks).is_empty());
        give_all(&mut fan);
        fan.close();
        std::thread::sleep(Duration::from_millis(300));
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "a second connection beside the first");
    }

    #[test]
    fn an_outlet_that_a_reload_brings_begins_with_the_recording_line_though_there_was_none() {
        let folder = std::env::temp_dir().join(format!("st-fan-{}", std::process::id()));
        let mut sinks = Sinks::default();
        sinks.stdout.enabled = false;
        let mut fan = FanOut::default();
        assert!(fan.apply(&sinks).is_empty());
        fan.give(&sample::header().line(Filters::default().to_wire()));
        sinks.file.enabled = true;
        sinks.file.path = folder.join("x.jsonl");
        assert!(fan.apply(&sinks).is_empty());
        fan.close();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for outlet in fan.take_all() {
            runtime.block_on(outlet.ended());
        }
        let written = std::fs::read(&sinks.file.path);
        let _ = std::fs::remove_dir_all(&folder);
        let line = Line::parse(&written.unwrap()).unwrap();
        assert!(matches!(line.body, Body::Recording(_)));
    }
}
