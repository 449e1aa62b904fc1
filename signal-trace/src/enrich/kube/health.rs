//! How the API server is: when it is asked again, and what was said of it.

use std::{
    fmt::Display,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use super::{super::text::Text, config::Config};

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// One that comes and goes is not written of each time.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(600);
/// Of what is said about a failure; it may repeat what a stranger wrote into his certificate.
const MOST_SAID: usize = 300;

/// Why there was no answer, and what to do about that.
#[derive(Debug)]
pub(super) struct Broken {
    pub what: String,
    pub advice: &'static str,
}

impl Broken {
    pub fn new(what: impl Display, advice: &'static str) -> Self {
        let text = Text::of(what.to_string().as_bytes()).0;
        Self { what: text.escape_debug().take(MOST_SAID).collect(), advice }
    }
}

#[derive(Default)]
pub(super) struct Health {
    failures: u32,
    /// A warning stands, which is to be taken back.
    warned: bool,
    warned_at: Option<Instant>,
}

impl Health {
    /// It answers.
    pub fn well(&mut self, config: &Config) {
        self.failures = 0;
        if std::mem::take(&mut self.warned) {
            tracing::info!("the Kubernetes API at {} answers again", config.authority());
        }
    }

    /// It does not answer. For how long it is not asked.
    pub fn broken(&mut self, config: &Config, broken: &Broken) -> Duration {
        let now = Instant::now();
        let quiet = self.warned_at.is_some_and(|at| now < at + BETWEEN_WARNINGS);
        if !self.warned && !quiet {
            self.warned = true;
            self.warned_at = Some(now);
            tracing::warn!(
                "the Kubernetes API at {} does not tell of the pods of the node {}: {}. {}. Owners \
                 and deletions of pods may be missing; it is asked again from time to time",
                config.authority(),
                config.node,
                broken.what,
                broken.advice
            );
        }
        self.backoff()
    }

    /// For how long it is not asked.
    pub fn backoff(&mut self) -> Duration {
        let times = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1).min(16);
        // Not all nodes at once.
        let spread = u32::try_from(RandomState::new().hash_one(()) % 250).unwrap_or_default();
        let backoff = FIRST_BACKOFF.saturating_mul(times) * (1000 + spread) / 1000;
        backoff.min(LONGEST_BACKOFF)
    }
}
