//! `signal-trace schema`.

use std::io::{self, Write as _};

use anyhow::Context as _;

use crate::sinks::schema;

/// Prints the JSON Schema of every line of `--format jsonl`.
pub fn run() -> anyhow::Result<u8> {
    let mut text = serde_json::to_string_pretty(&schema::json_schema())?;
    text.push('\n');
    io::stdout().write_all(text.as_bytes()).context("cannot write the output")?;
    Ok(0)
}
