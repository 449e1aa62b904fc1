//! `signal-trace explain`.

use clap::Args;
use signal_trace_core::findings::pages::Page;

use super::value;

/// `signal-trace explain [ID]`
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// The finding, as in `pid1-ignores-stop-signal`; without it all are listed
    #[arg(value_name = "ID", value_parser = value::finding)]
    pub page: Option<&'static Page>,
}
