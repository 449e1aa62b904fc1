//! Docker Compose v2: Debian 12 has v1 only, and the one of Debian 13 runs on it.

use std::fs;

use anyhow::Context as _;
use xshell::Shell;

use crate::{
    apt::{Apt, Kind, remove},
    tools,
};

const RELEASE: &str = "trixie";
const PACKAGE: &str = "docker-compose";
/// In the package.
const PLUGIN: &str = "usr/libexec/docker/cli-plugins/docker-compose";

/// Fetches it, if it is not there, to where the tests look.
pub fn find_or_fetch(shell: &Shell) -> anyhow::Result<()> {
    let folder = tools::target()?.join("lab");
    let program = folder.join("docker-compose-v2");
    if program.is_file() {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let apt = folder.join("compose-apt");
    Apt::begin(shell, apt.clone(), Kind::Binary, RELEASE)?.unpack(PACKAGE, &apt.join("files"))?;
    fs::rename(apt.join("files").join(PLUGIN), &program)
        .with_context(|| format!("{PACKAGE} of {RELEASE} has no {PLUGIN}"))?;
    remove(&apt)
}
