//! Where the programs under test are: beside the test itself, in the folder of this build.

use std::path::PathBuf;

/// `signal-trace`, which `cargo test` does not build for another package.
pub fn signal_trace() -> PathBuf {
    built("signal-trace", "cargo build --package signal-trace, or run all with `cargo xtask test`")
}

/// `st-proc`, which does one known thing with its signals.
pub fn helper() -> PathBuf {
    built("st-proc", "cargo build --package signal-trace-tests")
}

fn built(name: &str, remedy: &str) -> PathBuf {
    let test = std::env::current_exe().expect("/proc is mounted");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("tests lie in PROFILE/deps");
    let path = folder.join(name);
    assert!(path.is_file(), "{} is not there: {remedy}", path.display());
    path
}

/// A program of the system, from `PATH` or where only root looks.
pub fn system(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: apt-get install {package}"))
}
