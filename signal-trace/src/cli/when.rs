//! Points in time on the command line: how they are written, and what is said of one that is
//! written otherwise. All of them are UTC, as the output is.

use std::time::Duration;

use jiff::{Timestamp, civil, tz::TimeZone};

use super::value;
use crate::sinks::schema::Time;

/// A point in time, as far as it is known before it is known what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `8h`: so long before now.
    Ago(Duration),
    /// `2026-11-24T03:00:00Z`, `2026-11-24 03:00`, `2026-11-24`.
    At(Time),
    /// `03:00`: the last one before now.
    Daily(civil::Time),
}

const HOW: &str = "write a duration (8h, 90m, 2d) to count back from now, or a time in UTC: \
                   2026-11-24T03:00:00Z, '2026-11-24 03:00', 2026-11-24 (its beginning), or 03:00 \
                   (the last one that there was)";

/// Reads one.
pub fn when(text: &str) -> Result<When, String> {
    let text = text.trim();
    // `10:50:55` would be one, too.
    if let Some(ago) = ago(text).filter(|_| !text.contains(':')) {
        return Ok(When::Ago(ago));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return at(time);
    }
    let utc = |civil: civil::DateTime| civil.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp());
    // A date is also a time to `civil::Time`, and a time never a date.
    if text.contains('-') {
        let civil = text.parse::<civil::DateTime>().ok();
        return civil.and_then(utc).map_or_else(|| Err(HOW.to_owned()), at);
    }
    text.parse().map(When::Daily).map_err(|_| HOW.to_owned())
}

fn at(time: Timestamp) -> Result<When, String> {
    let time = i64::try_from(time.as_nanosecond());
    time.map(|ns| When::At(Time(ns))).map_err(|_| "that is too far from now".to_owned())
}

/// A duration as elsewhere, with days in front if need be.
fn ago(text: &str) -> Option<Duration> {
    const DAY: u64 = 24 * 60 * 60;
    let Some((days, rest)) = text.split_once('d') else { return value::duration(text).ok() };
    let days = days.parse::<u32>().ok()?;
    let rest = if rest.is_empty() { Duration::ZERO } else { value::duration(rest).ok()? };
    Duration::from_secs(u64::from(days) * DAY).checked_add(rest)
}

impl When {
    /// The point in time that is meant at `now`.
    pub fn resolve(self, now: Time) -> Time {
        const DAY_NS: i64 = 24 * 60 * 60 * 1_000_000_000;
        match self {
            Self::Ago(ago) => {
                Time(now.0.saturating_sub(i64::try_from(ago.as_nanos()).unwrap_or(i64::MAX)))
            }
            Self::At(time) => time,
            Self::Daily(time) => {
                let midnight = now.0 - now.0.rem_euclid(DAY_NS);
                let of_day = time.duration_since(civil::Time::midnight()).as_nanos();
                let today = midnight.saturating_add(i64::try_from(of_day).unwrap_or_default());
                Time(if today <= now.0 { today } else { today - DAY_NS })
            }
        }
    }

    /// Whether it depends on what time it is.
    pub const fn is_relative(self) -> bool {
        !matches!(self, Self::At(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T10:50:55Z.
    const NOW: Time = Time(1_795_517_455_000_000_000);

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let time = when(text).expect(text).resolve(NOW).to_string();
        assert_eq!(time.replace(".000000000Z", "Z"), expected, "{text}");
    }

    #[test]
    fn times_read_as_documented() {
        check("8h", "2026-11-24T02:50:55Z");
        check("1h30m", "2026-11-24T09:20:55Z");
        check("2d", "2026-11-22T10:50:55Z");
        check("1d12h", "2026-11-22T22:50:55Z");
        check("2026-11-24T03:00:00Z", "2026-11-24T03:00:00Z");
        check("2026-11-24T03:00:00+02:00", "2026-11-24T01:00:00Z");
        check("2026-11-24 03:00", "2026-11-24T03:00:00Z");
        check("2026-11-24T03:00:05.5", "2026-11-24T03:00:05.500000000Z");
        check("2026-11-24", "2026-11-24T00:00:00Z");
        check("03:00", "2026-11-24T03:00:00Z");
        check("10:50:55", "2026-11-24T10:50:55Z");
        check("23:00", "2026-11-23T23:00:00Z");
    }

    #[test]
    fn what_is_no_time_is_answered_with_how_to_write_one() {
        for text in ["", "yesterday", "25:00", "2026-13-01", "8", "-8h", "3 apples", "xd", "1dd"] {
            assert!(when(text).unwrap_err().contains("03:00"), "{text}");
        }
        assert!(when("9000-01-01").is_err(), "no wire time is so late");
    }

    #[test]
    fn a_time_before_all_time_is_no_overflow() {
        assert_eq!(When::Ago(Duration::MAX).resolve(Time(-5)), Time(i64::MIN));
    }
}
