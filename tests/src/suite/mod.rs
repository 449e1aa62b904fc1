//! The scenario suite: real programs, real signals, and what signal-trace must say of them.
//!
//! A scenario (`scenario`) names a program (`program`), a place, what is done to it and when, and
//! what must be reported. The scenarios of one class share a session and run side by side
//! (`run`, `live`); what happened is taken from the harness, and held against the lines (`judge`).

mod accusations;
mod controls;
mod coverage;
mod expect;
mod judge;
mod live;
pub mod procfs;
mod program;
mod run;
mod scenario;
mod senders;

pub use coverage::missing;
pub use expect::{Expect, Zombie};
pub use program::{Program, Shell, Tools};
pub use run::check;
pub use scenario::{Act, Class, From, MAIN, Place, RTMIN_3, Scenario, Who, scenario};
