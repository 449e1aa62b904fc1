//! Windows in which something was lost, or came out of order, to be held against the windows of timelines.

use alloc::collections::VecDeque;

use crate::time::BootNs;

/// Recent loss windows; the oldest ones melt into one when there are too many.
#[derive(Debug, Default)]
pub(super) struct Losses {
    windows: VecDeque<(BootNs, BootNs)>,
}

const MAX_WINDOWS: usize = 1024;

impl Losses {
    pub(super) fn add(&mut self, from: BootNs, to: BootNs) {
        match self.windows.back_mut() {
            Some(last) if from <= last.1 => {
                last.0 = last.0.min(from);
                last.1 = last.1.max(to);
            }
            _ => self.windows.push_back((from, to)),
        }
        if self.windows.len() > MAX_WINDOWS
            && let (Some(first), Some(second)) =
                (self.windows.pop_front(), self.windows.front_mut())
        {
            second.0 = first.0;
        }
    }

    /// Whether something was lost between `from` and `to`.
    pub(super) fn touch(&self, from: BootNs, to: BootNs) -> bool {
        self.windows.iter().any(|window| window.0 <= to && window.1 >= from)
    }
}
