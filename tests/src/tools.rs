//! What `cargo xtask tools` installs beside the builds: Helm, and a Python with schemas and engines;
//! and what the lab has from a newer Debian.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// Renders charts.
pub fn helm() -> PathBuf {
    installed("helm")
}

/// Python with the packages of `xtask/src/tools/requirements.txt`.
pub fn python() -> PathBuf {
    installed("python/bin/python")
}

/// Docker Compose v2, which `cargo xtask lab` fetches.
pub fn compose() -> PathBuf {
    there("lab/docker-compose-v2", "cargo xtask lab compose")
}

fn installed(name: &str) -> PathBuf {
    there(&format!("tools/{name}"), "cargo xtask tools")
}

fn there(name: &str, remedy: &str) -> PathBuf {
    let test = std::env::current_exe().expect("/proc is mounted");
    // TARGET/PROFILE/deps/TEST
    let target = test.ancestors().nth(3).expect("tests lie in PROFILE/deps");
    let path = target.join(name);
    assert!(path.is_file(), "{} is not there: run `{remedy}`", path.display());
    path
}

/// Runs it with this on its standard input; panics if it fails. What it prints.
pub fn feed(command: &mut Command, input: &str) -> String {
    let output = try_feed(command, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {said}", output.status);
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// The same, whatever comes of it.
pub fn try_feed(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // One that ends before it has read all says so by its exit code.
        let _broken = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("it is our child");
    writer.join().expect("it does not panic");
    output
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    // Asked for at run time: a target folder can be shared by clones.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").expect("run this with `cargo test`");
    PathBuf::from(own).parent().expect("the tests have a parent").to_owned()
}
