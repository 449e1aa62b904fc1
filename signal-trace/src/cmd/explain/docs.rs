//! `docs/findings.md`, made from the same pages.

use std::{fmt::Write as _, fs, path::Path};

use signal_trace_core::findings::pages::{PAGES, Page};

use super::{plain, wrap};

const HEAD: &str = "\
<!-- Generated from signal-trace-core/src/findings/pages; do not edit. To write it again: \
     BLESS=1 cargo test -p signal-trace docs_findings -->

# Findings

What signal-trace says of a case, why this happens, how it knows, and what to do. `signal-trace explain ID` prints the
same. `error`: work was cut off, or something was left behind. `warning`: it will hurt sooner or later. `info`: worth
knowing, nothing went wrong by it.

HUP, INT and QUIT (unless `--stop-signal` names them), and a stop signal to another than the main process, need not be
meant for the whole workload. If nobody sends SIGKILL then, nothing is reported of a main process that lives on, and
all findings are `info` if it ends.

";
const WIDTH: usize = 120;

fn markdown(pages: &[Page]) -> String {
    let mut text = HEAD.to_owned();
    text.push_str("| finding | severity | |\n|---|---|---|\n");
    for page in pages {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| [`{0}`](#{0}) | {1} | {2} |", page.id, plain(page), page.title);
    }
    for page in pages {
        let Page { id, title, severities: _, cause, detection, limits, general, fixes } = page;
        let _ = writeln!(text, "\n## `{id}`\n\n**{title}** ({})", plain(page));
        for (heading, words) in [
            ("Cause", cause.to_string()),
            ("How it is detected", detection.to_string()),
            ("Limits", limits.to_string()),
            ("What to do", format!("{general}.")),
        ] {
            let lines = wrap(&format!("**{heading}:** {words}"), WIDTH).join("\n");
            let _ = writeln!(text, "\n{lines}");
        }
        text.push('\n');
        for (system, fix) in *fixes {
            let _ = writeln!(text, "- {}: {fix}", system.name());
        }
    }
    text
}

#[test]
fn docs_findings_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/findings.md");
    let text = markdown(PAGES);
    if std::env::var_os("BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&path, text).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let same = text.lines().zip(found.lines()).take_while(|(now, then)| now == then).count();
    assert!(
        text == found,
        "docs/findings.md is stale from line {} on: run BLESS=1 cargo test -p signal-trace \
         docs_findings",
        same + 1
    );
}
