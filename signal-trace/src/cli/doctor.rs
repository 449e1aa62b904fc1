//! `signal-trace doctor`.

use std::path::PathBuf;

use clap::Args;

/// `signal-trace doctor [--host-proc PATH]`
#[derive(Args, Clone, Debug, Default)]
pub struct DoctorArgs {
    /// Where the node's processes are shown: in a container that does not share the host's PID
    /// namespace, the host's /proc is mounted elsewhere [default: /proc]
    #[arg(long, value_name = "PATH")]
    pub host_proc: Option<PathBuf>,
}
