//! Reads what a guest told on its console, and finds what is missing from it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::boot::Ended;

/// What a line of the guest begins with (`tests/src/guest/say.rs`).
const MARK: &str = "@@ ";
/// How much of what else is on a console helps to see what went wrong.
const LAST_LINES: usize = 25;

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    /// The first one.
    Boot(Boot),
    /// What came of a case.
    Case(Case),
    /// All cases of a layout of cgroups were run: so many.
    Done { cgroups: String, cases: usize },
    /// They were not.
    Failed { cgroups: String, why: String },
    /// The last one.
    End,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Boot {
    release: String,
    version: String,
    /// As the kernel shows it: all ways, with the one in brackets that it takes. Empty if the
    /// kernel cannot change it.
    preempt: String,
    /// The layouts that are to come.
    cgroups: Vec<String>,
}

/// A case in one layout of cgroups.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    pub cgroups: String,
    #[serde(rename = "case")]
    pub name: String,
    pub faults: Vec<String>,
}

/// All that one boot showed.
#[derive(Clone, Debug, Default)]
pub struct Run {
    boot: Option<Boot>,
    pub cases: Vec<Case>,
    /// What is wrong beside cases.
    broken: Vec<String>,
}

/// Reads the console of a machine that has ended.
pub fn parse(ended: &Ended) -> Run {
    let mut run = Run::default();
    let mut done = BTreeMap::new();
    let mut end = false;
    let mut other = Vec::new();
    for line in ended.console.lines() {
        // Firmware and kernel leave the cursor anywhere.
        let Some((_, text)) = line.split_once(MARK) else {
            other.push(line);
            continue;
        };
        match serde_json::from_str(text) {
            Ok(Line::Boot(boot)) => run.boot = Some(boot),
            Ok(Line::Case(case)) => run.cases.push(case),
            Ok(Line::Done { cgroups, cases }) => drop(done.insert(cgroups, cases)),
            Ok(Line::Failed { cgroups, why }) => {
                run.broken.push(format!("{cgroups}: the harness failed: {why}"));
            }
            Ok(Line::End) => end = true,
            Err(error) => run.broken.push(format!("a line cannot be read ({error}): {text}")),
        }
    }
    for layout in run.boot.iter().flat_map(|boot| &boot.cgroups) {
        let told = run.cases.iter().filter(|case| case.cgroups == *layout).count();
        match done.get(layout) {
            Some(cases) if *cases == told => {}
            Some(cases) => run.broken.push(format!("{layout}: {told} of {cases} cases were told")),
            None => run.broken.push(format!("{layout}: not all cases were run")),
        }
    }
    if ended.hung {
        run.broken.push(format!("it hung, and was ended after {} s", ended.seconds));
    } else if !end {
        run.broken.push("it ended before it was through: a panic of the kernel?".to_owned());
    }
    if !run.broken.is_empty() {
        let last = &other[other.len().saturating_sub(LAST_LINES)..];
        run.broken.push(format!("the last lines of its console:\n    {}", last.join("\n    ")));
    }
    run
}

impl Run {
    /// Whether our init ran.
    pub const fn began(&self) -> bool {
        self.boot.is_some()
    }

    /// The version of Debian's package, else the release.
    pub fn kernel(&self) -> &str {
        let Some(boot) = &self.boot else { return "?" };
        let mut words = boot.version.split(' ').skip_while(|word| *word != "Debian").skip(1);
        let package = words.next().and_then(|version| version.split('-').next());
        package.filter(|version| !version.is_empty()).unwrap_or(&boot.release)
    }

    /// How it preempts; empty if that was decided when it was built.
    pub fn preemption(&self) -> &str {
        let preempt = self.boot.as_ref().map_or("", |boot| &boot.preempt);
        let inner = preempt.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        inner.map_or("", |(chosen, _)| chosen)
    }

    /// Notes if it does not preempt so.
    pub fn must_preempt(&mut self, wanted: &str) {
        let found = self.preemption();
        if found != wanted {
            self.broken.push(format!("its preemption is `{found}`, must be `{wanted}`"));
        }
    }

    /// For messages.
    pub fn title(&self) -> String {
        format!("{} {}", self.kernel(), self.preemption()).trim_end().to_owned()
    }

    /// Right cases, and all.
    pub fn counts(&self) -> (usize, usize) {
        (self.cases.iter().filter(|case| case.faults.is_empty()).count(), self.cases.len())
    }

    /// Whether nothing at all was wrong.
    pub fn is_right(&self) -> bool {
        self.faults().next().is_none() && !self.cases.is_empty()
    }

    /// All that was wrong.
    pub fn faults(&self) -> impl Iterator<Item = String> {
        let of_cases = self.cases.iter().flat_map(|case| {
            case.faults.iter().map(move |fault| format!("{}: {}: {fault}", case.cgroups, case.name))
        });
        of_cases.chain(self.broken.iter().cloned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A console with a boot of one layout.
    pub fn console(version: &str, preempt: &str, rest: &str) -> Ended {
        let boot = format!(
            "\u{1b}[2J@@ {{\"type\":\"boot\",\"release\":\"6.1.0-50\",\"version\":\"{version}\",\
             \"preempt\":\"{preempt}\",\"cgroups\":[\"v2\"]}}"
        );
        Ended { console: format!("SeaBIOS\n{boot}\n{rest}"), hung: false, seconds: 5 }
    }

    const GOOD: &str = "@@ {\"type\":\"case\",\"cgroups\":\"v2\",\"case\":\"a\",\"faults\":[]}\n\
                        @@ {\"type\":\"done\",\"cgroups\":\"v2\",\"cases\":1}\n@@ {\"type\":\"end\"}\n";
    const DEBIAN: &str = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)";

    fn faults(ended: &Ended) -> String {
        parse(ended).faults().collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn good_run_is_right() {
        let run = parse(&console(DEBIAN, "none (voluntary) full", GOOD));
        assert!(run.is_right() && run.began());
        assert_eq!((run.title().as_str(), run.counts()), ("6.1.176 voluntary", (1, 1)));
        let run = parse(&console("#1 SMP", "", GOOD));
        assert!(run.is_right());
        assert_eq!(run.preemption(), "");
        assert_eq!(run.title(), "6.1.0-50");
    }

    #[test]
    fn wrong_preemption_is_a_fault() {
        let mut run = parse(&console(DEBIAN, "none (voluntary) full", GOOD));
        run.must_preempt("voluntary");
        assert!(run.is_right());
        run.must_preempt("full");
        assert!(!run.is_right());
    }

    #[test]
    fn faults_of_cases_are_told() {
        let rest = GOOD.replace("[]", "[\"no exit\"]");
        let run = parse(&console(DEBIAN, "", &rest));
        assert_eq!(run.faults().collect::<Vec<_>>(), ["v2: a: no exit"]);
        assert_eq!(run.counts(), (0, 1));
    }

    #[test]
    fn whatever_is_missing_is_a_fault() {
        let without = |line: &str| {
            let rest: Vec<_> = GOOD.lines().filter(|l| !l.contains(line)).collect();
            faults(&console(DEBIAN, "", &rest.join("\n")))
        };
        assert!(without("case\"").contains("v2: 0 of 1 cases were told"));
        assert!(without("done").contains("v2: not all cases were run"));
        assert!(without("\"end\"").contains("a panic of the kernel?"));

        let torn = GOOD.replace("\"faults\":[]", "\"fau[ 12.3] BUG");
        assert!(faults(&console(DEBIAN, "", &torn)).contains("cannot be read"));

        let failed = format!(
            "panicked at x\n@@ {{\"type\":\"failed\",\"cgroups\":\"v2\",\"why\":\"101\"}}\n{GOOD}"
        );
        let told = faults(&console(DEBIAN, "", &failed));
        assert!(told.contains("v2: the harness failed: 101"));
        assert!(told.contains("panicked at x"), "the console is shown: {told}");

        let hung = Ended { hung: true, ..console(DEBIAN, "", GOOD) };
        assert!(faults(&hung).contains("it hung, and was ended after 5 s"));

        let nothing = Ended { console: "Kernel panic".to_owned(), ..Ended::default() };
        assert!(!parse(&nothing).began() && !parse(&nothing).is_right());
        assert!(faults(&nothing).contains("Kernel panic"));
    }
}
