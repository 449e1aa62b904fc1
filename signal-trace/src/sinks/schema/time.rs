//! Points in time on the wire: RFC 3339, UTC, nanoseconds.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use signal_trace_core::time::{BootNs, ClockAnchor};

/// Wall time, nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl Time {
    /// Wall time of `at` under `clock`.
    pub const fn of(at: BootNs, clock: &ClockAnchor) -> Self {
        Self(clock.wall_ns(at))
    }
}

impl fmt::Display for Time {
    /// Always nine fractional digits, so that lines sort as text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 64 bits of nanoseconds (1677 to 2262) always fit; should that ever change, show the epoch.
        let time = Timestamp::from_nanosecond(self.0.into()).unwrap_or_default();
        write!(f, "{time:.9}")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(D::Error::custom)?;
        i64::try_from(time.as_nanosecond()).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "RFC 3339, UTC, nanoseconds",
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{9}Z$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_digits_always() {
        assert_eq!(Time(0).to_string(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(Time(1_795_517_455_123_456_789).to_string(), "2026-11-24T10:50:55.123456789Z");
        for extreme in [i64::MIN, -1, i64::MAX] {
            let text = Time(extreme).to_string();
            assert_eq!(text.len(), "1970-01-01T00:00:00.000000000Z".len(), "{text}");
        }
    }
}
