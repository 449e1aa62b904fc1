//! Development tasks: `cargo xtask TASK`.

mod bench;
mod ebpf;
mod test;
mod tidy;

use std::{env, path::Path};

use anyhow::Context as _;
use clap::Parser;

#[derive(Parser)]
#[command(about = "Development tasks of signal-trace")]
enum Task {
    /// Build the eBPF object and commit-ready sidecar, or check the ones that are there.
    Ebpf {
        /// Rebuild in a fresh directory and compare with what is committed.
        #[arg(long)]
        check: bool,
        /// Only install the toolchain that this needs.
        #[arg(long, conflicts_with = "check")]
        install_toolchain: bool,
    },
    /// Measure: time and memory of the engine.
    Bench {
        /// What.
        what: bench::What,
    },
    /// Run every test, as root; installs the packages that the tests need.
    Test,
    /// Check the rules that no compiler knows: file heads and sizes, links, the core's purity.
    Tidy,
}

fn main() -> anyhow::Result<()> {
    // Asked for at run time: a target folder can be shared by clones.
    let own = env::var_os("CARGO_MANIFEST_DIR").context("run this with `cargo xtask`")?;
    let root = Path::new(&own).parent().context("xtask has no parent")?;
    match Task::parse() {
        Task::Ebpf { install_toolchain: true, .. } => ebpf::install_toolchain(),
        Task::Ebpf { check: true, .. } => ebpf::check(root),
        Task::Ebpf { .. } => ebpf::build(root),
        Task::Bench { what } => bench::run(root, what),
        Task::Test => test::run(root),
        Task::Tidy => tidy::run(root),
    }
}
