//! `signal-trace explain`: what a finding means and what to do about it, for a terminal.

#[cfg(test)]
mod docs;

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use anstream::AutoStream;
use anyhow::Context as _;
use signal_trace_core::{
    findings::pages::{PAGES, Page},
    system::System,
};

use crate::{
    cli::ExplainArgs,
    sinks::text::{
        style::{BOLD, DIM, of_severity, span},
        wrap::wrap,
    },
};

/// Prints the page, or a list of all.
pub fn run(args: &ExplainArgs) -> anyhow::Result<u8> {
    let text = args.page.map_or_else(|| list(PAGES), page);
    let mut out = AutoStream::auto(io::stdout());
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write the output")?;
    Ok(0)
}

/// Where a line of running text is broken.
const WIDTH: usize = 100;
/// Left margin of what stands below a heading.
const MARGIN: usize = 2;

/// A line for each finding: id, severities, title.
fn list(pages: &[Page]) -> String {
    let width = |text: fn(&Page) -> usize| pages.iter().map(text).max().unwrap_or(0);
    let (ids, severities) = (width(|page| page.id.len()), width(|page| plain(page).len()));
    let mut text = String::new();
    for page in pages {
        let id = span(BOLD, page.id);
        let id_pad = ids - page.id.len();
        let severity_pad = severities - plain(page).len();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{id}{:id_pad$}  {}{:severity_pad$}  {}",
            "",
            coloured(page),
            "",
            page.title
        );
    }
    text
}

/// All about one finding.
fn page(page: &Page) -> String {
    let Page { id, title, severities: _, cause, detection, limits, general, fixes } = page;
    let mut text = format!("{}  {}\n{title}\n", span(BOLD, id), coloured(page));
    for (heading, words) in [
        ("Cause", cause),
        ("How it is detected", detection),
        ("Limits", limits),
        ("What to do", general),
    ] {
        let _ = writeln!(text, "\n{}", span(BOLD, heading));
        for line in wrap(words, WIDTH - MARGIN) {
            let _ = writeln!(text, "{:MARGIN$}{line}", "");
        }
    }
    let column = System::ALL.map(|system| system.name().len()).into_iter().max().unwrap_or(0);
    text.push('\n');
    for (system, fix) in *fixes {
        let indent = MARGIN + column + 2;
        for (number, line) in wrap(fix, WIDTH - indent).iter().enumerate() {
            let label = if number == 0 { system.name() } else { "" };
            let label = span(DIM, &format!("{label:<column$}"));
            let _ = writeln!(text, "{:MARGIN$}{label}  {line}", "");
        }
    }
    text
}

/// `info, error`
fn plain(page: &Page) -> String {
    page.severities.iter().map(|severity| severity.name()).collect::<Vec<_>>().join(", ")
}

/// The same, each in its colour.
fn coloured(page: &Page) -> String {
    let names = page.severities.iter().map(|it| span(of_severity(it.name()), it.name()));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use clap::Parser as _;
    use signal_trace_core::findings::{Severity, pages};

    use super::*;
    use crate::cli::Cli;

    fn sample() -> Page {
        Page {
            id: "a-finding",
            title: "Something is wrong",
            severities: &[Severity::Info, Severity::Error],
            cause: "Because.",
            detection: "So.",
            limits: "None.",
            general: "do this",
            fixes: &[(System::Docker, "set `x`"), (System::Systemd, "set `Y=`")],
        }
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        let short = Page { id: "b", severities: &[Severity::Warning], ..sample() };
        assert_eq!(
            strip_str(&list(&[sample(), short])).to_string(),
            "a-finding  info, error  Something is wrong\n\
             b          warning      Something is wrong\n"
        );
        assert_eq!(list(PAGES).lines().count(), PAGES.len());
        assert!(list(PAGES).contains("\u{1b}["), "colours are taken out later");
    }

    #[test]
    fn a_page_tells_all() {
        assert_eq!(
            strip_str(&page(&sample())).to_string(),
            "a-finding  info, error\n\
             Something is wrong\n\
             \n\
             Cause\n  \
               Because.\n\
             \n\
             How it is detected\n  \
               So.\n\
             \n\
             Limits\n  \
               None.\n\
             \n\
             What to do\n  \
               do this\n\
             \n  \
               Docker            set `x`\n  \
               systemd           set `Y=`\n"
        );
    }

    #[test]
    fn lines_fit() {
        for line in
            PAGES.iter().flat_map(|it| page(it).lines().map(str::to_owned).collect::<Vec<_>>())
        {
            let line = strip_str(&line).to_string();
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn an_unknown_id_is_a_usage_error() {
        let error =
            Cli::try_parse_from(["signal-trace", "explain", "stop-signal-ignord"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        assert!(text.contains("stop-signal-ignord"), "{text}");
        assert!(text.contains("`stop-signal-ignored`"), "{text}");
        let cli = Cli::try_parse_from(["signal-trace", "explain", "Stop_Signal_Ignored"]).unwrap();
        let crate::cli::Command::Explain(args) = cli.command else { panic!("{cli:?}") };
        assert_eq!(args.page.map(|page| page.id), pages::page("stop-signal-ignored").map(|p| p.id));
    }
}
