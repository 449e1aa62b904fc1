//! `signal-trace report`: replays recordings; it says what the live session said.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use signal_trace_core::findings::Severity;

use super::live_sink;
use crate::{
    cli::{ReportArgs, record::LiveFormat, report::ReportFormat},
    filters::Filters,
    pipeline::{Pipeline, Summary},
    recording::{Reader, writer::create_private},
    sinks::{Sink, jsonl::Jsonl, text::Text},
};

/// Replays every file, one after the other; the exit code is that of the worst.
pub fn run(args: &ReportArgs) -> anyhow::Result<u8> {
    let file = args.output.as_deref().map(create_private).transpose()?;
    let mut codes = vec![];
    for path in &args.files {
        // Clones of the file share the position in it.
        let file = file.as_ref().map(File::try_clone).transpose()?;
        let sink: Box<dyn Sink> = match (file, args.format) {
            (Some(file), ReportFormat::Text) => Box::new(Text::new(file, false)),
            (Some(file), ReportFormat::Json) => Box::new(Jsonl::new(file)),
            (None, ReportFormat::Text) => live_sink(LiveFormat::Text, io::stdout()),
            (None, ReportFormat::Json) => live_sink(LiveFormat::Jsonl, io::stdout()),
        };
        let summary = replay(path, sink, args.filters.clone())?;
        codes.push(summary.exit_code(args.fail_on.map(Severity::from)));
    }
    // A finding weighs more than a gap.
    Ok([1, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0))
}

/// Pushes the recording at `path` through the pipeline.
pub fn replay(path: &Path, sink: Box<dyn Sink>, filters: Filters) -> anyhow::Result<Summary> {
    let mut reader = Reader::open(path)?;
    let mut pipeline = Pipeline::new(reader.header().clone(), sink, None, filters)?;
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
    use std::{cell::RefCell, fs, rc::Rc};

    use signal_trace_core::{
        ids::CgroupKey,
        input::{Fact, FactBody, Input, Loss, LossKind},
    };

    use super::*;
    use crate::{
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
        let mut pipeline =
            Pipeline::new(sample::header(), sink, recorder, filters.clone()).unwrap();
        for input in inputs() {
            pipeline.push(input).unwrap();
        }
        let summary = pipeline.finish().unwrap();

        let again = Shared::default();
        let replayed = replay(&path, Box::new(Jsonl::new(again.clone())), filters);
        fs::remove_file(&path).unwrap();
        assert_eq!(replayed.unwrap(), summary);
        let (live, again) = (live.0.take(), again.0.take());
        assert_eq!(String::from_utf8(again), String::from_utf8(live.clone()));
        let lines: Vec<_> = live.split(|byte| *byte == b'\n').collect();
        assert!(lines.len() > 3, "recording, losses, end");
        assert_eq!(summary.exit_code(None), 3);
    }
}
