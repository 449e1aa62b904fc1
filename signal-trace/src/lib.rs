//! Everything of signal-trace that has effects: loading, capture, recording, sinks, commands.

pub mod capture;
pub mod cli;
pub mod cmd;
pub mod daemon;
pub mod enrich;
pub mod escape;
pub mod filters;
#[cfg(test)]
mod golden;
pub mod harden;
pub mod history;
pub mod host;
pub mod kernel;
pub mod log;
mod memory;
pub mod metrics;
mod net;
pub mod outlet;
pub mod pipeline;
pub mod private_file;
pub mod question;
pub mod recording;
pub mod selection;
pub mod sinks;
