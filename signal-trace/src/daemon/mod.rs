//! The node agent.

pub mod config;
