//! The harness of the tests: what it starts, signals and reaps itself is the ground truth.
//!
//! The code under test is only ever the `signal-trace` program, through its command line and the
//! lines it prints. `docs/TESTING.md` says what is tested how.

#![expect(clippy::missing_panics_doc, reason = "a test fails by a panic: every function here may")]

pub mod agent;
pub mod bpf;
pub mod cases;
pub mod cgroup;
pub mod chart;
pub mod clock;
pub mod containerd;
pub mod core_cases;
pub mod cri;
pub mod daemon;
pub mod disk;
pub mod docker;
pub mod expected;
pub mod folder;
pub mod frame;
pub mod guest;
pub mod history;
pub mod http;
pub mod image;
pub mod inside;
pub mod kubernetes;
pub mod lab;
pub mod launch;
pub mod lines;
pub mod otlp;
pub mod podman;
pub mod process;
pub mod programs;
pub mod report;
pub mod runc;
pub mod running;
pub mod schema;
pub mod session;
pub mod stub;
pub mod suite;
pub mod system;
pub mod systemd;
pub mod tools;
pub mod tree;
pub mod trim;
pub mod workshop;
