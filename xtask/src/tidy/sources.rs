//! Rust sources and manifests: first lines, sizes, banned words, lints.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::Report;

/// A file this long has more than one job.
const MOST_LINES: usize = 500;
/// A file this long may soon have.
const MANY_LINES: usize = 300;

/// Put together here, so that this file does not hold them.
const BANNED: [(&str, &str); 3] = [
    (concat!("#[", "ignore"), "a test that is skipped is no test"),
    (concat!("todo", "!("), "finish it"),
    (concat!("unimplemented", "!("), "finish it"),
];

pub fn check(root: &Path, files: &[PathBuf], report: &mut Report) -> anyhow::Result<()> {
    for path in files {
        let text = || {
            fs::read_to_string(root.join(path))
                .with_context(|| format!("cannot read {}", path.display()))
        };
        if path.extension().is_some_and(|extension| extension == "rs") {
            source(path, &text()?, report);
        } else if path.file_name().is_some_and(|name| name == "Cargo.toml") {
            manifest(path, &text()?, report);
        }
    }
    Ok(())
}

fn source(path: &Path, text: &str, report: &mut Report) {
    let name = path.display();
    if !text.starts_with("//! ") {
        report.fault(format!("{name}: the first line must say what the file is for: `//! ...`"));
    }
    match text.lines().count() {
        lines if lines > MOST_LINES => {
            report.fault(format!("{name}: {lines} lines, at most {MOST_LINES}: split it"));
        }
        lines if lines > MANY_LINES => report.warning(format!("{name}: {lines} lines")),
        _ => {}
    }
    for (number, line) in text.lines().enumerate() {
        for (word, why) in BANNED.iter().filter(|(word, _)| line.contains(word)) {
            report.fault(format!("{name}:{}: `{word}`: {why}", number + 1));
        }
    }
}

/// Every crate takes the workspace's lints; one that is a workspace of its own lists them.
fn manifest(path: &Path, text: &str, report: &mut Report) {
    let wanted: &[&str] = match (text.contains("[package]"), text.contains("[workspace]")) {
        (true, false) => &["[lints]\nworkspace = true"],
        (true, true) => &["[lints.rust]", "[lints.clippy]\npedantic"],
        (false, _) => &["[workspace.lints.rust]", "[workspace.lints.clippy]\npedantic"],
    };
    for lints in wanted.iter().filter(|lints| !text.contains(*lints)) {
        report.fault(format!("{}: no {lints:?}", path.display()));
    }
}
