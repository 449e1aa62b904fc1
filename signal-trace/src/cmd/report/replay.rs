//! `signal-trace report` over a recording: the engine derives again what it said live.

use std::{
    io::{self, Write as _},
    path::Path,
};

use crate::{
    pipeline::{Pipeline, Summary},
    question::Question,
    recording::Reader,
    sinks::Sink,
};

/// Pushes the recording at `path` through the pipeline.
pub fn run(path: &Path, sink: Box<dyn Sink>, question: &Question) -> anyhow::Result<Summary> {
    let mut reader = Reader::open(path)?;
    let header = reader.header().clone();
    let mut pipeline = Pipeline::new(header, sink, None, question.clone())?;
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
    if let Some(reason) = reader.cut_short() {
        pipeline.cut_short(&reason)?;
        writeln!(io::stderr(), "signal-trace: {reason}; the report is not complete").ok();
    }
    pipeline.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use signal_trace_core::{
        ids::CgroupKey,
        input::{Fact, FactBody, Input, Loss, LossKind},
    };

    use super::*;
    use crate::{
        recording::Writer,
        sinks::{
            jsonl::Jsonl,
            sample::{self, Shared},
        },
    };

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
        let question = Question::default();
        let mut pipeline = Pipeline::new(sample::header(), sink, recorder, question).unwrap();
        for input in inputs() {
            pipeline.push(input).unwrap();
        }
        let summary = pipeline.finish().unwrap();

        let again = Shared::default();
        let replayed = run(&path, Box::new(Jsonl::new(again.clone())), &Question::default());
        fs::remove_file(&path).unwrap();
        assert_eq!(replayed.unwrap(), summary);
        let (live, again) = (live.take(), again.take());
        assert_eq!(String::from_utf8(again), String::from_utf8(live.clone()));
        let lines: Vec<_> = live.split(|byte| *byte == b'\n').collect();
        assert!(lines.len() > 3, "recording, losses, end");
        assert_eq!(summary.exit_code(None), 3);
    }
}
