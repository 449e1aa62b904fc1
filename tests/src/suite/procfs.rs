//! What `/proc` shows of processes: the harness' own look at them.

use std::fs;

/// That of the harness.
pub fn own_pid() -> i32 {
    i32::try_from(std::process::id()).expect("a pid")
}

/// Zero if there is no such process.
pub fn parent_of(pid: i32) -> i32 {
    field(pid, "PPid:").and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Neither gone nor a zombie.
pub fn is_alive(pid: i32) -> bool {
    state_of(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Letter of its state; `None` if there is no such process.
pub fn state_of(pid: i32) -> Option<char> {
    field(pid, "State:")?.trim().chars().next()
}

/// The pid that it has in its own namespace.
pub fn ns_pid(pid: i32) -> Option<i32> {
    field(pid, "NSpid:")?.split_whitespace().next_back()?.parse().ok()
}

fn field(pid: i32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
}

/// Pids outside and inside of all processes in the PID namespace of `pid`.
pub fn of_namespace(pid: i32) -> Vec<(i32, i32)> {
    let link = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let wanted = link(pid).expect("it lives: it is our child");
    let all = fs::read_dir("/proc").expect("/proc is mounted");
    all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| link(*pid).as_ref() == Some(&wanted))
        .filter_map(|pid| Some((pid, ns_pid(pid)?)))
        .collect()
}
