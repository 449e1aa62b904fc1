//! A cheap test on the bytes of a line: whether what is asked for can be in it at all.
//!
//! It lets through too much rather than too little: names in it are looked for as far as they are
//! written in JSON as on the command line, and who passes is looked at properly.

use memchr::memmem::Finder;

use crate::{cli::value::Glob, filters::Filters, selection::Selection};
use signal_trace_core::findings::Severity;

/// For every kind of filter the texts of which one must occur.
#[derive(Debug, Default)]
pub struct Prefilter(Vec<Vec<Finder<'static>>>);

/// A shorter text is in every other line.
const SHORTEST: usize = 2;

impl Prefilter {
    /// The test for what is asked.
    pub fn of(filters: &Filters, selection: &Selection) -> Self {
        let Filters {
            target_pid,
            sender_pid,
            container,
            image,
            pod,
            namespace,
            unit,
            cgroup,
            comm,
            signal,
        } = filters;
        let Selection { finding, verdict, min_severity } = selection;
        let mut test = Self::default();
        test.require(finding, |page| vec![format!("\"{}\"", page.id)]);
        test.require(verdict, |verdict| vec![format!("\"{}\"", verdict.name())]);
        // A later version may have a new word for something worse.
        if min_severity.is_some_and(|least| Severity::from(least) > Severity::Info) {
            test.require(&[()], |()| vec!["\"severity\"".to_owned()]);
        }
        test.require(pod, |glob| {
            fragment(glob, if may_be_uid(glob) { is_in_uid } else { is_plain })
        });
        test.require(container, |glob| {
            fragment(glob, is_plain).into_iter().flat_map(cases).collect()
        });
        for globs in [image, namespace, unit, cgroup, comm] {
            test.require(globs, |glob| fragment(glob, is_plain));
        }
        for pids in [target_pid, sender_pid] {
            test.require(pids, |pid| vec![pid.to_string()]);
        }
        test.require(signal, |signal| fragment_of(&signal.name(), is_plain));
        test
    }

    /// Whether the line is worth to be looked at.
    pub fn passes(&self, line: &[u8]) -> bool {
        self.0.iter().all(|texts| texts.iter().any(|text| text.find(line).is_some()))
    }

    /// One of the texts of one of `wanted`; nothing if there is one without a text.
    fn require<T>(&mut self, wanted: &[T], texts: impl Fn(&T) -> Vec<String>) {
        let texts: Vec<_> = wanted.iter().map(texts).collect();
        if !texts.is_empty() && texts.iter().all(|texts| !texts.is_empty()) {
            let finder = |text: String| Finder::new(text.as_bytes()).into_owned();
            self.0.push(texts.into_iter().flatten().map(finder).collect());
        }
    }
}

/// What is never escaped, neither in JSON nor as bytes that are no text.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':')
}

/// Dashes of uids are underscores in paths.
const fn is_in_uid(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Whether the uid of a pod can match.
fn may_be_uid(glob: &Glob) -> bool {
    before_brackets(glob).bytes().all(|byte| byte.is_ascii_hexdigit() || b"-*?".contains(&byte))
}

fn before_brackets(glob: &Glob) -> &str {
    glob.text().split('[').next().unwrap_or_default()
}

/// The longest part of what a pattern matches, out of bytes that are plain.
fn fragment(glob: &Glob, is_plain: fn(u8) -> bool) -> Vec<String> {
    // What stands in brackets, and after them, is not looked at.
    fragment_of(before_brackets(glob), is_plain)
}

fn fragment_of(text: &str, is_plain: fn(u8) -> bool) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_ascii() || !u8::try_from(c).is_ok_and(is_plain));
    let longest = parts.max_by_key(|part| part.len()).filter(|part| part.len() >= SHORTEST);
    longest.map(str::to_owned).into_iter().collect()
}

/// The ids of containers are compared without regard to case.
fn cases(text: String) -> Vec<String> {
    if text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return vec![text.to_ascii_lowercase(), text.to_ascii_uppercase(), text];
    }
    vec![text]
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use proptest::prelude::*;

    use super::*;
    use crate::sinks::{jsonl::append_line, sample, schema::Line};

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        filters: Filters,
        #[command(flatten)]
        selection: Selection,
    }

    fn command(arguments: &[&str]) -> Command {
        let arguments = [&["x"], arguments].concat();
        Command::try_parse_from(arguments).map_err(|e| e.to_string()).expect("valid arguments")
    }

    fn lines() -> Vec<(Line, Vec<u8>)> {
        let records = sample::every_record();
        let lines = records.iter().map(|record| Line::from_record(record, "n1", false));
        let json = |line: &Line| {
            let mut json = vec![];
            append_line(&mut json, line);
            json
        };
        lines.map(|line| (json(&line), line)).map(|(json, line)| (line, json)).collect()
    }

    /// How many lines are shown, and how many the test lets through. None that is shown may be held
    /// back.
    #[track_caller]
    fn check(arguments: &[&str]) -> (usize, usize) {
        let Command { filters, selection } = command(arguments);
        let test = Prefilter::of(&filters, &selection);
        let (mut shown, mut looked_at) = (0, 0);
        for (line, json) in lines() {
            if matches!(line.body.kind(), "loss" | "end") {
                continue;
            }
            let allowed = filters.allow(&line) && selection.allow(&line);
            let passes = test.passes(&json);
            assert!(passes || !allowed, "{arguments:?} is held back: {line:?}");
            shown += usize::from(allowed);
            looked_at += usize::from(passes);
        }
        (shown, looked_at)
    }

    #[test]
    fn nothing_that_is_asked_for_is_held_back() {
        let all = check(&[]).1;
        for arguments in [
            &["--container", sample::CONTAINER][..],
            &["--container", "9F2C"],
            &["--container", "9f2c*", "--signal", "TERM"],
            &["--pod", "web-0*"],
            &["--namespace", "shop"],
            &["--comm", "sh"],
            &["--comm", "*evil*"],
            &["--target-pid", "902"],
            &["--cgroup", "/docker"],
            &["--signal", "USR1"],
            &["--finding", "pid1-ignores-stop-signal"],
            &["--verdict", "still-running"],
            &["--min-severity", "warning"],
        ] {
            let (shown, passed) = check(arguments);
            assert!(shown > 0 && passed < all, "{arguments:?}: {shown} of {passed} of {all}");
        }
        // Every process here is a child of it.
        assert_eq!(check(&["--sender-pid", "812"]).1, all);
        // Without a text to look for, everything is looked at.
        assert_eq!(check(&["--comm", "?"]).1, all);
        assert_eq!(check(&["--comm", "[sx]h"]).1, all);
        assert_eq!(check(&["--comm", "nobody", "--comm", "*"]).1, all);
    }

    #[test]
    fn the_uid_of_a_pod_is_found_in_paths_too() {
        let uid = "12345678-9abc-def0-1234-56789abcdef0";
        let Command { filters, selection } = command(&["--pod", uid]);
        let path = format!("/kubepods.slice/kubepods-pod{}.slice", uid.replace('-', "_"));
        assert!(Prefilter::of(&filters, &selection).passes(path.as_bytes()));
        // This can be none, and is looked for as it is.
        let Command { filters, selection } = command(&["--pod", "web-0"]);
        assert!(!Prefilter::of(&filters, &selection).passes(b"\"pod\":\"web-1\""));
    }

    proptest! {
        #[test]
        fn no_pattern_holds_back_what_it_matches(glob in "[a-z9f*?\\[\\]!./\u{e9}\\\\-]{1,8}") {
            for option in ["--container", "--pod", "--namespace", "--image", "--unit", "--cgroup", "--comm"] {
                let argument = format!("{option}={glob}");
                if Command::try_parse_from(["x", &argument]).is_ok() {
                    check(&[&argument]);
                }
            }
        }
    }
}
