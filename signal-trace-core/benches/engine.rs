//! What the engine costs: time per event, and memory per process that it remembers.
//!
//! Run it with `cargo xtask bench engine`. The load is one cycle over and over: a worker is forked,
//! executes, is told to stop by its manager, takes the signal, exits, and is freed; each cycle is
//! one shutdown of a cgroup of its own.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
};

use criterion::{Criterion, Throughput};
use signal_trace_common::wire::{self, Kind, disposition};
use signal_trace_core::{
    config::Config, input::Input, output::Outputs, time::BootNs, trace::Trace,
};
use zerocopy::{FromZeros, Immutable, IntoBytes};

/// Counts the bytes in use.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the counter beside it allocates
// nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above; `memory` came from `System` with this layout.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Cycles in one measured run; each has [`EVENTS`] events.
const CYCLES: u32 = 2000;
const EVENTS: u64 = 6;
/// One cycle after the other, so far apart.
const CYCLE_NS: u64 = 1_000_000;

fn task(pid: u32, cgroup: u64) -> wire::Task {
    let mut task = wire::Task::new_zeroed();
    (task.tgid, task.tid, task.ns_pid, task.pgid) = (pid, pid, pid, pid);
    (task.ppid, task.parent_start_boottime_ns) = (1, 10_000_000);
    task.start_boottime_ns = u64::from(pid) * CYCLE_NS;
    (task.cgroup_id, task.live) = (cgroup, 1);
    task.comm = *b"worker\0\0\0\0\0\0\0\0\0\0";
    task
}

fn frame(record: &(impl IntoBytes + Immutable)) -> Input {
    Input::Frame(record.as_bytes().to_vec())
}

fn header<T>(at: u64, kind: Kind) -> wire::Header {
    let size = u32::try_from(size_of::<T>()).expect("records are small");
    wire::Header { boot_ns: at, cpu: 0, cpu_seq: 0, kind: kind as u32, size }
}

fn fork(pid: u32, at: u64) -> Input {
    let mut fork = wire::ProcessFork::new_zeroed();
    fork.header = header::<wire::ProcessFork>(at, Kind::Fork);
    fork.child = task(pid, pid.into());
    frame(&fork)
}

/// The events of one cycle.
fn cycle(pid: u32) -> Vec<Input> {
    let at = u64::from(pid) * CYCLE_NS;
    let process = task(pid, pid.into());
    let mut exec = wire::ProcessExec::new_zeroed();
    exec.header = header::<wire::ProcessExec>(at + 1000, Kind::Exec);
    exec.process = process;
    let mut sent = wire::SignalGenerate::new_zeroed();
    sent.header = header::<wire::SignalGenerate>(at + 2000, Kind::Generate);
    (sent.target, sent.current) = (process, task(1, 1));
    (sent.signal, sent.info_kind, sent.group) = (15, 2, 1);
    sent.disposition = disposition::HANDLER;
    let mut taken = wire::SignalDeliver::new_zeroed();
    taken.header = header::<wire::SignalDeliver>(at + 3000, Kind::Deliver);
    (taken.process, taken.signal, taken.disposition) = (process, 15, disposition::HANDLER);
    let mut exit = wire::ProcessExit::new_zeroed();
    exit.header = header::<wire::ProcessExit>(at + 4000, Kind::Exit);
    exit.process = wire::Task { live: 0, signal_flags: 4, ..process };
    let mut free = wire::ProcessFree::new_zeroed();
    free.header = header::<wire::ProcessFree>(at + 5000, Kind::Free);
    free.process = process;
    vec![fork(pid, at), frame(&exec), frame(&sent), frame(&taken), frame(&exit), frame(&free)]
}

/// The load, with a tick every 40 ms as live capture makes them.
fn load() -> Vec<Input> {
    let mut inputs = vec![];
    for pid in 100..100 + CYCLES {
        inputs.extend(cycle(pid));
        if pid % 40 == 0 {
            inputs.push(Input::Tick(BootNs(u64::from(pid) * CYCLE_NS)));
        }
    }
    inputs
}

fn run(inputs: &[Input]) -> usize {
    let (mut trace, mut out, mut records) = (Trace::new(Config::new()), Outputs::default(), 0);
    for input in inputs {
        trace.step(input.clone(), &mut out);
        records += out.records.len();
        out.records.clear();
        out.asks.clear();
    }
    records
}

/// Time per event, with everything that a shutdown of each process costs.
fn time(criterion: &mut Criterion) {
    let inputs = load();
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(u64::from(CYCLES) * EVENTS));
    group.bench_function("shutdown_cycle", |bench| bench.iter(|| run(black_box(&inputs))));
    let mut forks: Vec<_> = (100..100 + CYCLES).map(|pid| fork(pid, pid.into())).collect();
    // All of them leave the reorder window.
    forks.push(Input::Tick(BootNs(u64::MAX / 2)));
    group.throughput(Throughput::Elements(CYCLES.into()));
    group.bench_function("fork", |bench| bench.iter(|| run(black_box(&forks))));
    group.finish();
}

/// Memory per remembered process.
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn memory() {
    const PROCESSES: u32 = 50_000;
    let (mut trace, mut out) = (Trace::new(Config::new()), Outputs::default());
    let before = IN_USE.load(Ordering::Relaxed);
    for pid in 100..100 + PROCESSES {
        // A thousand cgroups.
        let mut fork = wire::ProcessFork::new_zeroed();
        fork.header = header::<wire::ProcessFork>(u64::from(pid) * 1000, Kind::Fork);
        fork.child = task(pid, u64::from(pid % 1000 + 2));
        trace.step(frame(&fork), &mut out);
        if pid % 1000 == 0 {
            trace.step(Input::Tick(BootNs(u64::from(pid) * 1000 + 200_000_000)), &mut out);
            out = Outputs::default();
        }
    }
    trace.step(Input::Tick(BootNs(u64::MAX / 2)), &mut out);
    drop(out);
    let used = IN_USE.load(Ordering::Relaxed).saturating_sub(before);
    println!(
        "engine/memory           {} bytes per process ({PROCESSES} processes)",
        used / PROCESSES as usize
    );
    drop(trace);
}

fn main() {
    memory();
    let mut criterion = Criterion::default().configure_from_args();
    time(&mut criterion);
    criterion.final_summary();
}
