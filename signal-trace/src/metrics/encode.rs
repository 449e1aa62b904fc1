//! Makes a page of metrics: the numbers of one moment, written by `prometheus-client`.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet, text as open_metrics,
    },
    metrics::MetricType,
    registry::{Registry, Unit as ClientUnit},
};

use super::{
    Build, Health, Phase,
    families::{self, Family, Kind, Unit},
    labels::{Chosen, Labels},
    process::OwnUsage,
    series::Series,
    table::Copied,
};

/// All numbers of one moment.
#[derive(Debug)]
pub(super) struct Page {
    pub series: Copied,
    pub chosen: Chosen,
    /// How many sets of labels there are, and can be.
    pub label_sets: (usize, usize),
    pub health: Arc<Health>,
    pub own: OwnUsage,
    pub phase: Phase,
    pub build: Build,
}

impl Page {
    /// Every set of labels, to be written, and its numbers.
    pub(super) fn series(&self) -> impl Iterator<Item = (Labels<'_>, &Series)> {
        self.series.iter().map(|(values, series)| (Labels(&self.chosen, values), &**series))
    }
}

/// The page as `OpenMetrics` text.
pub(super) fn text(page: Page) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(page));
    let mut text = String::new();
    // Writing to a String cannot fail, and no value of ours can.
    let _ = open_metrics::encode(&mut text, &registry);
    text
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in families::all() {
            let Family { kind, unit, help, .. } = family;
            let unit = match unit {
                Unit::None => None,
                Unit::Seconds => Some(ClientUnit::Seconds),
                Unit::Bytes => Some(ClientUnit::Bytes),
                Unit::Ratio => Some(ClientUnit::Other("ratio".to_owned())),
            };
            let metric_type = match kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
                Kind::Info => MetricType::Info,
            };
            let encoder =
                encoder.encode_descriptor(family.stem(), help, unit.as_ref(), metric_type)?;
            (family.write)(self, &mut Samples { encoder, kind: *kind })?;
        }
        Ok(())
    }
}

/// Takes the samples of one family.
pub(super) struct Samples<'a> {
    encoder: MetricEncoder<'a>,
    kind: Kind,
}

/// A value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Whole(u64),
    Real(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl Samples<'_> {
    /// The only sample of its family.
    pub(super) fn only(&mut self, value: impl Into<Value>) -> fmt::Result {
        put(&mut self.encoder, self.kind, value.into())
    }

    /// A sample with labels.
    pub(super) fn with(
        &mut self,
        labels: &impl EncodeLabelSet,
        value: impl Into<Value>,
    ) -> fmt::Result {
        put(&mut self.encoder.encode_family(labels)?, self.kind, value.into())
    }

    /// A histogram: bounds with the count of each bucket.
    pub(super) fn histogram(
        &mut self,
        labels: &impl EncodeLabelSet,
        sum: f64,
        count: u64,
        buckets: &[(f64, u64)],
    ) -> fmt::Result {
        let mut encoder = self.encoder.encode_family(labels)?;
        encoder.encode_histogram::<NoLabelSet>(sum, count, buckets, None)
    }

    /// Labels that are all there is to say.
    pub(super) fn info(&mut self, labels: &impl EncodeLabelSet) -> fmt::Result {
        self.encoder.encode_info(labels)
    }
}

fn put(encoder: &mut MetricEncoder<'_>, kind: Kind, value: Value) -> fmt::Result {
    match (kind, value) {
        (Kind::Counter, Value::Whole(value)) => {
            encoder.encode_counter::<NoLabelSet, _, f64>(&value, None)
        }
        (Kind::Counter, Value::Real(value)) => {
            encoder.encode_counter::<NoLabelSet, _, f64>(&value, None)
        }
        (_, Value::Whole(value)) => encoder.encode_gauge(&value),
        (_, Value::Real(value)) => encoder.encode_gauge(&value),
    }
}
