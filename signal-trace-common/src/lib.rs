//! The contract between the eBPF programs and user space: data layouts and names, no logic.
#![no_std]

pub mod filter;
pub mod layout;
pub mod names;
pub mod wire;
