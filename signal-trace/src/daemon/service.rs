//! The service manager over us (`sd_notify(3)`): it is told how we are.

use sd_notify::NotifyState;
use tokio::time::{Interval, interval};

/// systemd's watchdog, if it keeps one over us.
pub struct Watchdog(Option<Interval>);

impl Watchdog {
    /// As the service manager says (`WATCHDOG_USEC`).
    pub fn new() -> Self {
        // Half of its patience. None at all means that there is none.
        let half = sd_notify::watchdog_enabled().map(|patience| patience / 2);
        Self(half.filter(|half| !half.is_zero()).map(interval))
    }

    /// Waits until it is to be told of us. May be cancelled.
    pub async fn due(&mut self) {
        match &mut self.0 {
            Some(interval) => drop(interval.tick().await),
            None => std::future::pending().await,
        }
    }
}

/// Tells the service manager, if there is one.
pub fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager cannot be told: {error}");
    }
}
