//! What is counted of one set of labels: plain numbers that are cheap to copy.

/// Seconds. The usual grace periods are bounds, so that what ran into them is seen.
pub(super) const DURATION_BOUNDS: [f64; 13] =
    [0.1, 0.5, 1.0, 2.5, 5.0, 8.0, 10.0, 15.0, 30.0, 60.0, 90.0, 120.0, 300.0];
/// Parts of the grace period. 0.8 is where `grace-period-nearly-exceeded` begins.
pub(super) const GRACE_BOUNDS: [f64; 8] = [0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 1.0, 1.5];

/// Counts by names that are known beforehand, so there are few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counts<K>(Vec<(K, u64)>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<K: Copy + PartialEq> Counts<K> {
    pub(super) fn add(&mut self, key: K, count: u64) {
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, total)) => *total = total.saturating_add(count),
            None => self.0.push((key, count)),
        }
    }

    pub(super) fn get(&self, key: K) -> u64 {
        self.0.iter().find(|(known, _)| *known == key).map_or(0, |(_, count)| *count)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (K, u64)> {
        self.0.iter().copied()
    }
}

/// A histogram with fixed bounds.
#[derive(Clone, Debug)]
pub(super) struct Histogram<const N: usize> {
    /// Values that are not above the bound of the same place, and above the one before.
    buckets: [u64; N],
    above: u64,
    sum: f64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { buckets: [0; N], above: 0, sum: 0.0 }
    }
}

impl<const N: usize> Histogram<N> {
    /// Takes a value; one that is no number, or negative, is none.
    pub(super) fn observe(&mut self, bounds: &[f64; N], value: f64) {
        if !value.is_finite() || value < 0.0 {
            return;
        }
        match bounds.iter().position(|bound| value <= *bound) {
            Some(place) => self.buckets[place] += 1,
            None => self.above += 1,
        }
        self.sum += value;
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum::<u64>() + self.above
    }

    pub(super) const fn sum(&self) -> f64 {
        self.sum
    }

    /// Bound and count of each bucket, not cumulated; the last one is infinite.
    pub(super) fn buckets(&self, bounds: &[f64; N]) -> Vec<(f64, u64)> {
        let bounded = bounds.iter().copied().zip(self.buckets);
        bounded.chain([(f64::INFINITY, self.above)]).collect()
    }
}

/// Everything of one set of labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// Shutdowns by verdict.
    pub shutdowns: Counts<&'static str>,
    pub duration: Histogram<{ DURATION_BOUNDS.len() }>,
    pub grace_used: Histogram<{ GRACE_BOUNDS.len() }>,
    /// Findings by id and severity.
    pub findings: Counts<(&'static str, &'static str)>,
    /// Processes that SIGKILL ended, by the role of who sent it.
    pub kills: Counts<&'static str>,
    /// Zombies now.
    pub zombies: u64,
    /// There were some, so that there are none now is worth a line.
    pub had_zombies: bool,
    /// Wall time of the last line that changed it, nanoseconds.
    pub touched: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::default();
        for value in [0.0, 1.0, 1.1, 2.0, 2.1, f64::NAN, f64::INFINITY, -1.0] {
            histogram.observe(&[1.0, 2.0], value);
        }
        assert_eq!(histogram.buckets(&[1.0, 2.0]), [(1.0, 2), (2.0, 2), (f64::INFINITY, 1)]);
        assert_eq!(histogram.count(), 5);
        assert!((histogram.sum() - 6.2).abs() < 1e-9);
    }

    #[test]
    fn counts_add_up() {
        let mut counts = Counts::default();
        counts.add("a", 1);
        counts.add("b", 0);
        counts.add("a", u64::MAX);
        assert_eq!((counts.get("a"), counts.get("b")), (u64::MAX, 0));
        assert_eq!(counts.iter().count(), 1);
    }
}
