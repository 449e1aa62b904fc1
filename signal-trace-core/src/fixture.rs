//! Timelines as text, for tests: each line becomes the bytes that the kernel would have sent.
//!
//! ```text
//! +0ms   proc 100 parent=1 cgroup=7 ns=1 comm=sh     a process that was there before
//! +0ms   ghost 99 cgroup=7                           a zombie that nothing has told of
//! +5ms   fork 101 parent=100                         (cgroup and namespace are the parent's)
//! +10ms  gen TERM 50>100 default dropped             sender > target, disposition, what became of it
//! +11ms  take TERM 100 handler                       a thread takes the signal
//! +20ms  exit 100 code=0                             or sig=9; pending=TERM blocked=TERM
//! +30ms  free 100
//! +1s    zombie 100      +1s gone 100                answers from /proc
//! +1s    loss exit 3 from=+900ms
//! +20s   tick
//! ```
//!
//! A tick follows each line, and time goes on for a minute after the last one (`end` stops it).

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use signal_trace_common::wire::{self, Kind, disposition};
use zerocopy::{FromZeros, IntoBytes};

use crate::{
    config::Config,
    event::Comm,
    ids::{CgroupKey, ProcessId},
    input::{Fact, FactBody, Input, Loss, LossKind, ProcessFact},
    output::{Ask, Outputs, RecordBody, ShutdownRecord},
    signal::{Signal, WaitStatus},
    time::{BootNs, ClockAnchor, MS, SECOND},
    trace::Trace,
};

/// Boot time of `+0ms`.
pub const ZERO: u64 = 1000 * SECOND;

/// Parses a text timeline into inputs.
pub struct Script {
    processes: BTreeMap<u32, wire::Task>,
    seq: u32,
    pub inputs: Vec<Input>,
}

impl Script {
    pub fn parse(text: &str) -> Self {
        let mut script = Self { processes: BTreeMap::new(), seq: 0, inputs: vec![] };
        script.inputs.push(Input::Clock(ClockAnchor { boot: BootNs(ZERO), wall_ns: 0 }));
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            script.line(&words);
        }
        script
    }

    fn line(&mut self, words: &[&str]) {
        let at = ZERO + time(words[0]);
        let args = Args(&words[2..]);
        match words[1] {
            "proc" => {
                let task = self.process(args.pid(0), 0, &args);
                self.fact(at, FactBody::Process(fact(&task, None)));
            }
            "ghost" => {
                self.process(args.pid(0), 0, &args);
                let task = self.processes.get_mut(&args.pid(0)).expect("just made");
                (task.exit_state, task.live) = (0x20, 0);
            }
            "fork" => {
                let task = self.process(args.pid(0), at, &args);
                let mut raw = wire::ProcessFork::new_zeroed();
                raw.child = task;
                raw.header = self.header(at, Kind::Fork, size_of_val(&raw));
                self.frame(&raw);
            }
            "gen" => self.generate(at, &args),
            "take" => {
                let mut raw = wire::SignalDeliver::new_zeroed();
                raw.signal = args.signal(0);
                raw.process = self.processes[&args.pid(1)];
                raw.disposition = args.disposition();
                raw.header = self.header(at, Kind::Deliver, size_of_val(&raw));
                self.frame(&raw);
            }
            "exit" => {
                let mut raw = wire::ProcessExit::new_zeroed();
                raw.process = self.processes[&args.pid(0)];
                raw.process.task_flags |= 4;
                raw.process.live = 0;
                raw.process.signal_flags |= 4;
                raw.process.group_exit_code =
                    args.value("code").map_or_else(|| args.number("sig"), |code| number(code) << 8);
                raw.shared_pending = args.signal_bit("pending");
                raw.blocked = args.signal_bit("blocked");
                raw.header = self.header(at, Kind::Exit, size_of_val(&raw));
                if let Some(task) = self.processes.get_mut(&args.pid(0)) {
                    task.exit_state = 0x20;
                    task.live = 0;
                    task.signal_flags |= 4;
                    task.group_exit_code = raw.process.group_exit_code;
                }
                self.frame(&raw);
            }
            "free" => {
                let mut raw = wire::ProcessFree::new_zeroed();
                raw.process = self.processes[&args.pid(0)];
                (raw.process.ppid, raw.process.ns_pid, raw.process.pgid) = (0, 0, 0);
                raw.header = self.header(at, Kind::Free, size_of_val(&raw));
                self.frame(&raw);
            }
            "oom" => {
                let mut raw = wire::OomVictim::new_zeroed();
                raw.victim = self.processes[&args.pid(0)];
                raw.header = self.header(at, Kind::Oom, size_of_val(&raw));
                self.frame(&raw);
            }
            "zombie" => {
                let task = self.processes[&args.pid(0)];
                self.fact(at, FactBody::Process(fact(&task, Some(WaitStatus(0)))));
            }
            "gone" => {
                let task = self.processes[&args.pid(0)];
                self.fact(at, FactBody::ProcessGone(id(&task)));
            }
            "loss" => {
                let kind = LossKind::ALL
                    .into_iter()
                    .find(|kind| kind.name().ends_with(args.0[0]))
                    .expect("a loss kind");
                let from = BootNs(ZERO + time(args.value("from").expect("from=")));
                let count = number(args.0[1]).into();
                self.inputs.push(Input::Loss(Loss { kind, count, from, to: BootNs(at) }));
            }
            "tick" => {}
            "end" => {
                self.inputs.push(Input::End(BootNs(at)));
                return;
            }
            other => panic!("no such line: {other}"),
        }
        self.inputs.push(Input::Tick(BootNs(at)));
    }

    fn process(&mut self, pid: u32, start: u64, args: &Args<'_>) -> wire::Task {
        let parent = args.value("parent").map_or(1, number);
        let of_parent = self.processes.get(&parent).copied();
        let mut task = of_parent.unwrap_or_else(wire::Task::new_zeroed);
        if of_parent.is_none() {
            task.cgroup_id = 1;
            task.pgid = parent;
        }
        task.parent_start_boottime_ns = of_parent.map_or(SECOND, |p| p.start_boottime_ns);
        task.start_boottime_ns = if start == 0 { u64::from(pid) * SECOND } else { start };
        (task.tgid, task.tid, task.ppid) = (pid, pid, parent);
        task.ns_pid = if task.ns_level > 0 { pid + 1000 } else { pid };
        task.live = 1;
        task.signal_flags = 0;
        if let Some(cgroup) = args.value("cgroup") {
            task.cgroup_id = number(cgroup).into();
        }
        if let Some(ns) = args.value("ns") {
            (task.ns_pid, task.ns_level, task.ns_inum) = (number(ns), 1, 77);
            if task.ns_pid == 1 {
                task.signal_flags = 0x40;
            }
        }
        if let Some(pgid) = args.value("pgid") {
            task.pgid = number(pgid);
        }
        let comm = args.value("comm").map_or_else(|| format!("p{pid}"), ToString::to_string);
        task.comm = [0; 16];
        task.comm[..comm.len()].copy_from_slice(comm.as_bytes());
        self.processes.insert(pid, task);
        task
    }

    fn generate(&mut self, at: u64, args: &Args<'_>) {
        let mut raw = wire::SignalGenerate::new_zeroed();
        raw.signal = args.signal(0);
        let (from, to) = args.0[1].split_once('>').expect("sender>target");
        raw.target = self.processes[&number(to)];
        raw.current = self.processes[&number(from)];
        raw.disposition = args.disposition();
        (raw.group, raw.info_kind) = (1, 2);
        if args.has("dropped") {
            raw.result = 1;
        }
        if args.has("pending") {
            raw.result = 2;
        }
        if args.has("fatal") {
            raw.target.signal_flags |= 4;
            raw.target.group_exit_code = raw.signal;
        }
        if args.has("blocked") {
            raw.blocked = 1 << (raw.signal - 1);
        }
        if args.has("waited") {
            raw.real_blocked = 1 << (raw.signal - 1);
        }
        if args.has("stopped") {
            raw.target.signal_flags |= 1;
        }
        if args.has("kernel") {
            (raw.info_kind, raw.si_code) = (1, 0x80);
        }
        if args.has("noinfo") {
            (raw.info_kind, raw.group) = (0, 0);
        }
        if args.has("exiting") {
            raw.current.task_flags |= 4;
        }
        if let Some(exe) = args.value("exe") {
            raw.current_exe[..exe.len()].copy_from_slice(exe.as_bytes());
        }
        raw.header = self.header(at, Kind::Generate, size_of_val(&raw));
        self.frame(&raw);
    }

    fn header(&mut self, at: u64, kind: Kind, size: usize) -> wire::Header {
        self.seq += 1;
        let size = u32::try_from(size).expect("records are small");
        wire::Header { boot_ns: at, cpu: 0, cpu_seq: self.seq, kind: kind as u32, size }
    }

    fn frame(&mut self, raw: &(impl IntoBytes + zerocopy::Immutable)) {
        self.inputs.push(Input::Frame(raw.as_bytes().to_vec()));
    }

    fn fact(&mut self, at: u64, body: FactBody) {
        self.inputs.push(Input::Fact(Fact { at: BootNs(at), body }));
    }
}

fn id(task: &wire::Task) -> ProcessId {
    ProcessId::from_boot_ns(task.tgid, task.start_boottime_ns)
}

fn fact(task: &wire::Task, zombie: Option<WaitStatus>) -> ProcessFact {
    ProcessFact {
        id: id(task),
        parent: Some(ProcessId::from_boot_ns(task.ppid, task.parent_start_boottime_ns)),
        pgid: task.pgid,
        ns_pid: task.ns_pid,
        ns_level: task.ns_level,
        uid: task.uid,
        cgroup: CgroupKey::from_ids(task.cgroup_id, 0),
        comm: Comm::new(task.comm),
        state: if zombie.is_some() { b'Z' } else { b'S' },
        pending: 0,
        ignored: 0,
        caught: 0,
        zombie,
    }
}

struct Args<'a>(&'a [&'a str]);

impl Args<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    fn number(&self, key: &str) -> u32 {
        number(self.value(key).unwrap_or_else(|| panic!("{key}= is missing")))
    }

    fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }

    fn pid(&self, index: usize) -> u32 {
        number(self.0[index])
    }

    fn signal(&self, index: usize) -> u32 {
        Signal::parse(self.0[index]).expect("a signal").number().into()
    }

    fn signal_bit(&self, key: &str) -> u64 {
        self.value(key).map_or(0, |name| Signal::parse(name).expect("a signal").bit())
    }

    fn disposition(&self) -> u32 {
        if self.has("handler") {
            disposition::HANDLER
        } else if self.has("ignore") {
            disposition::IGNORE
        } else {
            disposition::DEFAULT
        }
    }
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

fn time(text: &str) -> u64 {
    let text = text.strip_prefix('+').expect("times begin with +");
    if let Some(ms) = text.strip_suffix("ms") {
        u64::from(number(ms)) * MS
    } else if let Some(us) = text.strip_suffix("us") {
        u64::from(number(us)) * 1000
    } else {
        u64::from(number(text.strip_suffix('s').expect("us, ms or s"))) * SECOND
    }
}

/// Runs a script, and a quiet minute after it unless it has an `end`.
pub fn run(text: &str) -> Outputs {
    run_with(Config::new(), &Script::parse(text).inputs)
}

/// Runs inputs; a quiet minute and the end follow.
pub fn run_with(config: Config, inputs: &[Input]) -> Outputs {
    let mut trace = Trace::new(config);
    let mut out = Outputs::default();
    let mut now = ZERO;
    let mut ended = false;
    for input in inputs {
        if let Input::Tick(at) | Input::End(at) = input {
            now = now.max(at.0);
            ended = matches!(input, Input::End(_));
        }
        trace.step(input.clone(), &mut out);
    }
    if !ended {
        for second in 1..=60 {
            trace.step(Input::Tick(BootNs(now + second * SECOND)), &mut out);
        }
        trace.step(Input::End(BootNs(now + 60 * SECOND)), &mut out);
    }
    out
}

/// The shutdowns of a run.
pub fn shutdowns(out: &Outputs) -> Vec<&ShutdownRecord> {
    let mut found = vec![];
    for record in &out.records {
        if let RecordBody::Shutdown(shutdown) = &record.body {
            found.push(&**shutdown);
        }
    }
    found
}

/// Processes that the engine asked `/proc` for.
pub fn asked(out: &Outputs) -> Vec<u32> {
    let pid = |ask: &Ask| match ask {
        Ask::Process(id) => Some(id.pid),
        Ask::Cgroup(..) => None,
    };
    out.asks.iter().filter_map(pid).collect()
}

/// The reports of a run, in short: a line per shutdown, one per process, one per finding.
pub fn story(text: &str) -> String {
    tell(&run(text))
}

/// See [`story`].
pub fn tell(out: &Outputs) -> String {
    let mut lines = vec![];
    for shutdown in shutdowns(out) {
        let stop = shutdown.stop.as_ref().map_or_else(
            || "no stop".to_string(),
            |stop| format!("{} by {}", stop.signal, stop.sender.role.name()),
        );
        let amends = if shutdown.amends.is_some() { " (amended)" } else { "" };
        let used =
            shutdown.grace_used_ns.map_or_else(String::new, |ns| format!(", {} ms", ns / MS));
        lines.push(format!("{}{amends}: {stop}{used}", shutdown.verdict.name()));
        for report in &shutdown.processes {
            let end = match report.status {
                None => "alive".to_string(),
                Some(status) => status.code().map_or_else(
                    || status.signal().expect("code or signal").name(),
                    |code| format!("code {code}"),
                ),
            };
            let by =
                report.killed_by.map_or_else(String::new, |role| format!(" by {}", role.name()));
            lines.push(format!(
                "  {} {}, {end}{by}",
                report.process.process.id.pid,
                report.verdict.name()
            ));
        }
        for finding in &shutdown.findings {
            lines.push(format!("  ! {} {}", finding.severity.name(), finding.id));
        }
    }
    lines.join("\n")
}

/// Checks the story of a text timeline.
#[track_caller]
pub fn check(text: &str, expected: &str) {
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let found = story(text);
    let found: Vec<_> = found.lines().map(str::trim).collect();
    assert_eq!(found, expected, "\nfound:\n{}\n", found.join("\n"));
}
