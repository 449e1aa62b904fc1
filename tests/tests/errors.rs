//! What a user sees when something is missing or goes wrong: one sentence, and the right exit code.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use signal_trace_tests::{clock::Deadline, folder::Folder, programs};

/// How a command ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs it in a process group of its own; all of that is killed if it takes too long.
fn run(command: &mut Command) -> Ended {
    let child = command
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("the program can be started");
    finish(child)
}

fn finish(mut child: Child) -> Ended {
    let group = Pid::from_raw(child.id().try_into().expect("a pid"));
    let readers = (child.stdout.take().map(drain), child.stderr.take().map(drain));
    let deadline = Deadline::after(Duration::from_secs(40));
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        if deadline.passed() {
            killpg(group, Signal::SIGKILL).expect("its leader is not reaped yet");
            child.wait().expect("it is our child");
            panic!("it hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |reader: Option<std::thread::JoinHandle<String>>| {
        reader.map_or_else(String::new, |reader| reader.join().expect("reading works"))
    };
    Ended { code: status.code(), stdout: text(readers.0), stderr: text(readers.1) }
}

fn drain(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn signal_trace(arguments: &[&str]) -> Command {
    let mut command = Command::new(programs::signal_trace());
    // A message is judged, not the backtrace that developers add to it.
    command.args(arguments).env_remove("RUST_BACKTRACE");
    command
}

/// Exit code 2, and a short message that holds these words.
fn assert_refused(ended: &Ended, words: &[&str]) {
    let text = &ended.stderr;
    assert_eq!(ended.code, Some(2), "exit code; message: {text}; output: {}", ended.stdout);
    assert!(!text.contains("panicked"), "{text}");
    // The command line parser adds how to use it, over a few lines.
    let sentence = text.split("\n\n").next().unwrap_or_default();
    assert!(sentence.lines().count() <= 4, "more than a sentence or two: {text}");
    assert!(text.lines().count() <= 8, "too long: {text}");
    for word in words {
        assert!(text.to_lowercase().contains(&word.to_lowercase()), "no word of {word}: {text}");
    }
}

#[test]
fn without_privileges_it_says_what_is_needed() {
    let folder = Folder::new();
    // Where a user who is not root can reach it.
    let program = folder.file("signal-trace");
    fs::copy(programs::signal_trace(), &program).expect("the folder is ours");
    for path in [folder.path(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let ended = run(Command::new(programs::system("setpriv", "util-linux"))
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(&program)
        .args(["record", "--duration", "1s"])
        .current_dir("/"));
    assert_refused(&ended, &["root"]);
}

#[test]
fn wrong_usage_is_refused() {
    assert_refused(&run(&mut signal_trace(&["record", "--no-such-flag"])), &["--no-such-flag"]);
    let ended = run(&mut signal_trace(&["record", "--duration", "soon"]));
    assert_refused(&ended, &["soon"]);
    let ended = run(&mut signal_trace(&["record", "--stop-signal", "SIGNONE"]));
    assert_refused(&ended, &["SIGNONE"]);
}

#[test]
fn a_build_without_the_kubernetes_api_says_so() {
    let ended = run(&mut signal_trace(&["record", "--kube-api", "--", "true"]));
    let sentence = "this build of signal-trace has no Kubernetes API support: build it with \
                    `--features kube`";
    assert_refused(&ended, &[sentence]);
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let ended = run(&mut signal_trace(&["record", "--", "/no/such/program"]));
    assert_refused(&ended, &["/no/such/program"]);
}

#[test]
fn a_recording_that_cannot_be_written_is_named() {
    let ended = run(&mut signal_trace(&["record", "-o", "/no/such/folder/x.jsonl", "--", "true"]));
    assert_refused(&ended, &["/no/such/folder/x.jsonl"]);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut child = signal_trace(&[
        "record",
        "--runtime",
        "none",
        "--format",
        "jsonl",
        "--",
        "sh",
        "-c",
        "sleep 1; :",
    ])
    .stdin(Stdio::null())
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .process_group(0)
    .spawn()
    .expect("the program can be started");
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("it is piped"));
    reader.read_line(&mut first).expect("a pipe can be read");
    assert!(first.contains("\"recording\""), "{first}");
    // As `| head -1` does.
    drop(reader);
    let ended = finish(child);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn ctrl_c_ends_it_and_its_command_cleanly() {
    let mut child =
        signal_trace(&["record", "--runtime", "none", "--format", "jsonl", "--", "sleep", "100"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("the program can be started");
    let group = Pid::from_raw(child.id().try_into().expect("a pid"));
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut first = String::new();
    output.read_line(&mut first).expect("a pipe can be read");
    let children = format!("/proc/{group}/task/{group}/children");
    Deadline::after(Duration::from_secs(10)).until("the command to run", || {
        let pids = fs::read_to_string(&children).unwrap_or_default();
        pids.split_whitespace().any(|pid| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "sleep\n")
        })
    });
    // A terminal sends it to the whole group.
    killpg(group, Signal::SIGINT).expect("its leader is not reaped yet");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("a pipe can be read");
    let ended = finish(child);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let last = rest.lines().last().unwrap_or_default();
    assert!(last.contains("\"end\""), "the last line is {last}");
}

#[test]
fn sigterm_ends_it_cleanly_too() {
    let mut child = signal_trace(&["record", "--runtime", "none", "--format", "jsonl"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("the program can be started");
    let pid = Pid::from_raw(child.id().try_into().expect("a pid"));
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut first = String::new();
    output.read_line(&mut first).expect("a pipe can be read");
    kill(pid, Signal::SIGTERM).expect("it is not reaped yet");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("a pipe can be read");
    let ended = finish(child);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(rest.lines().last().unwrap_or_default().contains("\"end\""), "{rest}");
}

/// Runs `signal-trace ARGUMENTS` with another view of the file system, which only it sees.
fn with_mounts(mounts: &str, wrapper: &str, arguments: &str) -> Ended {
    let program = programs::signal_trace();
    let script = format!("set -e\n{mounts}\nexec {wrapper} '{}' {arguments}", program.display());
    run(Command::new(programs::system("unshare", "util-linux"))
        .args(["--mount", "sh", "-c", &script]))
}

#[test]
fn a_full_disk_is_reported() {
    let folder = Folder::new();
    let path = folder.path().display();
    let ended = with_mounts(
        &format!("mount -t tmpfs -o size=16k none '{path}'"),
        "",
        &format!(
            "record -o '{path}/full.jsonl' -- sh -c \
             'i=0; while [ $i -lt 400 ]; do /bin/true; i=$((i+1)); done'"
        ),
    );
    assert_refused(&ended, &["full.jsonl", "space"]);
}

const NO_TRACEFS: &str = "mount -t tmpfs none /sys/kernel/tracing
    [ ! -d /sys/kernel/debug ] || mount -t tmpfs none /sys/kernel/debug";

#[test]
fn where_tracefs_is_not_mounted_it_helps_itself() {
    let ended =
        with_mounts(NO_TRACEFS, "", "record --runtime none --format jsonl --duration 100ms");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains("\"recording\""), "{}", ended.stdout);
}

#[test]
fn without_tracefs_it_says_how_to_get_it() {
    // May load programs, but not mount.
    let ended = with_mounts(NO_TRACEFS, "setpriv --bounding-set=-sys_admin", "record");
    assert_refused(&ended, &["tracefs", "mount"]);
}

#[test]
fn without_btf_it_says_what_the_kernel_lacks() {
    let hide = "mount -t tmpfs none /sys/kernel/btf";
    assert_refused(&with_mounts(hide, "", "record --duration 1s"), &["BTF"]);
}

#[test]
fn a_low_memlock_limit_is_no_obstacle() {
    // Since 5.11 the kernel accounts BPF memory to the cgroup instead.
    let ended = run(Command::new(programs::system("prlimit", "util-linux"))
        .arg("--memlock=65536:65536")
        .arg(programs::signal_trace())
        .args(["record", "--runtime", "none", "--", "true"]));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_exit_code_of_the_command_is_not_ours() {
    let ended =
        run(&mut signal_trace(&["record", "--runtime", "none", "--", "sh", "-c", "exit 5"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn doctor_finds_this_machine_fit() {
    let ended = run(&mut signal_trace(&["doctor"]));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}
