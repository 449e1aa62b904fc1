//! Every metric: its name, what it means, and where its numbers come from. The names are a contract
//! with alert rules and dashboards.

mod agent;
mod workloads;

use std::fmt;

use super::encode::{Page, Samples};

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

impl Kind {
    #[cfg(test)]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// What it counts or measures in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    None,
    Seconds,
    Bytes,
    Ratio,
}

impl Unit {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
        }
    }
}

/// A metric.
pub(super) struct Family {
    /// As it stands in a query, with unit and `_total`.
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// Its own labels; `true` if those that the operator chose come before them.
    #[cfg_attr(not(test), expect(dead_code, reason = "the documentation is held against it"))]
    pub labels: (bool, &'static [&'static str]),
    pub help: &'static str,
    pub write: fn(&Page, &mut Samples<'_>) -> fmt::Result,
}

impl Family {
    /// The name without what its kind and unit add to it.
    pub(super) fn stem(&self) -> &'static str {
        let end = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        let name = self.name.strip_suffix(end).unwrap_or(self.name);
        let without = name.strip_suffix(self.unit.name()).and_then(|name| name.strip_suffix('_'));
        without.filter(|_| self.unit != Unit::None).unwrap_or(name)
    }
}

/// All of them, in the order of the page.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    workloads::FAMILIES.iter().chain(agent::FAMILIES)
}
