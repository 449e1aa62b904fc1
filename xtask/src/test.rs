//! Runs every test: of the crates, on the real kernel, and with Docker.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

/// Programs that the tests start, and Debian's packages that hold them.
const NEEDED: [(&str, &str); 10] = [
    ("busybox", "busybox-static"),
    ("cc", "gcc"),
    ("containerd", "containerd"),
    ("docker", "docker.io"),
    ("dockerd", "docker.io"),
    ("prlimit", "util-linux"),
    ("runc", "runc"),
    ("setpriv", "util-linux"),
    ("tar", "tar"),
    ("unshare", "util-linux"),
];

/// Installs what is missing, builds the program under test, and runs all tests.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    ensure!(is_root, "the tests load eBPF programs and make cgroups: run this as root");
    let shell = Shell::new()?;
    shell.change_dir(root);
    install_missing(&shell)?;
    // `cargo test` builds no program of another package than the test's own.
    cmd!(shell, "cargo build --package signal-trace --bins").run().context("cannot build it")?;
    cmd!(shell, "cargo test --workspace --no-fail-fast").run().context("a test failed")
}

fn install_missing(shell: &Shell) -> anyhow::Result<()> {
    let missing: BTreeSet<_> =
        NEEDED.iter().filter(|(name, _)| !is_installed(name)).map(|(_, package)| package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.into_iter().copied().collect();
    let list = names.join(", ");
    say(&format!("installing {list}"));
    ensure!(is_installed("apt-get"), "there is no apt-get here: install what holds {list} by hand");
    cmd!(shell, "apt-get update --quiet").run().context("cannot read the package lists")?;
    cmd!(shell, "apt-get install --yes --quiet --no-install-recommends {names...}")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
        .with_context(|| format!("cannot install {list}"))
}

/// In `PATH`, or where only root's programs are.
fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).any(|folder| folder.join(name).is_file())
}

#[expect(clippy::print_stderr, reason = "a task tells its user what it does")]
fn say(message: &str) {
    eprintln!("test: {message}");
}
