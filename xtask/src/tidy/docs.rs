//! Documents: links and paths lead somewhere, and the changelog is open.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::Report;

const CHANGELOG: &str = "CHANGELOG.md";

pub fn check(root: &Path, files: &[PathBuf], report: &mut Report) -> anyhow::Result<()> {
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(root.join(path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        document(root, path, &text, report);
    }
    let changelog = fs::read_to_string(root.join(CHANGELOG)).unwrap_or_default();
    if !changelog.lines().any(|line| matches!(line, "## Unreleased" | "## [Unreleased]")) {
        report.fault(format!("{CHANGELOG}: there is no section `## Unreleased`"));
    }
    Ok(())
}

fn document(root: &Path, path: &Path, text: &str, report: &mut Report) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let place = format!("{}:{}", path.display(), number + 1);
        for link in links(line) {
            if !root.join(folder).join(link).exists() {
                report.fault(format!("{place}: the link to `{link}` leads nowhere"));
            }
        }
        for mention in paths(root, line) {
            if !root.join(mention).exists() {
                report.fault(format!("{place}: there is no `{mention}`"));
            }
        }
    }
}

/// Targets of `[text](target)` that are files, without their `#fragment`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
}

/// `folder/file` in code marks, if the folder is one of the repository's own.
fn paths<'a>(root: &'a Path, line: &'a str) -> impl Iterator<Item = &'a str> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| !code.contains(|c: char| c.is_whitespace() || "*<>{}$…".contains(c)))
        .filter(move |code| {
            let first = code.split_once('/').map(|(first, _)| first);
            first.is_some_and(|first| {
                // What a build makes need not be there.
                !first.is_empty() && first != "target" && root.join(first).is_dir()
            })
        })
}
