//! The engine stays pure: no std, no unsafe code, no crate that does I/O.

use std::{fs, path::Path};

use anyhow::Context as _;
use xshell::{Shell, cmd};

use super::Report;
use crate::ebpf;

const CRATE: &str = "signal-trace-core";
/// Has `alloc`, and no `std` that could be linked by accident. Of all such targets it is the one
/// that comes as a Debian package: the eBPF programs are built for it.
const BARE_TARGET: &str = "bpfel-unknown-none";
/// All that it may depend on; what these need in turn is compile-time only.
const ALLOWED: [&str; 3] = [CRATE, "signal-trace-common", "zerocopy"];
/// Must be found, or the list was not read.
const PRESENT: &str = "zerocopy";

pub fn check(root: &Path, shell: &Shell, report: &mut Report) -> anyhow::Result<()> {
    let path = root.join(CRATE).join("src/lib.rs");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    for attribute in ["#![no_std]", "#![forbid(unsafe_code)]"] {
        if !text.lines().any(|line| line == attribute) {
            report.fault(format!("{CRATE}/src/lib.rs: `{attribute}` is missing"));
        }
    }
    dependencies(shell, report)?;
    // The proof: it compiles where there is no std.
    ebpf::install_toolchain()?;
    let check = cmd!(shell, "cargo check --quiet --package {CRATE} --target {BARE_TARGET}")
        .env("RUSTC", ebpf::RUSTC)
        // Of its own: another compiler would make cargo build everything anew.
        .env("CARGO_TARGET_DIR", root.join("target/bare"));
    if check.run().is_err() {
        report.fault(format!("{CRATE} does not compile without std; see above"));
    }
    Ok(())
}

fn dependencies(shell: &Shell, report: &mut Report) -> anyhow::Result<()> {
    // Procedural macros run in the compiler: they are no part of the engine.
    let edges = "normal,no-proc-macro";
    let tree = cmd!(shell, "cargo tree --package {CRATE} --edges {edges} --prefix none")
        .quiet()
        .read()
        .context("cannot read the dependencies of the engine")?;
    // `NAME vVERSION (PATH)`
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    if !names.contains(&PRESENT) {
        report.fault(format!("{CRATE}: {PRESENT} is not among its dependencies: {names:?}"));
    }
    for name in names.iter().filter(|name| !ALLOWED.contains(name)) {
        report.fault(format!("{CRATE} must not depend on {name}"));
    }
    Ok(())
}
