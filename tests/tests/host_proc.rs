//! A tracer in a PID namespace of its own, with the host's `/proc` mounted elsewhere: what it tells must
//! be what the node knows.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{cgroup::Cgroup, folder::Folder, process::Proc, programs};

/// Makes the namespace a container's: its own `/proc`, the host's at `$1`. `$0` is the tracer, `$2` the
/// cgroup that it is to be in.
const ENTER: &str = r#"
    echo $$ > "$2"
    exec unshare --pid --mount --cgroup --fork --kill-child sh -c '
        set -e
        mount --bind /proc "$1"
        mount -t proc proc /proc
        [ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
        exec $2 "$0" record --format jsonl --runtime none --duration 4s --host-proc "$1"
    ' "$0" "$1" "$3"
"#;
/// What the chart gives it.
const FEW: &str = "setpriv --bounding-set -all,+bpf,+perfmon,+sys_ptrace,+dac_read_search";

/// `record --host-proc` in a container.
struct Tracer {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    text: String,
    _folder: Folder,
    cgroup: Cgroup,
}

impl Tracer {
    /// Starts it, through a program that takes capabilities from it, and waits until it traces.
    fn start(through: &str) -> Self {
        let (folder, cgroup) = (Folder::new(), Cgroup::container());
        let proc = folder.file("proc");
        fs::create_dir(&proc).expect("the folder is ours");
        let mut child = Command::new("sh")
            .args(["-c", ENTER])
            .arg(programs::signal_trace())
            .args([&proc, &cgroup.members()])
            .arg(through)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh can be started");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut text = String::new();
        stdout.read_line(&mut text).expect("JSON is UTF-8");
        Self { child, stdout, text, _folder: folder, cgroup }
    }

    /// The pid of the tracer itself, in the node's namespace: the child of `unshare`, which takes the
    /// place of the shell.
    fn pid(&self) -> i32 {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        children.expect("it runs").trim().parse().expect("one child")
    }

    /// `/proc/PID/status` of it.
    fn status(&self) -> String {
        fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs")
    }

    fn cgroup_id(&self) -> u64 {
        fs::metadata(self.cgroup.file("")).expect("the cgroup is ours").ino()
    }

    /// What it printed, at its end; it must have said nothing else.
    fn finish(mut self) -> Vec<Value> {
        self.stdout.read_to_string(&mut self.text).expect("JSON is UTF-8");
        let output = self.child.wait_with_output().expect("it is ours");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*errors), (Some(0), ""), "{}", self.text);
        self.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// Two processes, one that is there before and one after, stopped in their cgroups.
fn traces_the_node(through: &str) {
    let before = Cgroup::new("before");
    let mut early = Proc::start_in("default", Some(&before));
    let tracer = Tracer::start(through);
    let (tracer_pid, own_cgroup) = (tracer.pid(), tracer.cgroup_id());
    if through == FEW {
        assert!(tracer.status().contains("CapEff:\t000000c000080004\n"), "{}", tracer.status());
    }
    let after = Cgroup::new("after");
    let mut late = Proc::start_in("default", Some(&after));
    for process in [&mut early, &mut late] {
        process.signal(Signal::SIGTERM);
        process.wait();
    }
    let lines = tracer.finish();
    let of = |kind: &'static str| lines.iter().filter(move |line| line["type"] == kind);
    let recording = of("recording").next().expect("the first line");
    assert_eq!(recording["config"]["tracer_pid"], tracer_pid, "{recording}");
    // By `/proc/PID/cgroup`, which tells the tracer of its own that it is `/`.
    let split = recording["config"]["split_cgroups"].as_array().expect("a list");
    assert!(split.contains(&Value::from(format!("v2:{own_cgroup}"))), "{recording}");
    for (process, cgroup) in [(&early, &before), (&late, &after)] {
        let shutdown = of("shutdown").find(|line| line["workload"]["cgroup"] == *cgroup.path);
        let shutdown = shutdown.unwrap_or_else(|| panic!("{}: {lines:?}", cgroup.path));
        assert_eq!(shutdown["processes"][0]["process"]["pid"], process.pid, "{shutdown}");
        assert_eq!(shutdown["stop"]["sender"]["process"]["pid"], std::process::id(), "{shutdown}");
        assert_eq!(shutdown["verdict"], "default-action", "{shutdown}");
    }
    // Of the one that was there before, all is known from the host's /proc.
    let exit = of("exit").find(|line| line["process"]["pid"] == early.pid).expect("it was seen");
    assert_eq!(exit["process"]["ppid"], std::process::id(), "{exit}");
}

#[test]
fn pids_and_paths_are_those_of_the_node() {
    traces_the_node("");
}

#[test]
fn the_capabilities_of_the_chart_are_enough() {
    traces_the_node(FEW);
}

#[test]
fn what_is_not_the_hosts_is_refused_with_what_to_mount() {
    let folder = Folder::new();
    let record = |path: &Path, through: &[&str]| {
        let program = programs::signal_trace();
        let mut words = through.to_vec();
        words.push(program.to_str().expect("ours"));
        let output = Command::new(words[0])
            .args(&words[1..])
            .args(["record", "--duration", "1s", "--host-proc"])
            .arg(path)
            .output()
            .expect("it can be started");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let error = record(folder.path(), &[]);
    assert!(error.contains("is no procfs: mount the host's /proc there"), "{error}");
    let error = record(&folder.file("none"), &[]);
    assert!(error.contains("No such file") && error.contains("-v /proc:/host/proc:ro"), "{error}");
    // The container's own.
    let unshare = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"];
    let error = record(Path::new("/proc"), &unshare);
    assert!(error.contains("shows the processes of a container, not those of the node"), "{error}");
}
