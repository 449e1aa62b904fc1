//! The machine that a session runs on, as its `recording` line tells.

use std::fs;

use anyhow::Context as _;
use nix::{sys::utsname::uname, unistd::gethostname};
use signal_trace_core::{config::Config, time::ClockAnchor};

use crate::recording::Header;

/// The header of a session that begins now. `node` is its name, unless that is the host's.
///
/// # Errors
/// The machine does not tell its name, kernel or boot.
pub fn header(node: Option<&str>, anchor: ClockAnchor, config: Config) -> anyhow::Result<Header> {
    let node = if let Some(node) = node {
        node.to_owned()
    } else {
        let name = gethostname().context("cannot read the name of this node")?;
        name.to_string_lossy().into_owned()
    };
    let kernel = uname().context("cannot read the release of the kernel")?;
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .context("cannot read /proc/sys/kernel/random/boot_id")?;
    let kernel = kernel.release().to_string_lossy().into_owned();
    Ok(Header::new(node, kernel, boot_id.trim().to_owned(), anchor, config))
}
