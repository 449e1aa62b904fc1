//! The programs, one tracepoint each. Their names are in `signal_trace_common::names`.

mod cgroup_attach;
mod cgroup_mkdir;
mod oom_victim;
mod process_exec;
mod process_exit;
mod process_fork;
mod process_free;
mod signal;
mod signal_deliver;
mod signal_generate;
