//! Runs systems of the lab and prints one table: `cargo xtask lab`, which installs what they need.
//!
//! Without names, all but those that are run by name only. Ends with 1 if any row is not right; the documents are not written then.

use std::{
    env,
    io::Write as _,
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
    sync::mpsc,
    thread,
};

use nix::{
    sys::signal::{SigSet, Signal, killpg},
    unistd::Pid,
};
use signal_trace_tests::{
    daemon,
    lab::{self, EVERYDAY, System, docs, row},
};

/// For the process that does the work.
const INNER: &str = "--inner";
/// Only tells whether there are systems of these names.
const ARE_KNOWN: &str = "--are-known";
const WRITE_DOCS: &str = "--write-docs";

fn main() -> ExitCode {
    let mut names: Vec<_> = env::args().skip(1).collect();
    let mut has = |flag: &str| {
        let before = names.len();
        names.retain(|word| word != flag);
        names.len() < before
    };
    let (inner, writes, asks) = (has(INNER), has(WRITE_DOCS), has(ARE_KNOWN));
    let unknown: Vec<_> = names.iter().filter(|name| lab::find(name).is_none()).collect();
    if !unknown.is_empty() {
        let all = EVERYDAY.iter().chain(lab::BY_NAME).map(|system| system.name);
        let all = all.collect::<Vec<_>>().join(", ");
        say(&format!("no system is called {unknown:?}; there are: {all}\n"));
        return ExitCode::from(2);
    }
    match (asks, inner) {
        (true, _) => ExitCode::SUCCESS,
        (_, false) => supervise(),
        (_, true) => run(&names, writes),
    }
}

fn run(names: &[String], writes: bool) -> ExitCode {
    let some: Vec<System> = names.iter().filter_map(|name| lab::find(name)).collect();
    let systems = if some.is_empty() { EVERYDAY.to_vec() } else { some };
    let mut rows = Vec::new();
    for system in &systems {
        say(&format!("{}...\n", system.title));
        rows.extend(lab::run(system));
    }
    let table = row::table(&rows);
    let _broken_pipe = std::io::stdout().write_all(table.as_bytes());
    if rows.iter().any(|row| !row.faults.is_empty()) {
        return ExitCode::from(1);
    }
    if writes {
        docs::write(&systems, &rows);
    }
    ExitCode::SUCCESS
}

/// Runs this program again in a process group of its own, so that all of it can be ended, and clears
/// away what is left then.
fn supervise() -> ExitCode {
    let ends = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    ends.thread_block().expect("these can be blocked");
    let own = env::current_exe().expect("/proc is mounted");
    let mut command = Command::new(own);
    command.arg(INNER).args(env::args_os().skip(1)).process_group(0);
    // SAFETY: sigprocmask is async-signal-safe (POSIX), and nothing else is done between fork and
    // exec; the set is a plain value.
    unsafe {
        command.pre_exec(move || ends.thread_unblock().map_err(std::io::Error::from));
    }
    let mut child = command.spawn().expect("this program can be started again");
    let group = Pid::from_raw(child.id().try_into().expect("a pid"));
    let (sender, events) = mpsc::channel();
    let ended = sender.clone();
    thread::spawn(move || ended.send(child.wait().ok().and_then(|status| status.code())));
    thread::spawn(move || {
        if let Ok(signal) = ends.wait() {
            say(&format!("{signal}: ending the lab and clearing it away\n"));
            let _gone = killpg(group, Signal::SIGKILL);
        }
        drop(sender);
    });
    let code = events.recv().ok().flatten();
    daemon::remove_leftovers();
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::from(130), ExitCode::from)
}

fn say(text: &str) {
    let _broken_pipe = std::io::stderr().write_all(text.as_bytes());
}
