//! What must hold for any shutdown, however odd its figures.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    super::{logs::logs, spans::spans},
    ids, lines,
};
use crate::sinks::schema::{Body, Line, PreStop, ShutdownLine, Time};

/// A number that no clock shows.
fn odd_seconds() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), 0.0..1e6, Just(f64::NAN), Just(f64::INFINITY), Just(-1.0)]
}

fn odd_time() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(0), Just(-1)]
}

prop_compose! {
    fn odd_line()(
        which in 0..3_usize,
        id in ".{0,12}",
        times in prop::array::uniform4(odd_time()),
        seconds in prop::array::uniform5(odd_seconds()),
        keep in prop::array::uniform5(any::<bool>()),
    ) -> Line {
        let shutdowns = lines().into_iter().filter(|line| matches!(line.body, Body::Shutdown(_)));
        let mut line = shutdowns.into_iter().nth(which).unwrap();
        line.time = Time(times[0]);
        let Body::Shutdown(shutdown) = &mut line.body else { panic!("a shutdown") };
        alter(shutdown, &id, times, seconds, keep);
        line
    }
}

fn alter(
    shutdown: &mut ShutdownLine,
    id: &str,
    times: [i64; 4],
    seconds: [f64; 5],
    keep: [bool; 5],
) {
    id.clone_into(&mut shutdown.shutdown_id);
    shutdown.duration_seconds = seconds[0];
    shutdown.grace.used_seconds = keep[0].then_some(seconds[1]);
    shutdown.stop = shutdown.stop.take().filter(|_| keep[1]);
    if let Some(stop) = &mut shutdown.stop {
        stop.time = Time(times[1]);
    }
    for report in &mut shutdown.processes {
        report.process.start_time = Time(times[2]);
        report.seconds_to_exit = keep[2].then_some(seconds[2]);
        report.stop = report.stop.take().filter(|_| keep[3]);
        if let Some(stop) = &mut report.stop {
            stop.time = Time(times[3]);
        }
        report.exit = report.exit.take().filter(|_| keep[4]);
    }
    for edge in &mut shutdown.forwarding.edges {
        edge.delay_seconds = Some(seconds[3]);
    }
    if let Some(PreStop { process, seconds: took }) = &mut shutdown.grace.pre_stop {
        process.start_time = Time(times[2]);
        *took = seconds[4];
    }
}

proptest! {
    #[test]
    fn ids_are_valid_and_nothing_ends_before_it_begins(line in odd_line()) {
        let Body::Shutdown(shutdown) = &line.body else { panic!("a shutdown") };
        let spans = spans(&ids(), &line, shutdown);
        let root = &spans[0];
        prop_assert!(root.parent_span_id.is_empty());
        for span in &spans {
            prop_assert_eq!(span.trace_id.len(), 16);
            prop_assert_eq!(span.span_id.len(), 8);
            prop_assert!(span.trace_id.iter().any(|byte| *byte != 0));
            prop_assert!(span.span_id.iter().any(|byte| *byte != 0));
            prop_assert_eq!(&span.trace_id, &root.trace_id);
            prop_assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
            prop_assert!(!span.name.is_empty() && !span.name.chars().any(char::is_control));
            let times: Vec<_> = span.events.iter().map(|event| event.time_unix_nano).collect();
            prop_assert!(std::ptr::eq(span, root) == span.parent_span_id.is_empty());
            prop_assert!(times.len() < 10);
        }
        let different: BTreeSet<_> = spans.iter().map(|span| &span.span_id).collect();
        prop_assert_eq!(different.len(), spans.len());
        for record in logs(&ids(), &line) {
            prop_assert_eq!(&record.trace_id, &root.trace_id);
        }
    }
}
