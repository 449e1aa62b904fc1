//! `signal-trace report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value::FailOn;
use crate::filters::Filters;

/// `signal-trace report FILE... [FILTERS] [--format F] [-o FILE]`
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Recordings that `signal-trace record -o FILE` made
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
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
}

/// `--format` of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Text,
    /// JSON lines, as `record --format jsonl` writes them.
    Json,
}
