//! Everything of signal-trace that has effects: loading, capture, recording, sinks, commands.

pub mod capture;
pub mod cli;
pub mod cmd;
pub mod enrich;
pub mod escape;
pub mod filters;
#[cfg(test)]
mod golden;
pub mod history;
pub mod kernel;
pub mod pipeline;
pub mod recording;
pub mod selection;
pub mod sinks;
