//! The one place where inputs, engine, recording and sink are wired: live and replay both use it.

use anyhow::Context as _;
use signal_trace_common::wire;
use signal_trace_core::{
    findings::Severity,
    input::{Fact, Input, Loss},
    output::{Ask, EndRecord, Figures, Outputs, RecordBody},
    time::{BootNs, ClockAnchor, SECOND},
    trace::Trace,
};
use zerocopy::FromBytes as _;

use crate::{
    question::{Question, Shown},
    recording::{Header, RecordingError, Writer},
    sinks::{Sink, schema::Line},
};

/// Inputs go in, lines come out.
pub struct Pipeline {
    trace: Trace,
    outputs: Outputs,
    sink: Box<dyn Sink>,
    recorder: Option<Writer>,
    /// Why it was given up: the session goes on without.
    recording_error: Option<RecordingError>,
    question: Question,
    node: String,
    /// Latest time that an input told: the only clock here.
    now: BootNs,
    recorder_flushed: BootNs,
    shown: Shown,
    end: Option<EndRecord>,
    cut_short: bool,
}

/// How a session went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Totals, whatever was shown.
    pub end: EndRecord,
    /// The worst finding that was shown.
    pub worst: Option<Severity>,
    /// Something was lost, or a shutdown that was shown is inconclusive, or the recording is not
    /// whole.
    pub inconclusive: bool,
}

impl Summary {
    /// The exit code: 1 for a finding of `fail_on` or worse, else 3 if inconclusive, else 0.
    pub fn exit_code(&self, fail_on: Option<Severity>) -> u8 {
        if fail_on.is_some_and(|limit| self.worst.is_some_and(|worst| worst >= limit)) {
            1
        } else if self.inconclusive {
            3
        } else {
            0
        }
    }
}

/// What the caller is told of a sink that fails.
const OUTPUT: &str = "cannot write the output";
/// What is in the recording is on the disk this long after it came.
const FLUSH_EVERY_NS: u64 = SECOND;

impl Pipeline {
    /// Begins the session: writes the `recording` line to both.
    pub fn new(
        header: Header,
        mut sink: Box<dyn Sink>,
        mut recorder: Option<Writer>,
        question: Question,
    ) -> anyhow::Result<Self> {
        if let Some(recorder) = &mut recorder {
            recorder.header(&header)?;
            recorder.flush()?;
        }
        sink.line(&header.line(question.filters.to_wire())).context(OUTPUT)?;
        let mut trace = Trace::new(header.config);
        let mut outputs = Outputs::default();
        // Not an input of its own: a replay has it from the header too.
        trace.step(Input::Clock(header.clock), &mut outputs);
        Ok(Self {
            trace,
            outputs,
            sink,
            recorder,
            recording_error: None,
            question,
            node: header.node,
            now: header.clock.boot,
            recorder_flushed: header.clock.boot,
            shown: Shown::default(),
            end: None,
            cut_short: false,
        })
    }

    /// Records one input, gives it to the engine, and hands on what that says. Questions come
    /// back; whoever can look at the machine answers them with facts.
    pub fn push(&mut self, input: Input) -> anyhow::Result<Vec<Ask>> {
        self.keep(|recorder| recorder.input(&input));
        self.now = self.now.max(time_of(&input).unwrap_or_default());
        let pause = matches!(input, Input::Tick(_) | Input::End(_));
        self.trace.step(input, &mut self.outputs);
        for record in std::mem::take(&mut self.outputs.records) {
            if let RecordBody::End(end) = &record.body {
                self.end = Some(*end);
            }
            let wanted = self.sink.wants(&record.body);
            if !wanted && self.recorder.is_none() {
                continue;
            }
            let line = Line::from_record(&record, &self.node, self.cut_short);
            self.keep(|recorder| recorder.line(&line));
            if wanted && self.question.allows(&line) {
                self.shown.add(&line);
                self.sink.line(&line).context(OUTPUT)?;
            }
        }
        if pause {
            self.sink.flush().context(OUTPUT)?;
            if self.now.since(self.recorder_flushed) >= FLUSH_EVERY_NS {
                self.recorder_flushed = self.now;
                self.keep(Writer::flush);
            }
        }
        Ok(std::mem::take(&mut self.outputs.asks))
    }

    /// Nothing is held back and no timeline is open.
    pub fn is_idle(&self) -> bool {
        self.trace.is_idle()
    }

    /// Timelines that wait for their end or for the end of their grace.
    pub fn open_timelines(&self) -> usize {
        self.trace.open_timelines()
    }

    /// The longest time that one of those is waited for, nanoseconds; those that have no limit do
    /// not count.
    pub fn longest_grace_ns(&self) -> u64 {
        self.trace.longest_grace_ns()
    }

    /// How much the engine has seen and keeps.
    pub fn figures(&self) -> Figures {
        self.trace.figures()
    }

    /// Hands everything to whoever reads it.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.sink.flush().context(OUTPUT)?;
        self.keep(Writer::flush);
        Ok(())
    }

    /// Why the recording was given up, told once: a full disk must not end the session.
    pub fn take_recording_error(&mut self) -> Option<RecordingError> {
        self.recording_error.take()
    }

    fn keep(&mut self, write: impl FnOnce(&mut Writer) -> Result<(), RecordingError>) {
        if let Some(recorder) = &mut self.recorder
            && let Err(error) = write(recorder)
        {
            self.recorder = None;
            self.recording_error = Some(error);
        }
    }

    /// The recording that is replayed breaks off here: ends the session at the last time told.
    pub fn cut_short(&mut self, reason: &str) -> anyhow::Result<()> {
        self.cut_short = true;
        self.sink.cut_short(reason).context(OUTPUT)?;
        self.push(Input::End(self.now))?;
        Ok(())
    }

    /// Ends the session, after [`Input::End`].
    pub fn finish(mut self) -> anyhow::Result<Summary> {
        self.sink.flush().context(OUTPUT)?;
        self.recorder.take().map_or(Ok(()), Writer::finish)?;
        let Some(end) = self.end else {
            anyhow::bail!("the session was finished before it was ended; please report this");
        };
        let Shown { worst, inconclusive } = self.shown;
        let inconclusive = inconclusive || end.lost > 0 || self.cut_short;
        Ok(Summary { end, worst, inconclusive })
    }
}

fn time_of(input: &Input) -> Option<BootNs> {
    Some(match input {
        Input::Frame(bytes) => BootNs(wire::Header::read_from_prefix(bytes).ok()?.0.boot_ns),
        Input::Loss(Loss { to, .. }) => *to,
        Input::Clock(ClockAnchor { boot, wall_ns: _ }) => *boot,
        Input::Fact(Fact { at, body: _ }) | Input::Tick(at) | Input::End(at) => *at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(worst: Option<Severity>, inconclusive: bool) -> Summary {
        Summary { end: EndRecord::default(), worst, inconclusive }
    }

    #[test]
    fn exit_codes_are_as_documented() {
        use Severity::{Error, Info, Warning};
        for (worst, inconclusive, fail_on, code) in [
            (None, false, None, 0),
            (None, false, Some(Info), 0),
            (Some(Error), false, None, 0),
            (Some(Error), false, Some(Error), 1),
            (Some(Error), true, Some(Warning), 1),
            (Some(Warning), false, Some(Error), 0),
            (Some(Warning), true, Some(Error), 3),
            (None, true, None, 3),
        ] {
            let actual = summary(worst, inconclusive).exit_code(fail_on);
            assert_eq!(actual, code, "{worst:?} {inconclusive} {fail_on:?}");
        }
    }

    #[test]
    fn every_input_tells_the_time() {
        let mut frame = vec![0; size_of::<wire::Header>()];
        frame[..8].copy_from_slice(&77_u64.to_ne_bytes());
        assert_eq!(time_of(&Input::Frame(frame)), Some(BootNs(77)));
        assert_eq!(time_of(&Input::Frame(vec![1])), None);
        assert_eq!(time_of(&Input::Tick(BootNs(5))), Some(BootNs(5)));
    }
}
