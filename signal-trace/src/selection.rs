//! What went wrong: which shutdowns and findings an output shows, beside whose they are.

use clap::Args;
use signal_trace_core::{
    findings::{Severity, pages::Page},
    verdict::WorkloadVerdict,
};

use crate::{
    cli::value::{self, FailOn},
    sinks::schema::{Body, Finding, Line},
};

/// Which shutdowns and findings are shown. Lines that are neither are hidden if anything is asked
/// for; what marks a session (`recording`, `loss`, `end`) is always shown.
#[derive(Args, Clone, Debug, Default)]
#[command(
    next_help_heading = "Filters (repeat one for alternatives; different ones must all match)"
)]
pub struct Selection {
    /// Only shutdowns with this finding, and this finding by itself
    #[arg(long, value_name = "ID", value_parser = value::finding)]
    pub finding: Vec<&'static Page>,
    /// Only shutdowns with this verdict: graceful, default-action, forced, oom-killed, crashed,
    /// still-running, inconclusive
    #[arg(long, value_name = "VERDICT", value_parser = value::verdict)]
    pub verdict: Vec<WorkloadVerdict>,
    /// Only shutdowns with findings of this severity or worse, and those findings by themselves
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub min_severity: Option<FailOn>,
}

impl Selection {
    /// Whether everything is shown.
    pub fn is_empty(&self) -> bool {
        self.finding.is_empty() && self.verdict.is_empty() && self.min_severity.is_none()
    }

    /// Whether lines of this type (`type` on the wire) can be shown at all.
    pub fn concerns(&self, kind: &str) -> bool {
        match kind {
            "recording" | "loss" | "end" | "shutdown" => true,
            "finding" => self.verdict.is_empty(),
            _ => self.is_empty(),
        }
    }

    /// Whether `line` is shown.
    pub fn allow(&self, line: &Line) -> bool {
        if !self.concerns(line.body.kind()) {
            return false;
        }
        match &line.body {
            Body::Shutdown(shutdown) => {
                let mut verdicts = self.verdict.iter();
                (self.verdict.is_empty() || verdicts.any(|it| it.name() == shutdown.verdict))
                    && self.allow_findings(&shutdown.findings)
            }
            Body::Finding(line) => self.allow_findings(std::slice::from_ref(&line.finding)),
            _ => true,
        }
    }

    /// One finding must be all that is asked for.
    fn allow_findings(&self, findings: &[Finding]) -> bool {
        if self.finding.is_empty() && self.min_severity.is_none() {
            return true;
        }
        findings.iter().any(|it| {
            let mut wanted = self.finding.iter();
            (self.finding.is_empty() || wanted.any(|page| page.id == it.id))
                && self.min_severity.is_none_or(|least| severity(it) >= least.into())
        })
    }
}

/// How bad a finding is. One that a later version has a new word for is taken seriously.
pub fn severity(finding: &Finding) -> Severity {
    let known = Severity::ALL.into_iter().find(|known| known.name() == finding.severity);
    known.unwrap_or(Severity::Error)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::sinks::sample;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        selection: Selection,
    }

    /// Types of the lines that are shown of one of each, `shutdown` and `finding` with their verdict
    /// or id.
    fn shown(arguments: &[&str]) -> Vec<String> {
        let arguments = [&["x"], arguments].concat();
        let selection = Command::try_parse_from(arguments).map_err(|e| e.to_string());
        let selection = selection.expect("valid arguments").selection;
        let records = sample::every_record();
        let lines = records.iter().map(|record| Line::from_record(record, "n1", false));
        lines.filter(|line| selection.allow(line)).map(|line| name(&line)).collect()
    }

    fn name(line: &Line) -> String {
        match &line.body {
            Body::Shutdown(shutdown) => format!("shutdown {}", shutdown.verdict),
            Body::Finding(line) => format!("finding {}", line.finding.severity),
            body => body.kind().to_owned(),
        }
    }

    #[test]
    fn nothing_asked_is_everything_shown() {
        assert_eq!(shown(&[]).len(), sample::every_record().len());
    }

    #[test]
    fn a_finding_is_shown_in_its_shutdown_and_by_itself() {
        assert_eq!(
            shown(&["--finding", "pid1-ignores-stop-signal"]),
            ["shutdown forced", "finding warning", "loss", "end"]
        );
        assert_eq!(shown(&["--finding", "oom-kill"]), ["loss", "end"]);
    }

    #[test]
    fn severity_and_finding_must_be_of_one_finding() {
        assert_eq!(shown(&["--min-severity", "error"]), ["shutdown forced", "loss", "end"]);
        let both = ["--min-severity", "error", "--finding", "pid1-ignores-stop-signal"];
        assert_eq!(shown(&both), ["shutdown forced", "loss", "end"]);
        assert_eq!(shown(&["--min-severity", "error", "--finding", "oom-kill"]), ["loss", "end"]);
    }

    #[test]
    fn a_verdict_is_that_of_the_workload() {
        let running = ["--verdict", "still-running", "--verdict", "graceful"];
        assert_eq!(shown(&running), ["shutdown still-running", "loss", "end"]);
        let wrong = Command::try_parse_from(["x", "--verdict", "overran"]).map(|_| ());
        assert!(wrong.unwrap_err().to_string().contains("oom-killed"));
    }
}
