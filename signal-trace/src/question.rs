//! What is asked of a session, live or recorded, or of history: whose, what, when; and what the lines
//! that it lets through come to.

use signal_trace_core::findings::Severity;

use crate::{
    filters::Filters,
    history::Range,
    selection::{Selection, severity},
    sinks::schema::{Body, Line},
};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// When.
    pub range: Range,
    /// Whose.
    pub filters: Filters,
    /// What.
    pub selection: Selection,
}

impl Question {
    /// Whether `line` is shown. What marks a session (`recording`, `loss`, `end`) always is.
    pub fn allows(&self, line: &Line) -> bool {
        let Self { range, filters, selection } = self;
        let marks = matches!(line.body, Body::Recording(_) | Body::Loss(_) | Body::End(_));
        marks
            || (filters.allow(line)
                && selection.allow(line)
                && (range.is_all() || range.contains(line.time.into())))
    }
}

impl From<Filters> for Question {
    fn from(filters: Filters) -> Self {
        Self { filters, ..Self::default() }
    }
}

/// What was shown, for the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The worst finding.
    pub worst: Option<Severity>,
    /// A shutdown is inconclusive.
    pub inconclusive: bool,
}

impl Shown {
    /// One line more.
    pub fn add(&mut self, line: &Line) {
        let findings = match &line.body {
            Body::Shutdown(shutdown) => {
                self.inconclusive |= shutdown.verdict == "inconclusive";
                &shutdown.findings[..]
            }
            Body::Finding(line) => std::slice::from_ref(&line.finding),
            _ => &[],
        };
        let worst = findings.iter().map(|finding| Some(severity(finding)));
        self.worst = worst.fold(self.worst, Ord::max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::{sample, schema::Time};

    fn lines() -> Vec<Line> {
        let records = sample::every_record();
        records.iter().map(|record| Line::from_record(record, "n1", false)).collect()
    }

    #[test]
    fn what_marks_a_session_is_shown_whatever_is_asked() {
        let all = lines();
        let since = Some(all[all.len() - 1].time.into());
        let question =
            Question { range: Range { since, ..Range::default() }, ..Question::default() };
        let shown: Vec<_> =
            all.iter().filter(|line| question.allows(line)).map(|line| line.body.kind()).collect();
        assert_eq!(shown, ["loss", "end"]);
        assert!(all.iter().all(|line| Question::default().allows(line)));
    }

    #[test]
    fn every_part_must_agree() {
        let shutdown = lines().into_iter().find(|line| line.body.kind() == "shutdown").unwrap();
        let until = |ns| Some(Time(ns).into());
        let within = Range { until: until(shutdown.time.0 + 1), ..Range::default() };
        let before = Range { until: until(shutdown.time.0), ..Range::default() };
        let of = |pid| Filters { target_pid: vec![pid], ..Filters::default() };
        for (range, filters, allowed) in
            [(within, of(901), true), (before, of(901), false), (within, of(7), false)]
        {
            let question = Question { range, filters, ..Question::default() };
            assert_eq!(question.allows(&shutdown), allowed, "{question:?}");
        }
    }

    #[test]
    fn the_worst_of_what_was_shown_counts() {
        let mut shown = Shown::default();
        let mut all = lines();
        for line in &all {
            shown.add(line);
        }
        assert_eq!(shown, Shown { worst: Some(Severity::Error), inconclusive: false });
        let shutdown = all.iter_mut().find_map(|line| match &mut line.body {
            Body::Shutdown(shutdown) => Some(shutdown),
            _ => None,
        });
        shutdown.unwrap().verdict = "inconclusive".into();
        for line in &all {
            shown.add(line);
        }
        assert!(shown.inconclusive);
    }
}
