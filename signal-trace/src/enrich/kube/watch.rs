//! Lists the pods, hears what changes, and begins again when that fails.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use super::{
    super::text::Text,
    Change, What,
    client::{self, Lines, Trouble},
    config::Config,
    health::{Broken, Health},
    pod::Raw,
};
use crate::capture::clock;

/// From one watch to the next at least; and one that lasts so long is a good one.
const SETTLED: Duration = Duration::from_secs(1);

/// A line of a watch.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: Text,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// What comes with the type `ERROR`.
#[derive(Deserialize)]
struct Status {
    code: u16,
}

/// Tells `changes` of all pods of the node, until nobody listens.
pub(super) async fn run(config: &Config, changes: &mpsc::Sender<Change>) {
    let mut health = Health::default();
    let mut version = None;
    loop {
        let Err(trouble) = follow(config, changes, &mut health, &mut version).await else { return };
        let pause = match trouble {
            Trouble::Expired => {
                version = None;
                health.backoff()
            }
            Trouble::Broken(broken) => health.broken(config, &broken),
        };
        sleep(pause).await;
    }
}

/// Goes on after `version`, until that fails; `Ok` if nobody listens.
async fn follow(
    config: &Config,
    changes: &mpsc::Sender<Change>,
    health: &mut Health,
    version: &mut Option<String>,
) -> Result<(), Trouble> {
    loop {
        let last = if let Some(version) = version.take() {
            version
        } else {
            let at = clock::boot_now();
            let (pods, listed) = client::list(config).await?;
            if changes.send(Change { at, what: What::All(pods) }).await.is_err() {
                return Ok(());
            }
            listed
        };
        let started = Instant::now();
        let mut lines = match client::watch(config, &last).await {
            Ok(lines) => lines,
            Err(trouble) => {
                // It is still the place to go on at.
                *version = Some(last);
                return Err(trouble);
            }
        };
        let mut now_at = last;
        // If this fails, there is a new list: who talks nonsense may have done so before.
        if !hear(config, changes, health, &mut lines, &mut now_at, started).await? {
            return Ok(());
        }
        *version = Some(now_at);
        sleep_until(started + SETTLED).await;
    }
}

/// Passes on what a watch tells, until it ends; `false` if nobody listens.
async fn hear(
    config: &Config,
    changes: &mpsc::Sender<Change>,
    health: &mut Health,
    lines: &mut Lines,
    version: &mut String,
    started: Instant,
) -> Result<bool, Trouble> {
    let mut good = false;
    loop {
        let line = tokio::select! {
            line = lines.next() => line?,
            () = sleep_until(started + SETTLED), if !good => {
                good = true;
                health.well(config);
                continue;
            }
        };
        let Some(line) = line else { break };
        let at = clock::boot_now();
        let (event, now_at) = read(&line)?;
        if let Some(now_at) = now_at {
            *version = now_at;
        }
        if !good {
            good = true;
            health.well(config);
        }
        if let Some(what) = event
            && changes.send(Change { at, what }).await.is_err()
        {
            return Ok(false);
        }
    }
    if good {
        Ok(true)
    } else {
        Err(Broken::new("its watch ended at once", "See what is between it and us").into())
    }
}

/// What a line tells, and where in the history of all pods that is.
fn read(line: &[u8]) -> Result<(Option<What>, Option<String>), Trouble> {
    let Event { kind, object } = client::parse(line)?;
    let object = object.get().as_bytes();
    let what = match &*kind.0 {
        "ADDED" | "MODIFIED" => What::Now,
        "DELETED" => What::Gone,
        "BOOKMARK" => return Ok((None, client::parse::<Raw>(object)?.version())),
        "ERROR" => return Err(client::refused(client::parse::<Status>(object)?.code)),
        // Whatever will be invented.
        _ => return Ok((None, None)),
    };
    let mut raw: Raw = client::parse(object)?;
    let version = raw.version();
    Ok((Some(what(raw.into())), version))
}
