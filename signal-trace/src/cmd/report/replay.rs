//! `signal-trace report` over a recording: the engine derives again what it said live.

use std::{
    cell::RefCell,
    io::{self, Write},
    path::Path,
    rc::Rc,
};

use signal_trace_core::findings::Severity;

use crate::{
    history::Question,
    pipeline::{Pipeline, Summary},
    recording::Reader,
    selection::severity,
    sinks::{
        Sink,
        schema::{Body, Line},
    },
};

/// Pushes the recording at `path` through the pipeline.
pub fn run(path: &Path, sink: Box<dyn Sink>, question: &Question) -> anyhow::Result<Summary> {
    let shown = Rc::<RefCell<Shown>>::default();
    let selects = !(question.selection.is_empty() && question.range.is_all());
    let sink: Box<dyn Sink> = if selects {
        Box::new(Selecting { sink, question: question.clone(), shown: Rc::clone(&shown) })
    } else {
        sink
    };
    let mut reader = Reader::open(path)?;
    let header = reader.header().clone();
    let mut pipeline = Pipeline::new(header, sink, None, question.filters.clone())?;
    for input in &mut reader {
        match input {
            Ok(input) => drop(pipeline.push(input)?),
            Err(error) => {
                // What comes before the damage is shown.
                pipeline.flush()?;
                return Err(error.into());
            }
        }
    }
    let cut_short = reader.cut_short();
    if let Some(reason) = &cut_short {
        pipeline.cut_short(reason)?;
        writeln!(io::stderr(), "signal-trace: {reason}; the report is not complete").ok();
    }
    let summary = pipeline.finish()?;
    let Shown { worst, inconclusive } = *shown.borrow();
    Ok(if selects {
        let inconclusive = inconclusive || cut_short.is_some() || summary.end.lost > 0;
        Summary { worst, inconclusive, ..summary }
    } else {
        summary
    })
}

/// Shows only what is asked for.
struct Selecting {
    sink: Box<dyn Sink>,
    question: Question,
    shown: Rc<RefCell<Shown>>,
}

/// What was shown, for the exit code.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    worst: Option<Severity>,
    inconclusive: bool,
}

impl Sink for Selecting {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        let Question { range, selection, .. } = &self.question;
        // What marks the session stays, whatever its time.
        let marks = matches!(line.body, Body::Recording(_) | Body::Loss(_) | Body::End(_));
        if !selection.allow(line) || !(marks || range.contains(line.time.into())) {
            return Ok(());
        }
        let mut shown = self.shown.borrow_mut();
        let findings = match &line.body {
            Body::Shutdown(shutdown) => {
                shown.inconclusive |= shutdown.verdict == "inconclusive";
                &shutdown.findings[..]
            }
            Body::Finding(line) => std::slice::from_ref(&line.finding),
            _ => &[],
        };
        let worst = findings.iter().map(|finding| Some(severity(finding)));
        shown.worst = worst.fold(shown.worst, Ord::max);
        drop(shown);
        self.sink.line(line)
    }

    fn cut_short(&mut self, reason: &str) -> io::Result<()> {
        self.sink.cut_short(reason)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, fs, rc::Rc};

    use signal_trace_core::{
        ids::CgroupKey,
        input::{Fact, FactBody, Input, Loss, LossKind},
    };

    use super::*;
    use crate::{
        filters::Filters,
        recording::Writer,
        sinks::{jsonl::Jsonl, sample},
    };

    #[derive(Clone, Default)]
    struct Shared(Rc<RefCell<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn inputs() -> Vec<Input> {
        let path = b"/x".to_vec();
        let loss = Loss { kind: LossKind::Fork, count: 2, from: sample::at(1), to: sample::at(2) };
        vec![
            Input::Clock(sample::header().clock),
            Input::Fact(Fact {
                at: sample::at(1),
                body: FactBody::Cgroup { key: CgroupKey::V2(7), path },
            }),
            Input::Frame(vec![1, 2, 3]),
            Input::Loss(loss),
            Input::Tick(sample::at(500)),
            Input::End(sample::at(1000)),
        ]
    }

    #[test]
    fn a_replay_says_what_the_session_said() {
        let path = std::env::temp_dir()
            .join(format!("signal-trace-replay-{}.jsonl.zst", std::process::id()));
        let live = Shared::default();
        let recorder = Some(Writer::create(&path).unwrap());
        let sink = Box::new(Jsonl::new(live.clone()));
        let filters = Filters::default();
        let mut pipeline = Pipeline::new(sample::header(), sink, recorder, filters).unwrap();
        for input in inputs() {
            pipeline.push(input).unwrap();
        }
        let summary = pipeline.finish().unwrap();

        let again = Shared::default();
        let replayed = run(&path, Box::new(Jsonl::new(again.clone())), &Question::default());
        fs::remove_file(&path).unwrap();
        assert_eq!(replayed.unwrap(), summary);
        let (live, again) = (live.0.take(), again.0.take());
        assert_eq!(String::from_utf8(again), String::from_utf8(live.clone()));
        let lines: Vec<_> = live.split(|byte| *byte == b'\n').collect();
        assert!(lines.len() > 3, "recording, losses, end");
        assert_eq!(summary.exit_code(None), 3);
    }
}
