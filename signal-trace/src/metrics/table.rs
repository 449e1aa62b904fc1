//! The series of all workloads: never more than the operator allows.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    labels::{Chosen, Values},
    series::Series,
};
use crate::sinks::schema::Workload;

/// Where there is no more room, a workload of which nothing came for so long makes room:
/// nanoseconds.
const IDLE_NS: i64 = 24 * 3600 * 1_000_000_000;

/// Series by their labels.
#[derive(Debug)]
pub(super) struct Table {
    pub chosen: Chosen,
    /// Without the one for all that found no room.
    most: usize,
    other: Values,
    /// Shared with a scrape that is under way: what changes meanwhile is copied first.
    series: BTreeMap<Values, Arc<Series>>,
}

/// The series at one moment.
pub(super) type Copied = Vec<(Values, Arc<Series>)>;

impl Table {
    pub(super) fn new(chosen: Chosen, most: usize) -> Self {
        let other = Values::other(&chosen);
        Self { chosen, most, other, series: BTreeMap::new() }
    }

    /// The labels under which a workload is counted from now on.
    pub(super) fn place(&mut self, workload: Option<&Workload>, now: i64) -> Values {
        let values = Values::of(&self.chosen, workload);
        if self.series.contains_key(&values) || self.make_room(now) {
            return values;
        }
        self.other.clone()
    }

    /// Changes the series with these labels, which [`Self::place`] gave.
    pub(super) fn change(&mut self, values: &Values, now: i64, change: impl FnOnce(&mut Series)) {
        let series = Arc::make_mut(self.series.entry(values.clone()).or_default());
        series.touched = series.touched.max(now);
        change(series);
    }

    /// The same for what has no effect if there is no such series any more.
    pub(super) fn change_if_there(&mut self, values: &Values, change: impl FnOnce(&mut Series)) {
        if let Some(series) = self.series.get_mut(values) {
            change(Arc::make_mut(series));
        }
    }

    /// How many there are, and how many there can be.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.taken(), self.most)
    }

    /// A copy that shares the numbers.
    pub(super) fn copy(&self) -> Copied {
        self.series.iter().map(|(values, series)| (values.clone(), Arc::clone(series))).collect()
    }

    fn taken(&self) -> usize {
        self.series.len() - usize::from(self.series.contains_key(&self.other))
    }

    fn make_room(&mut self, now: i64) -> bool {
        if self.taken() < self.most {
            return true;
        }
        let idle = self
            .series
            .iter()
            .filter(|(values, series)| **values != self.other && series.zombies == 0)
            .min_by_key(|(_, series)| series.touched)
            .filter(|(_, series)| now.saturating_sub(series.touched) > IDLE_NS)
            .map(|(values, _)| values.clone());
        idle.is_some_and(|values| self.series.remove(&values).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::labels::{Label, tests::nobody},
        *,
    };

    fn container(name: &str) -> Workload {
        Workload { name: Some(name.into()), ..nobody("container") }
    }

    fn count(table: &mut Table, name: &str, now: i64) -> bool {
        let values = table.place(Some(&container(name)), now);
        table.change(&values, now, |series| series.shutdowns.add("forced", 1));
        values == table.other
    }

    #[test]
    fn what_finds_no_room_is_counted_together() {
        let mut table = Table::new([Label::Workload].into(), 3);
        for name in ["a", "b", "c", "a", "b"] {
            assert!(!count(&mut table, name, 5));
        }
        for n in 0..1000 {
            assert!(count(&mut table, &format!("storm-{n}"), 6));
        }
        assert_eq!((table.series.len(), table.size()), (4, (3, 3)));
        assert_eq!(table.series[&table.other].shutdowns.get("forced"), 1000);
    }

    #[test]
    fn what_was_idle_for_a_day_makes_room() {
        let mut table = Table::new([Label::Workload].into(), 2);
        count(&mut table, "zombies", 0);
        let zombies = table.place(Some(&container("zombies")), 0);
        table.change(&zombies, 0, |series| series.zombies = 1);
        count(&mut table, "old", 1);
        assert!(count(&mut table, "new", IDLE_NS + 1));
        assert!(!count(&mut table, "new", IDLE_NS + 2));
        assert!(table.series.contains_key(&zombies), "it still has some");
        assert!(count(&mut table, "old", IDLE_NS + 3));
    }

    #[test]
    fn a_copy_does_not_change_any_more() {
        let mut table = Table::new([Label::Workload].into(), 2);
        count(&mut table, "a", 0);
        let copy = table.copy();
        count(&mut table, "a", 0);
        assert_eq!(copy[0].1.shutdowns.get("forced"), 1);
        assert_eq!(table.copy()[0].1.shutdowns.get("forced"), 2);
    }

    #[test]
    fn a_workload_may_be_called_other() {
        let mut table = Table::new([Label::Workload].into(), 1);
        assert!(count(&mut table, "other", 0));
        assert!(!count(&mut table, "a", 0));
        assert_eq!(table.size(), (1, 1));
    }

    #[test]
    fn without_room_and_without_labels_all_is_one() {
        let mut table = Table::new([Label::Workload].into(), 0);
        assert!(count(&mut table, "a", 0));
        let mut table = Table::new([].into(), 1);
        count(&mut table, "a", 0);
        count(&mut table, "b", 0);
        assert_eq!(table.copy().len(), 1);
    }
}
