//! The pure engine of signal-trace.
//!
//! Data goes one way: [`input::Input`] -> [`trace::Trace`] (decode, order, engine) ->
//! [`output::Outputs`]. There is no clock, no I/O, no async and no random hashing here, so the
//! same inputs give the same outputs, live or replayed.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod cgroups;
pub mod config;
pub mod decode;
pub mod engine;
pub mod escape;
pub mod event;
pub mod findings;
#[cfg(test)]
mod fixture;
pub mod identity;
pub mod ids;
pub mod input;
pub mod labels;
mod member;
pub mod order;
pub mod output;

pub mod plan;
pub mod role;
pub mod signal;
pub mod system;
mod table;
pub mod time;
mod timeline;
pub mod trace;
pub mod verdict;
pub mod workload;

#[cfg(test)]
mod scenarios;
