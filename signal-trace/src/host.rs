//! The machine that a session runs on, as its `recording` line tells.

use std::fs;

use anyhow::Context as _;
use nix::{sys::utsname::uname, unistd::gethostname};
use signal_trace_core::config::Config;

use crate::{
    capture::{Capture, procfs::Root},
    recording::Header,
};

/// The header of a session that begins now. `node` is its name, unless that is the host's;
/// `config` is what the engine is told, but for what the machine says itself.
///
/// # Errors
/// The machine does not tell its name, kernel or boot.
pub fn header(
    node: Option<&str>,
    proc: &Root,
    capture: &Capture,
    mut config: Config,
) -> anyhow::Result<Header> {
    let node = if let Some(node) = node {
        node.to_owned()
    } else {
        let name = gethostname().context("cannot read the name of this node")?;
        name.to_string_lossy().into_owned()
    };
    let kernel = uname().context("cannot read the release of the kernel")?;
    let boot_id = proc.join("sys/kernel/random/boot_id");
    let boot_id = fs::read_to_string(&boot_id)
        .with_context(|| format!("cannot read {}", boot_id.display()))?;
    config.split_cgroups = capture.split_cgroups();
    // In a PID namespace of another container we have none: then nobody there is us.
    config.tracer_pid = proc.own_pid().ok();
    let kernel = kernel.release().to_string_lossy().into_owned();
    Ok(Header::new(node, kernel, boot_id.trim().to_owned(), capture.anchor(), config))
}
