//! What a kubelet changes on its node, and cannot be told to leave alone: some sysctls, and the logs
//! of pods. Both are put back, also those of a run that was killed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::NAMESPACE;

/// It sets them unless it is told to fail instead (`setupKernelTunables()`, `pkg/kubelet/cm`).
const SYSCTLS: [&str; 6] = [
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
];
/// Where the logs of pods are, and links to them.
const LOGS: [&str; 2] = ["/var/log/pods", "/var/log/containers"];
/// What the names of notes begin with; the pid of their owner comes next.
const NOTE: &str = "st-test-node-";

/// What was before; a note of it is kept for a run that could not clean up.
#[derive(Debug)]
pub struct Node(PathBuf);

impl Node {
    /// Notes what there is.
    pub fn keep() -> Self {
        // With a second kubelet, what is now is not what was.
        let before = notes().into_iter().find_map(|(note, _)| fs::read_to_string(note).ok());
        let note = std::env::temp_dir().join(format!("{NOTE}{}", std::process::id()));
        fs::write(&note, before.unwrap_or_else(now)).expect("the temporary folder can be written");
        Self(note)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        put_back(&self.0);
    }
}

/// Puts back what runs that were killed have changed.
pub fn remove_leftovers() {
    for (note, is_alive) in notes() {
        if !is_alive {
            put_back(&note);
        }
    }
}

/// Sysctls, `NAME VALUE` a line, and folders that are not there: `- PATH`.
fn now() -> String {
    let values = SYSCTLS.iter().filter_map(|name| {
        let value = fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?;
        Some(format!("{name} {}\n", value.trim()))
    });
    let missing = LOGS.iter().filter(|folder| !Path::new(folder).exists());
    values.chain(missing.map(|folder| format!("- {folder}\n"))).collect()
}

fn put_back(note: &Path) {
    // Best effort: whoever reads of a failed test has other worries.
    for folder in LOGS {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // NAMESPACE_POD_UID, and POD_NAMESPACE_CONTAINER-ID.log.
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.split('_').take(2).any(|part| part == NAMESPACE) {
                let path = entry.path();
                let _gone = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
            }
        }
    }
    for line in fs::read_to_string(note).unwrap_or_default().lines() {
        let Some((name, value)) = line.split_once(' ') else { continue };
        let _done = match name {
            "-" => fs::remove_dir(value),
            name => fs::write(Path::new("/proc/sys").join(name), value),
        };
    }
    let _gone = fs::remove_file(note);
}

/// All notes, and whether their owner lives.
fn notes() -> Vec<(PathBuf, bool)> {
    let files = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    files
        .filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            let owner = name.strip_prefix(NOTE)?;
            Some((file.path(), Path::new("/proc").join(owner).exists()))
        })
        .collect()
}
