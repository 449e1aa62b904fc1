//! The reorder window: events come nearly in order, and leave it in a total order.
//!
//! A ring holds records in the order in which their space was reserved, and their time stamps were
//! read later; there are two rings, and `/proc` besides. So what comes is held back for a window
//! of time and sorted. The order that it leaves in does not depend on the order that it came in.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::time::BootNs;

/// Where something stands in the total order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// When.
    pub at: BootNs,
    /// Breaks ties of time: the CPU; facts come after all events of the same nanosecond.
    pub source: u32,
    /// Breaks ties of both: the source's own running number.
    pub number: u64,
}

/// Holds items back until nothing that belongs before them can come any more.
#[derive(Debug)]
pub struct Reorder<T> {
    window_ns: u64,
    /// The arrival number only keeps items with one key apart.
    held: BTreeMap<(Key, u64), T>,
    arrivals: u64,
    released_to: BootNs,
}

impl<T> Reorder<T> {
    /// A window of `window_ns` nanoseconds.
    pub const fn new(window_ns: u64) -> Self {
        Self { window_ns, held: BTreeMap::new(), arrivals: 0, released_to: BootNs(0) }
    }

    /// Takes an item. One that comes after its place has been released is late, and `true` is
    /// returned: it leaves with the next release, before all others.
    pub fn push(&mut self, key: Key, item: T) -> bool {
        let late = key.at < self.released_to;
        self.arrivals += 1;
        self.held.insert((key, self.arrivals), item);
        late
    }

    /// Releases what is older than `now` less the window, and returns that time too: the engine
    /// has then seen everything up to it.
    pub fn release(&mut self, now: BootNs) -> (BootNs, Vec<(BootNs, T)>) {
        self.release_to(now.minus(self.window_ns))
    }

    /// Releases everything.
    pub fn release_all(&mut self) -> Vec<(BootNs, T)> {
        self.released_to = BootNs(u64::MAX);
        let released = core::mem::take(&mut self.held);
        released.into_iter().map(|((key, _), item)| (key.at, item)).collect()
    }

    fn release_to(&mut self, to: BootNs) -> (BootNs, Vec<(BootNs, T)>) {
        let to = to.max(self.released_to);
        let first_kept = Key { at: to, source: 0, number: 0 };
        let kept = self.held.split_off(&(first_kept, 0));
        let released = core::mem::replace(&mut self.held, kept);
        self.released_to = to;
        (to, released.into_iter().map(|((key, _), item)| (key.at, item)).collect())
    }

    /// Whether nothing is held back.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn key(at: u64, source: u32) -> Key {
        Key { at: BootNs(at), source, number: 0 }
    }

    #[test]
    fn holds_back_for_the_window_and_sorts() {
        let mut order = Reorder::new(100);
        for (at, cpu) in [(50, 1), (40, 0), (50, 0), (160, 0)] {
            order.push(key(at, cpu), (at, cpu));
        }
        assert_eq!(order.release(BootNs(120)).1, vec![]);
        let (to, items) = order.release(BootNs(200));
        assert_eq!(to, BootNs(100));
        let items: Vec<_> = items.into_iter().map(|(_, item)| item).collect();
        assert_eq!(items, vec![(40, 0), (50, 0), (50, 1)]);
        assert!(!order.is_empty());
        order.push(key(u64::MAX, 0), (0, 0));
        let rest = vec![(BootNs(160), (160, 0)), (BootNs(u64::MAX), (0, 0))];
        assert_eq!(order.release_all(), rest);
    }

    #[test]
    fn a_straggler_is_told_and_not_lost() {
        let mut order = Reorder::new(10);
        order.push(key(100, 0), 1);
        assert_eq!(order.release(BootNs(200)).1.len(), 1);
        assert!(order.push(key(50, 0), 2));
        assert_eq!(order.release(BootNs(200)).1, vec![(BootNs(50), 2)]);
    }

    proptest! {
        #[test]
        fn order_of_arrival_inside_the_window_does_not_matter(
            items in prop::collection::vec((0u64..1000, 0u32..4, 0u64..1000), 0..60),
            seed in any::<u64>(),
        ) {
            let mut unique = items.clone();
            unique.sort_unstable();
            unique.dedup();
            let mut shuffled = unique.clone();
            let mut state = seed | 1;
            for i in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
            }
            let run = |items: &[(u64, u32, u64)]| {
                let mut order = Reorder::new(1000);
                for &(at, source, number) in items {
                    order.push(Key { at: BootNs(at), source, number }, (at, source, number));
                }
                order.release_all()
            };
            let sorted = run(&unique);
            prop_assert_eq!(&run(&shuffled), &sorted);
            prop_assert!(sorted.is_sorted());
            prop_assert_eq!(sorted.len(), unique.len());
        }
    }
}
