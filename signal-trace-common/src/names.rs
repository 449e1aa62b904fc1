//! Names of maps, programs and globals in the eBPF object, as user space looks them up.

/// Ring buffer of process life-cycle records (exit, free, fork, exec, OOM, cgroups).
pub const MAP_LIFECYCLE: &str = "LIFECYCLE";
/// Ring buffer of signal records (generate, deliver).
pub const MAP_SIGNALS: &str = "SIGNALS";
/// Array of rows of `u64`, one row a CPU: records dropped because a ring was full, by `wire::Kind`.
/// It can be mapped.
pub const MAP_DROPS: &str = "DROPS";

/// Array of one `u64`: signals that are watched beside those of the filter, bit `n - 1` for signal
/// `n`. It can be mapped, and changed at any time.
pub const MAP_WATCH: &str = "WATCH";

/// Frozen global of type `layout::KernelLayout`.
pub const GLOBAL_LAYOUT: &str = "LAYOUT";
/// Frozen global of type `filter::Filter`.
pub const GLOBAL_FILTER: &str = "FILTER";

/// One eBPF program: its name in the object and the tracepoint that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Function name in the object.
    pub program: &'static str,
    /// Tracepoint category (the directory under `events/` in tracefs).
    pub category: &'static str,
    /// Tracepoint name.
    pub tracepoint: &'static str,
    /// How it is attached.
    pub attach: Attach,
}

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attach {
    /// `BPF_RAW_TRACEPOINT_OPEN`: needs neither tracefs nor `perf_event_open(2)`.
    Raw,
    /// A classic tracepoint through perf: on Linux 7.x the raw form loses events of this kind,
    /// because it can be preempted while its per-CPU recursion guard is held.
    Classic,
}

/// All programs in the order in which they are attached: life cycle first, so that a process
/// whose signals are seen has its exit seen too.
pub const PROBES: [Probe; 9] = [
    classic("process_exit", "sched", "sched_process_exit"),
    raw("process_free", "sched", "sched_process_free"),
    classic("process_fork", "sched", "sched_process_fork"),
    classic("process_exec", "sched", "sched_process_exec"),
    raw("cgroup_mkdir", "cgroup", "cgroup_mkdir"),
    raw("cgroup_attach", "cgroup", "cgroup_attach_task"),
    raw("oom_victim", "oom", "mark_victim"),
    raw("signal_deliver", "signal", "signal_deliver"),
    raw("signal_generate", "signal", "signal_generate"),
];

const fn raw(program: &'static str, category: &'static str, tracepoint: &'static str) -> Probe {
    Probe { program, category, tracepoint, attach: Attach::Raw }
}

const fn classic(program: &'static str, category: &'static str, tracepoint: &'static str) -> Probe {
    Probe { program, category, tracepoint, attach: Attach::Classic }
}
