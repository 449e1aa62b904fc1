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

/// What the first argument is in the process that does the work.
const INNER: &str = "--inner";
const WRITE_DOCS: &str = "--write-docs";

fn main() -> ExitCode {
    let mut arguments: Vec<_> = env::args().skip(1).collect();
    if arguments.first().is_none_or(|first| first != INNER) {
        return supervise(&arguments);
    }
    arguments.remove(0);
    let writes = arguments.iter().any(|word| word == WRITE_DOCS);
    arguments.retain(|word| word != WRITE_DOCS);
    let unknown: Vec<_> = arguments.iter().filter(|name| lab::find(name).is_none()).collect();
    if !unknown.is_empty() {
        let names = EVERYDAY.iter().chain(lab::BY_NAME).map(|system| system.name);
        let names = names.collect::<Vec<_>>().join(", ");
        say(&format!("no system is called {unknown:?}; there are: {names}\n"));
        return ExitCode::from(2);
    }
    let named: Vec<System> = arguments.iter().filter_map(|name| lab::find(name)).collect();
    let systems = if named.is_empty() { EVERYDAY.to_vec() } else { named };
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
fn supervise(arguments: &[String]) -> ExitCode {
    let ends = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    ends.thread_block().expect("these can be blocked");
    let own = env::current_exe().expect("/proc is mounted");
    let mut command = Command::new(own);
    command.arg(INNER).args(arguments).process_group(0);
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
