//! The documents that are made of the table: `docs/lab.md`, and the outputs that
//! `docs/graceful-shutdown.md` shows.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    BY_NAME, EVERYDAY, System,
    row::{self, Row},
};

/// What a block of the page begins with: `<!-- lab: SYSTEM | CASE -->`, and a fence.
const MARK: &str = "<!-- lab: ";
const FENCE: &str = "```";

const HEAD: &str = "# The lab

Made by `cargo xtask lab --write-docs`; do not edit. Each row is a real system that was stopped for real, beside a `signal-trace record` of the whole node. *Expected* and *got* are
what its engine and the harness say: the exit code (128 + N for death by signal N), the time from the request to stop to the end, and what else shows that work was lost or kept; *got* is of the run that
wrote its section. *Verdict* is what signal-trace said of the workload and, in brackets, of its main process; *root cause* lists its findings above `info`. A row is right only if all of it, and the fields that
the table has no room for (sender, killer, grace period and who told it, exit status), are as they must be. How these systems are to be set up is in [graceful-shutdown.md](graceful-shutdown.md).
";

/// Writes the sections of these systems into `docs/lab.md`, and their outputs into the page of
/// outputs. Other sections stay.
pub fn write(systems: &[System], rows: &[Row]) {
    let path = document("lab.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let mut text = HEAD.to_owned();
    for system in EVERYDAY.iter().chain(BY_NAME) {
        let ran = systems.iter().any(|one| one.name == system.name);
        let section = if ran { Some(section_of(system, rows)) } else { section_in(&old, system) };
        let section = section.unwrap_or_else(|| format!("## {}\n\nNot run yet.\n", system.title));
        let _infallible = write!(text, "\n{section}");
    }
    put(&path, &text);
    let path = document("graceful-shutdown.md");
    if let Ok(page) = fs::read_to_string(&path) {
        put(&path, &with_outputs(&page, rows));
    }
}

/// What is stale in the documents, by the rows of a system that was just run.
pub fn faults(system: &System, rows: &[Row]) -> Vec<String> {
    let mut faults = Vec::new();
    let lab = fs::read_to_string(document("lab.md")).unwrap_or_default();
    let section = section_in(&lab, system).unwrap_or_default();
    for row in rows {
        let fixed = row.fixed_columns().map(|column| format!("| {column} "));
        let shown = |line: &str| fixed.iter().all(|column| line.contains(column.as_str()));
        if !section.lines().any(shown) {
            faults.push(format!("no row of docs/lab.md says {}", fixed.concat()));
        }
    }
    let page = fs::read_to_string(document("graceful-shutdown.md")).unwrap_or_default();
    for (name, case, block) in blocks(&page).filter(|(name, ..)| *name == system.name) {
        let Some(row) = rows.iter().find(|row| row.case == case) else {
            faults.push(format!("docs/graceful-shutdown.md shows {name} | {case}: no such case"));
            continue;
        };
        let (theirs, ours) = (judgements(block), judgements(&row.text));
        if theirs != ours {
            faults.push(format!(
                "docs/graceful-shutdown.md shows of {name} | {case} {theirs:?}, now it is {ours:?}"
            ));
        }
    }
    if !faults.is_empty() {
        faults.push(format!(
            "write them again: cargo xtask lab {} --write-docs, as root",
            system.name
        ));
    }
    faults
}

fn section_of(system: &System, rows: &[Row]) -> String {
    let mut text = format!("## {}\n\n{}\n\n", system.title, system.about);
    let _infallible = writeln!(text, "{}", row::markdown_head());
    for row in rows.iter().filter(|row| row.system == system.name) {
        let _infallible = writeln!(text, "{}", row.markdown());
    }
    text
}

fn section_in(text: &str, system: &System) -> Option<String> {
    let heading = format!("## {}\n", system.title);
    let start = text.find(&heading)?;
    let length = text[start + 1..].find("\n## ").map_or(text.len() - start, |end| end + 2);
    Some(text[start..start + length].trim_end().to_owned() + "\n")
}

/// System, case and text of each block.
fn blocks(page: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    page.split(MARK).skip(1).filter_map(block).map(|(system, case, at, part)| {
        let text = &part[at];
        (system, case, text)
    })
}

/// Of what comes after a mark: system, case, and where the text is in it.
fn block(part: &str) -> Option<(&str, &str, Range<usize>, &str)> {
    let (head, rest) = part.split_once(" -->\n")?;
    let (system, case) = head.split_once(" | ")?;
    let (fence, body) = rest.split_once('\n').filter(|(line, _)| line.starts_with(FENCE))?;
    let start = part.len() - rest.len() + fence.len() + 1;
    Some((system, case, start..start + body.find(FENCE)?, part))
}

/// The page, with what was just said in its blocks.
fn with_outputs(page: &str, rows: &[Row]) -> String {
    let mut parts = page.split(MARK);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(MARK);
        let new = block(part).and_then(|(system, case, at, _)| {
            let row = rows.iter().find(|row| row.system == system && row.case == case)?;
            Some([&part[..at.start], &shown(&row.text), &part[at.end..]].concat())
        });
        text.push_str(new.as_deref().unwrap_or(part));
    }
    text
}

/// Without the first line and the last ones, which are about the session.
fn shown(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("signal-trace "));
    let lines = lines.take_while(|line| !line.contains("s  end  "));
    lines.flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The verdicts and findings in a text for people: what does not vary from run to run.
fn judgements(text: &str) -> BTreeSet<String> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let of_line = |line: &str| {
        let words = words(line);
        let first = words.first()?.as_str();
        match first {
            "error" | "warning" | "info" => Some(words.join(" ")),
            _ if first.starts_with('+')
                && words.get(1)?.chars().all(|c| c.is_ascii_uppercase()) =>
            {
                Some(words.get(1)?.clone()).filter(|word| !word.starts_with("SIG"))
            }
            _ => None,
        }
    };
    text.lines().filter_map(of_line).collect()
}

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Page\n\n<!-- lab: shell | trap -->\n```text\nold\n```\nmore\n\
                        <!-- lab: other | x -->\n```text\nkept\n```\n";

    fn row(text: &str) -> Row {
        Row {
            system: "shell",
            case: "trap",
            expected: "exit 0".into(),
            got: "exit 0".into(),
            verdict: "graceful (graceful)".into(),
            causes: vec![],
            faults: vec![],
            text: text.into(),
        }
    }

    #[test]
    fn blocks_are_replaced_by_what_was_said_and_others_stay() {
        let text =
            "signal-trace 0.1.0: node\n  +1s  GRACEFUL   container x\n   +2s  end  1 shutdown\n";
        let page = with_outputs(PAGE, &[row(text)]);
        assert_eq!(page, PAGE.replace("old\n", "  +1s  GRACEFUL   container x\n"));
    }

    #[test]
    fn a_block_that_is_still_empty_is_filled_where_it_is() {
        let page = "<!-- lab: shell | trap -->\n```text\n```\n";
        let filled = with_outputs(page, &[row("  +1s  GRACEFUL   container x\n")]);
        assert_eq!(filled, page.replace("text\n", "text\n  +1s  GRACEFUL   container x\n"));
    }

    #[test]
    fn judgements_are_verdicts_and_findings_and_no_times() {
        let text = "   +0.368969s  SIGTERM    runc[1] -> sh[2]\n   +0.4s  FORCED     container x\n\
                    \x20              error    stop-signal-not-forwarded\n\
                    \x20                       sleep[1] never got SIGTERM\n";
        let found: Vec<_> = judgements(text).into_iter().collect();
        assert_eq!(found, ["FORCED", "error stop-signal-not-forwarded"]);
    }

    #[test]
    fn sections_are_found_by_their_title() {
        let system = System { name: "b", title: "B", about: "", run: |_| vec![] };
        assert_eq!(
            section_in("# H\n\n## A\n\na\n\n## B\n\nb\n\n## C\n", &system).as_deref(),
            Some("## B\n\nb\n")
        );
        assert_eq!(section_in("## B\n\nb\n", &system).as_deref(), Some("## B\n\nb\n"));
        assert_eq!(section_in("## A\n", &system), None);
    }
}
