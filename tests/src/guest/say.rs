//! The lines by which a guest tells its host: one JSON object each, on the console.

use std::io::Write as _;

use serde_json::Value;

/// What such a line begins with; the kernel and a panic write to the console, too.
pub const MARK: &str = "@@ ";

/// Tells one thing. In one write, so that nothing else comes between.
pub fn line(value: &Value) {
    let text = format!("{MARK}{value}\n");
    std::io::stdout().write_all(text.as_bytes()).expect("the console takes it");
}
