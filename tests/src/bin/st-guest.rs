//! The first process of a virtual machine of `cargo xtask vm`: mounts what is needed, has the cases
//! run in each layout of cgroups, and switches the machine off.

use std::{
    fs,
    process::{Command, ExitCode},
};

use serde_json::json;
use signal_trace_tests::guest::{
    self,
    layout::{Layout, mount_system},
    say,
};

fn main() -> ExitCode {
    // A panic of the first process would be one of the kernel: the cases run in another.
    if let Some(name) = std::env::args().nth(1) {
        guest::run(Layout::of(&name).expect("usage: st-guest LAYOUT, as guest/layout.rs has them"));
        return ExitCode::SUCCESS;
    }
    assert_eq!(std::process::id(), 1, "this is for virtual machines: `cargo xtask vm`");
    mount_system();
    say::line(&json!({
        "type": "boot",
        "release": read("/proc/sys/kernel/osrelease"),
        "version": read("/proc/sys/kernel/version"),
        "preempt": read("/sys/kernel/debug/sched/preempt"),
        "cgroups": Layout::ALL.map(Layout::name),
    }));
    for layout in Layout::ALL {
        layout.enter();
        let status = Command::new("/proc/self/exe").arg(layout.name()).status();
        let failed = match status {
            Ok(status) if status.success() => continue,
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        say::line(&json!({ "type": "failed", "cgroups": layout.name(), "why": failed }));
    }
    say::line(&json!({ "type": "end" }));
    // SAFETY: nothing is to be kept: all file systems are in memory.
    unsafe { libc::reboot(libc::RB_POWER_OFF) };
    ExitCode::FAILURE
}

/// Empty where the kernel has no such file.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
