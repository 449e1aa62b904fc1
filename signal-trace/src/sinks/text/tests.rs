//! Golden text.

use std::rc::Rc;

use signal_trace_core::{
    output::{DeliveryRecord, ProcessRef, Record, RecordBody},
    signal::{Disposition, GenerateResult, Signal},
    workload::{Configured, Source, Workload},
};

use super::{
    super::{
        Sink,
        sample::{self, Shared},
        schema::Line,
    },
    Text,
};
use crate::{filters::Filters, golden};

fn line(record: &Record) -> Line {
    Line::from_record(record, "n1", false)
}

fn text(colour: bool) -> String {
    let out = Shared::default();
    let mut sink = Text::new(out.clone(), colour);
    sink.line(&sample::header().line(Filters::default().to_wire())).unwrap();
    for record in sample::every_record() {
        sink.line(&line(&record)).unwrap();
    }
    sink.flush().unwrap();
    String::from_utf8(out.take()).unwrap()
}

#[test]
fn text_reads_as_it_should() {
    golden::check("src/sinks/text/golden.txt", &text(false));
}

#[test]
fn hostile_names_leave_no_control_character() {
    let plain = text(false);
    assert!(!plain.chars().any(|c| c.is_control() && c != '\n'), "{plain}");
    // With colours, every ESC is one of ours.
    let coloured = text(true);
    assert_ne!(coloured, plain);
    assert!(!coloured.contains("\u{1b}[2J"), "{coloured}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn a_cut_recording_is_never_called_complete() {
    let out = Shared::default();
    let mut sink = Text::new(out.clone(), false);
    sink.cut_short("x breaks off").unwrap();
    let mut end = sample::every_record().pop().unwrap();
    if let RecordBody::End(end) = &mut end.body {
        *end = signal_trace_core::output::EndRecord::default();
    }
    sink.line(&line(&end)).unwrap();
    sink.flush().unwrap();
    let text = String::from_utf8(out.take()).unwrap();
    assert!(text.contains("incomplete: x breaks off"), "{text}");
    assert!(text.contains("gaps: the recording breaks off"), "{text}");
}

#[test]
fn a_signal_to_a_process_that_is_ending_is_not_called_ignored_by_it() {
    let mut record = sample::every_record()
        .into_iter()
        .find(|record| matches!(record.body, RecordBody::Signal(_)))
        .unwrap();
    if let RecordBody::Signal(signal) = &mut record.body {
        signal.result = GenerateResult::Ignored;
        signal.disposition = Disposition::Default;
        signal.target.process.flags.group_exit = true;
    }
    let out = Shared::default();
    let mut sink = Text::new(out.clone(), false);
    sink.line(&line(&record)).unwrap();
    sink.flush().unwrap();
    let text = String::from_utf8(out.take()).unwrap();
    assert!(text.trim_end().ends_with("no effect: it is ending already"), "{text}");
}

#[test]
fn the_handler_of_a_stop_signal_of_its_own_is_told_of() {
    let winch = Signal::parse("WINCH").unwrap();
    let delivery = |known| {
        let process = ProcessRef { workload: known, ..sample::worker() };
        let (signal, disposition) = (winch, Disposition::Handler);
        RecordBody::Delivery(DeliveryRecord { signal, process, disposition })
    };
    let stop_signal = Some(Configured { value: winch, source: Source::Image });
    let httpd = Workload { stop_signal, ..Workload::default() };
    for (known, told) in [(None, false), (Some(Rc::new(httpd)), true)] {
        let out = Shared::default();
        let mut sink = Text::new(out.clone(), false);
        sink.line(&line(&sample::record(1, 500, delivery(known)))).unwrap();
        sink.flush().unwrap();
        let text = String::from_utf8(out.take()).unwrap();
        assert_eq!(text.contains("runs its handler"), told, "{text}");
    }
}
