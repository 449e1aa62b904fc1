//! `signal-trace report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{
    value::FailOn,
    when::{When, when},
};
use crate::{filters::Filters, selection::Selection};

/// `signal-trace report FILE|DIR... [FILTERS] [--since T] [--until T] [--format F] [-o FILE]`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "T is a duration that is counted back from now (8h, 90m, 2d), or a time in UTC: \
    2026-11-24T03:00:00Z, '2026-11-24 03:00', 2026-11-24 (its beginning), or 03:00 (the last one that \
    there was).\n\nWhy did it restart at 3 am?\n  signal-trace report /var/log/signal-trace --since 02:30 \
    --until 03:30 --pod web-0"
)]
pub struct ReportArgs {
    /// Recordings of `signal-trace record -o FILE`, files of a daemon's file sink, or a folder of
    /// these (all of its signal-trace*.jsonl and signal-trace*.jsonl.zst, in the order of time)
    #[arg(required = true, value_name = "FILE|DIR")]
    pub files: Vec<PathBuf>,
    /// Only what happened at this time or later
    #[arg(long, value_name = "T", value_parser = when, allow_hyphen_values = true)]
    pub since: Option<When>,
    /// Only what happened before this time
    #[arg(long, value_name = "T", value_parser = when, allow_hyphen_values = true)]
    pub until: Option<When>,
    /// What to write
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Write here, not to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with 1 if there are findings of this severity or worse
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Whose.
    #[command(flatten)]
    pub filters: Filters,
    /// What went wrong.
    #[command(flatten)]
    pub selection: Selection,
}

/// `--format` of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// JSON lines, as `record --format jsonl` writes them.
    Json,
}
