//! Development tasks: `cargo xtask TASK`.

mod apt;
mod bench;
mod ebpf;
mod image;
mod lab;
mod manifests;
mod test;
mod tidy;
mod tools;
mod vm;

use std::{
    env,
    path::{Path, PathBuf},
};

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
    /// Make the container image: an archive for `docker load` and `ctr images import`.
    Image {
        /// The archive [default: target/image/signal-trace.tar].
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What the image is called, as `HOST/NAME:TAG` [default: localhost/signal-trace:VERSION].
        #[arg(long)]
        name: Option<String>,
    },
    /// Render the Helm chart to the plain manifests of `deploy/kubernetes`.
    Manifests {
        /// Only compare them with what is committed.
        #[arg(long)]
        check: bool,
    },
    /// Install Helm and the Python packages that the tests of `deploy` need, in `target/tools`.
    Tools,
    /// Run real systems (Docker, Kubernetes, Sidekiq, Laravel, ...), stop them well and badly, and
    /// compare what is said of that with what happened. As root; installs what they need.
    Lab(lab::Options),
    /// Run every test, as root; installs the packages that the tests need.
    Test,
    /// Check the rules that no compiler knows: file heads and sizes, links, the core's purity.
    Tidy,
    /// Run the core cases on kernels of Debian's, in virtual machines (emulated: no KVM needed).
    Vm(vm::Options),
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
        Task::Image { output, name } => image::run(root, output, name),
        Task::Manifests { check } => manifests::run(root, check),
        Task::Test => test::run(root),
        Task::Lab(options) => lab::run(root, &options),
        Task::Tidy => tidy::run(root),
        Task::Vm(options) => vm::run(root, &options),
        Task::Tools => tools::Tools::find_or_install().map(drop),
    }
}
