//! Colours: what is red went wrong, what is yellow may.

use anstyle::{AnsiColor, Style};
use signal_trace_core::{findings::Severity, verdict::WorkloadVerdict};

pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const RED: Style = AnsiColor::Red.on_default().bold();
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
pub const GREEN: Style = AnsiColor::Green.on_default();

/// `text` in `style`.
pub fn span(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

pub const fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Info => DIM,
        Severity::Warning => YELLOW,
        Severity::Error => RED,
    }
}

pub const fn of_verdict(verdict: WorkloadVerdict) -> Style {
    match verdict {
        WorkloadVerdict::Graceful | WorkloadVerdict::DefaultAction => GREEN,
        WorkloadVerdict::Inconclusive | WorkloadVerdict::StillRunning => YELLOW,
        WorkloadVerdict::OomKilled | WorkloadVerdict::Crashed | WorkloadVerdict::Forced => RED,
    }
}
