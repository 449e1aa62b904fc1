//! Colours: what is red went wrong, what is yellow may.

use anstyle::{AnsiColor, Style};

pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const RED: Style = AnsiColor::Red.on_default().bold();
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
pub const GREEN: Style = AnsiColor::Green.on_default();

/// `text` in `style`.
pub fn span(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// By the name of a severity.
pub fn of_severity(severity: &str) -> Style {
    match severity {
        "info" => DIM,
        "warning" => YELLOW,
        _ => RED,
    }
}

/// By the name of a workload's verdict.
pub fn of_verdict(verdict: &str) -> Style {
    match verdict {
        "graceful" | "default-action" => GREEN,
        "inconclusive" | "still-running" => YELLOW,
        _ => RED,
    }
}
