//! The life of an outlet's thread: batch after batch, with patience for an end that is down.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    Deliver, Entry, Failure, Stats,
    queue::{Missing, Next, Queue, told_missing},
};

/// Between two attempts, doubled from the one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The same when the outlet is being closed, and how often.
const LAST_PAUSE: Duration = Duration::from_millis(100);
const LAST_ATTEMPTS: u32 = 100;

/// What is left of it, over all batches.
struct Patience {
    /// Once the queue is closed.
    attempts_left: u32,
    /// After a batch that is refused: the next one fares no better, most likely, not even the loss
    /// that stands for this one.
    refused: Duration,
    /// What was not tried again any more.
    given_up: Option<Missing>,
}

/// Delivers until the queue is closed and empty; what had to be given up for that comes back.
pub async fn run(
    name: &'static str,
    mut deliver: impl Deliver,
    queue: &Queue,
    stats: &Stats,
) -> Option<Missing> {
    let mut patience =
        Patience { attempts_left: LAST_ATTEMPTS, refused: FIRST_PAUSE, given_up: None };
    loop {
        queue.ready().await;
        // The first line of a stream goes at once: somebody may wait for it.
        if stats.delivered_lines() > 0 {
            wait_for_more(queue, deliver.linger()).await;
        }
        match queue.next() {
            Next::Batch(batch) => {
                stats.begin(batch.len());
                deliver_batch(name, &mut deliver, &batch, queue, stats, &mut patience).await;
                stats.end();
            }
            Next::Reopen => deliver.reopen(),
            Next::Closed => {
                deliver.finish();
                return patience.given_up;
            }
        }
    }
}

async fn wait_for_more(queue: &Queue, linger: Duration) {
    if linger.is_zero() {
        return;
    }
    let full = async {
        while !queue.is_pressing() {
            queue.changed().await;
        }
    };
    // Whatever has come by then will do.
    let _ = timeout(linger, full).await;
}

async fn deliver_batch(
    name: &str,
    deliver: &mut impl Deliver,
    batch: &[Arc<Entry>],
    queue: &Queue,
    stats: &Stats,
    patience: &mut Patience,
) {
    if batch.is_empty() {
        return;
    }
    let mut pause = FIRST_PAUSE;
    loop {
        let was_up = stats.is_up();
        match deliver.deliver(batch).await {
            Ok(()) => {
                if !was_up {
                    tracing::warn!("the sink {name} works again");
                }
                patience.refused = FIRST_PAUSE;
                return stats.delivered(batch.len());
            }
            Err(Failure::Reject(why)) => {
                stats.failed();
                stats.dropped(lines_of(batch));
                if was_up {
                    tracing::warn!(
                        "the sink {name} drops {} lines: {why}; until it takes some, what it \
                         refuses is counted only",
                        batch.len()
                    );
                }
                queue.refused(batch);
                stats.end();
                pause_unless_closed(queue, patience.refused).await;
                patience.refused = (patience.refused * 2).min(LONGEST_PAUSE);
                return;
            }
            Err(Failure::Retry(why)) => {
                stats.failed();
                if was_up {
                    tracing::warn!(
                        "the sink {name} fails: {why}; it is tried again, and what finds no room \
                         meanwhile is counted"
                    );
                }
            }
        }
        if queue.is_closed() {
            if patience.attempts_left == 0 {
                tracing::warn!("the sink {name} was given up with {} lines", batch.len());
                Missing::add(&mut patience.given_up, batch);
                return stats.dropped(lines_of(batch));
            }
            patience.attempts_left -= 1;
            sleep(LAST_PAUSE).await;
        } else {
            pause_unless_closed(queue, pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Without what stands for lines that are counted as dropped already.
fn lines_of(batch: &[Arc<Entry>]) -> usize {
    batch.iter().filter(|entry| told_missing(entry).is_none()).count()
}

async fn pause_unless_closed(queue: &Queue, pause: Duration) {
    let closed = async {
        while !queue.is_closed() {
            queue.changed().await;
        }
    };
    // Over is over.
    let _ = timeout(pause, closed).await;
}
