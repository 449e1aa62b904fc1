//! The life of a session: from COMMAND's start, if there is one, to the reason to end.

use std::{ffi::OsString, future::pending, io, process::ExitStatus, time::Duration};

use anyhow::Context as _;
use signal_trace_core::{
    config::Config,
    time::{BootNs, MS, SECOND},
};
use tokio::{
    process::{Child, Command},
    signal::unix::{Signal, SignalKind, signal},
};

use super::{note, stdout::Output};
use crate::{
    capture::{Capture, clock},
    pipeline::Pipeline,
};

/// Beyond the grace period, for the kernel and us.
const AFTER_GRACE_NS: u64 = 2 * SECOND;
/// From COMMAND's end until its last events are out of the rings, beside the reorder window.
const LAST_EVENTS_NS: u64 = 200 * MS;
/// Ctrl-C mostly ends COMMAND sooner; who waits longer wants to know for what.
const PATIENCE_NS: u64 = SECOND;

/// What is being waited for.
pub struct Session {
    command: Option<Child>,
    /// When COMMAND ended.
    command_ended: Option<BootNs>,
    /// A Ctrl-C was left to COMMAND.
    patient: bool,
    /// When to say so.
    remark_at: Option<BootNs>,
    deadline: Option<BootNs>,
    /// The recording had to be given up.
    recording_failed: bool,
    grace_ns: u64,
    reorder_ns: u64,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By SIGINT or SIGTERM.
    Asked,
    /// By itself.
    Done,
}

impl Session {
    /// Starts COMMAND, if any. It inherits what we have, save for our signal handlers.
    ///
    /// # Errors
    /// COMMAND cannot be run.
    pub fn start(
        command: &[OsString],
        duration: Option<Duration>,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let command = command.split_first().map(|(program, arguments)| {
            Command::new(program)
                .args(arguments)
                .spawn()
                .with_context(|| format!("cannot run COMMAND {}", program.display()))
        });
        let deadline = duration.map(|limit| {
            clock::boot_now().plus(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX))
        });
        Ok(Self {
            command: command.transpose()?,
            command_ended: None,
            patient: false,
            remark_at: None,
            deadline,
            recording_failed: false,
            grace_ns: config.grace_ns,
            reorder_ns: config.reorder_window_ns,
        })
    }

    /// Captures until there is a reason to end.
    pub async fn run(
        &mut self,
        capture: &mut Capture,
        pipeline: &mut Pipeline,
        stops: &mut Stops,
        output: &Output,
    ) -> anyhow::Result<Ended> {
        loop {
            tokio::select! {
                // Signals first: a storm of events must not keep us from ending.
                biased;
                _ = stops.interrupt.recv() => if self.interrupted(clock::boot_now()) { return Ok(Ended::Asked) },
                _ = stops.terminate.recv() => return Ok(Ended::Asked),
                status = end_of(&mut self.command) => {
                    status.context("cannot wait for COMMAND")?;
                    self.command = None;
                    self.command_ended = Some(clock::boot_now());
                }
                ready = capture.ready() => ready?,
            }
            capture.pump(pipeline)?;
            if let Some(error) = pipeline.take_recording_error() {
                note(&error.to_string());
                self.recording_failed = true;
            }
            if output.failure().is_some() || self.is_over(clock::boot_now(), pipeline) {
                return Ok(Ended::Done);
            }
        }
    }

    /// Whether the user has been told that the recording ends early.
    pub const fn recording_failed(&self) -> bool {
        self.recording_failed
    }

    /// Whether Ctrl-C is meant for us. It reaches COMMAND too, and what that makes of it is of
    /// interest: so the first is left to COMMAND, even if it has just died of it.
    fn interrupted(&mut self, now: BootNs) -> bool {
        let for_command = self.command.is_some()
            || self.command_ended.is_some_and(|ended| now.since(ended) < PATIENCE_NS);
        if !for_command || self.patient {
            return true;
        }
        self.patient = true;
        self.remark_at = Some(now.plus(PATIENCE_NS));
        false
    }

    fn is_over(&mut self, now: BootNs, pipeline: &Pipeline) -> bool {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return true;
        }
        if let Some(ended) = self.command_ended {
            let passed = now.since(ended);
            let seen_all = passed >= self.reorder_ns + LAST_EVENTS_NS;
            // What was begun to be stopped has the time that its manager gives it.
            let grace = self.grace_ns.max(pipeline.longest_grace_ns());
            return (seen_all && pipeline.open_timelines() == 0)
                || passed >= grace.saturating_add(AFTER_GRACE_NS);
        }
        if self.remark_at.is_some_and(|at| now >= at) {
            self.remark_at = None;
            note("COMMAND still runs; press Ctrl-C again to end the tracing and leave it");
        }
        false
    }
}

/// The end of COMMAND, which does not come if there is none.
async fn end_of(command: &mut Option<Child>) -> io::Result<ExitStatus> {
    match command {
        Some(child) => child.wait().await,
        None => pending().await,
    }
}

/// SIGINT and SIGTERM, which do not kill us any more.
pub struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    /// Takes them over.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for any of them.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
