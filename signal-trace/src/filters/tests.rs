//! What each filter lets through, of one record of every type.

use clap::Parser;

use super::*;
use crate::sinks::{jsonl::append_line, sample};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    filters: Filters,
}

/// Types of the sample records that `arguments` let through.
#[track_caller]
fn check(arguments: &[&str], expected: &str) {
    let line = Arguments::try_parse_from([&["x"], arguments].concat());
    let filters = line.unwrap_or_else(|error| panic!("{error}")).filters;
    let lines = sample::every_record().into_iter().map(|record| {
        // As a reader of history sees it.
        let mut json = vec![];
        append_line(&mut json, &Line::from_record(&record, "n1", false));
        Line::parse(&json).unwrap()
    });
    let shown = lines.filter(|line| filters.allow(line));
    let mut kinds: Vec<_> = shown.map(|line| line.body.kind()).collect();
    kinds.dedup();
    assert_eq!(kinds.join(" "), expected, "{arguments:?}");
}

const ALL: &str = "signal delivery exit reap zombie oom shutdown finding loss end";
const NONE: &str = "loss end";

#[test]
fn without_filters_everything_is_shown() {
    check(&[], ALL);
}

#[test]
fn filters_ask_about_the_target() {
    check(&["--target-pid", "901"], "signal exit reap oom shutdown loss end");
    check(&["--target-pid", "812"], NONE);
    check(&["--comm", "sh"], "signal exit reap oom shutdown loss end");
    check(&["--comm", "s?"], "signal exit reap oom shutdown loss end");
    check(&["--comm", "runc"], NONE);
    check(&["--unit", "docker.service"], NONE);
}

#[test]
fn the_sender_is_asked_for_by_name() {
    check(&["--sender-pid", "812"], "signal shutdown loss end");
    check(&["--sender-pid", "901"], NONE);
}

#[test]
fn containers_and_cgroups_are_told_by_path() {
    check(&["--container", "9F2C"], ALL);
    check(&["--container", "9f2d"], NONE);
    check(&["--cgroup", "/docker"], ALL);
    check(&["--cgroup", "/docker/"], ALL);
    check(&["--cgroup", "/dock"], NONE);
    check(&["--cgroup", "/d*ab"], ALL);
}

#[test]
fn pods_and_images_are_told_by_what_the_runtime_says() {
    const HOOKED: &str = "shutdown loss end";
    check(&["--namespace", "shop"], HOOKED);
    check(&["--namespace", "default"], NONE);
    check(&["--pod", "12345678-9abc-def0-1234-56789abcdef0"], HOOKED);
    check(&["--pod", "web-0*"], HOOKED);
    check(&["--pod", "web-0"], NONE);
    check(&["--container", "app*"], HOOKED);
    check(&["--container", "web*", "--image", "xxx*"], HOOKED);
    check(&["--container", "web*", "--image", "y*"], NONE);
    check(&["--namespace", "shop", "--cgroup", "/docker"], NONE);
}

#[test]
fn a_signal_selects_what_it_did() {
    check(&["--signal", "TERM"], "signal delivery shutdown loss end");
    check(&["--signal", "SEGV"], "exit loss end");
    check(&["--signal", "USR1", "--signal", "segv"], "delivery exit loss end");
}

#[test]
fn different_filters_must_all_match() {
    check(&["--signal", "TERM", "--target-pid", "901"], "signal shutdown loss end");
    check(&["--signal", "TERM", "--container", "9f2d"], NONE);
}

#[test]
fn a_unit_without_type_is_a_service() {
    let glob = |text: &str| text.parse::<Glob>().unwrap();
    assert!(is_unit(&glob("nginx"), "nginx.service"));
    assert!(is_unit(&glob("ng*"), "nginx.service"));
    assert!(is_unit(&glob("session-1.scope"), "session-1.scope"));
    assert!(!is_unit(&glob("nginx"), "nginx.scope"));
}

#[test]
fn what_cannot_match_is_refused() {
    for arguments in [["--container", "["], ["--pod", "["], ["--signal", "X"], ["--comm", "["]] {
        assert!(Arguments::try_parse_from([&["x"][..], &arguments].concat()).is_err());
    }
}
