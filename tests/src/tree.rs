//! A process and its descendants, as /proc shows them.

use std::fs;

/// Those that live, the root first.
pub fn members(root: i32) -> Vec<i32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        all.extend(children(*pid));
        next += 1;
    }
    all.retain(|pid| is_alive(*pid));
    all
}

/// The children of all its threads.
pub fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children")));
    // A thread that has ended meanwhile has no children.
    let text: String = lists.map(Result::unwrap_or_default).collect();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// All in the PID namespace of a process, zombies too.
pub fn in_pid_namespace_of(pid: i32) -> Vec<i32> {
    let namespace = |pid: &i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let ours = namespace(&pid);
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = all.filter_map(|process| process.file_name().to_str()?.parse().ok());
    all.filter(|pid| ours.is_some() && namespace(pid) == ours).collect()
}

/// When a process was born, in ticks since boot: with its pid, that is who it is.
pub fn birth(pid: i32) -> Option<u64> {
    stat(pid)?.split(' ').nth(19)?.parse().ok()
}

/// Neither gone nor a zombie.
fn is_alive(pid: i32) -> bool {
    stat(pid).is_some_and(|stat| !stat.starts_with(['Z', 'X']))
}

/// From the state on: a name can hold anything.
fn stat(pid: i32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(") ")?.1.to_owned())
}
