//! Values of options: how they are written, and what is said of one that is written otherwise.

use std::{fmt, str::FromStr, time::Duration};

use clap::ValueEnum;
use glob::Pattern;
use jiff::SignedDuration;
use signal_trace_core::{
    findings::{
        Severity,
        pages::{self, Page},
    },
    signal::Signal,
    verdict::WorkloadVerdict,
};

/// `250ms`, `3s`, `5m`, `1h`; also sums, as `1m30s`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|time| time.try_into().ok());
    parsed.ok_or_else(|| "write a duration as 250ms, 3s, 5m or 1h".to_owned())
}

/// `TERM`, `SIGTERM`, `15`, `RTMIN+3`.
pub fn signal(text: &str) -> Result<Signal, String> {
    Signal::parse(text)
        .ok_or_else(|| "write a signal as TERM, SIGTERM, RTMIN+3, or a number 1 to 64".to_owned())
}

/// A signal that a process can act upon.
pub fn stop_signal(text: &str) -> Result<Signal, String> {
    match signal(text)? {
        Signal::KILL => Err("SIGKILL is no stop signal: no process can act upon it".to_owned()),
        signal => Ok(signal),
    }
}

/// The id of a finding, in any letter case, with hyphens or underscores.
pub fn finding(text: &str) -> Result<&'static Page, String> {
    let id = text.trim().to_ascii_lowercase().replace('_', "-");
    pages::page(&id).ok_or_else(|| {
        let nearest = nearest(&id).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        let hint = if nearest.is_empty() { nearest } else { format!("; near to it: {nearest}") };
        format!("there is no such finding{hint} (`signal-trace explain` lists all)")
    })
}

/// The ids that hold `id`; if there are none, those that are reached by the fewest changes, if few.
fn nearest(id: &str) -> impl Iterator<Item = &'static str> {
    let cost = |known: &str| {
        if id.len() >= 3 && known.contains(id) { 0 } else { changes(id, known) }
    };
    let costs = pages::PAGES.iter().map(|page| (cost(page.id), page.id)).collect::<Vec<_>>();
    let least = costs.iter().map(|(cost, _)| *cost).min().filter(|cost| *cost <= id.len() / 2);
    costs.into_iter().filter(move |(cost, _)| Some(*cost) == least).map(|(_, id)| id)
}

/// How many bytes must be put in, taken out or replaced to make `b` of `a` (Levenshtein distance).
fn changes(a: &str, b: &str) -> usize {
    let mut row = (0..=b.len()).collect::<Vec<_>>();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The verdict of a workload, by its name.
pub fn verdict(text: &str) -> Result<WorkloadVerdict, String> {
    let wanted = text.trim().to_ascii_lowercase().replace('_', "-");
    WorkloadVerdict::ALL.into_iter().find(|known| known.name() == wanted).ok_or_else(|| {
        format!("choose one of {}", WorkloadVerdict::ALL.map(WorkloadVerdict::name).join(", "))
    })
}

/// Log level of the eBPF programs, 0 for none to 5.
pub fn log_level(text: &str) -> Result<u8, String> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let level = levels.iter().position(|level| *level == text);
    level
        .and_then(|level| u8::try_from(level).ok())
        .ok_or_else(|| format!("choose one of {}", levels.join(", ")))
}

/// A pattern with `*`, `?` and `[...]`, none of which stops at a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Pattern);

impl Glob {
    /// As it was written.
    pub fn text(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is more than a name.
    pub fn has_wildcards(&self) -> bool {
        self.text().contains(['*', '?', '['])
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text)
    }
}

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Pattern::new(text).map(Self).map_err(|error| format!("{}: no such pattern", error.msg))
    }
}

/// `--fail-on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Any finding.
    Info,
    /// Findings that will hurt.
    Warning,
    /// Findings that hurt.
    Error,
}

impl From<FailOn> for Severity {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Info => Self::Info,
            FailOn::Warning => Self::Warning,
            FailOn::Error => Self::Error,
        }
    }
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Severity::from(*self).name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_documented() {
        for (text, ms) in
            [("250ms", 250), ("3s", 3_000), ("5m", 300_000), ("1h", 3_600_000), ("1m30s", 90_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "3", "-3s", "3 apples", "s", "1e9s", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_stop_is_no_stop_signal() {
        assert_eq!(stop_signal("rtmin+3").map(Signal::number), Ok(37));
        assert!(stop_signal("KILL").is_err());
        assert!(stop_signal("TERMINATE").is_err());
    }

    #[test]
    fn log_levels_are_numbered_as_aya_does() {
        assert_eq!(log_level("off"), Ok(0));
        assert_eq!(log_level("trace"), Ok(5));
        assert!(log_level("loud").is_err());
    }
    #[test]
    fn findings_are_found_however_they_are_written() {
        for text in ["oom-kill", "OOM_Kill", " oom-kill "] {
            assert_eq!(finding(text).map(|page| page.id), Ok("oom-kill"), "{text}");
        }
    }

    #[test]
    fn unknown_findings_are_answered_with_the_nearest() {
        for (text, near) in [
            ("stop-signal-ignord", "near to it: `stop-signal-ignored` ("),
            ("zombie", "near to it: `zombie-not-reaped` ("),
            ("grace", "near to it: `grace-period-exceeded`, `grace-period-nearly-exceeded`, "),
            ("", "there is no such finding (`signal-trace explain` lists all)"),
            ("\u{1b}[31m\u{e9}", "there is no such finding (`signal-trace explain` lists all)"),
        ] {
            let message = finding(text).unwrap_err();
            assert!(message.contains(near), "{text}: {message}");
        }
    }

    #[test]
    fn changes_are_counted() {
        for (a, b, count) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(changes(a, b), count, "{a} {b}");
        }
    }
}
