//! The time that is asked for, in the form that lines have it: as text, which sorts as time does.

use std::fmt;

use crate::{cli::when::When, sinks::schema::Time};

/// A point in time as it stands in a line: `2026-11-24T10:50:55.123456789Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp([u8; Self::LENGTH]);

impl Stamp {
    /// Bytes.
    pub const LENGTH: usize = 30;

    /// From the text of a line; `None` if it is none that this program wrote.
    pub fn read(text: &[u8]) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = text.try_into().ok()?;
        let fits = bytes
            .iter()
            .zip(b"0000-00-00T00:00:00.000000000Z")
            .all(|(byte, like)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like });
        fits.then_some(Self(bytes))
    }

    /// The same as a number; the epoch for a date that there is not.
    pub fn time(self) -> Time {
        let time = self.to_string().parse::<jiff::Timestamp>().map(jiff::Timestamp::as_nanosecond);
        Time(time.ok().and_then(|ns| i64::try_from(ns).ok()).unwrap_or_default())
    }

    /// So much later.
    #[must_use]
    pub fn plus(self, ns: i64) -> Self {
        Time(self.time().0.saturating_add(ns)).into()
    }
}

impl From<Time> for Stamp {
    fn from(time: Time) -> Self {
        // 64 bits of nanoseconds reach from 1677 to 2262: always as long.
        Self::read(time.to_string().as_bytes()).unwrap_or(Self(*b"1970-01-01T00:00:00.000000000Z"))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The time that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// From this on.
    pub since: Option<Stamp>,
    /// Before this.
    pub until: Option<Stamp>,
    /// Until then something should be there: the end that is asked for, or now if the beginning was
    /// given by what time it is now.
    pub covered_until: Option<Stamp>,
}

/// The end is not after the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--since {since} is not before --until {until}: no time is between them (times are UTC)")]
pub struct EmptyRange {
    /// The beginning.
    pub since: Stamp,
    /// The end.
    pub until: Stamp,
}

impl Range {
    /// What `--since` and `--until` mean at `now`.
    pub fn new(since: Option<When>, until: Option<When>, now: Time) -> Result<Self, EmptyRange> {
        let at = |when: Option<When>| when.map(|when| Stamp::from(when.resolve(now)));
        let (from, to, now) = (at(since), at(until), Stamp::from(now));
        if let (Some(since), Some(until)) = (from, to)
            && since >= until
        {
            return Err(EmptyRange { since, until });
        }
        let to_now = || since.filter(|when| when.is_relative()).map(|_| now);
        Ok(Self {
            since: from,
            until: to,
            covered_until: to.map(|until| until.min(now)).or_else(to_now),
        })
    }

    /// Whether everything is asked for.
    pub const fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether a point in time is asked for.
    pub fn contains(&self, at: Stamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    /// What of a span is asked for.
    pub fn clip(&self, from: Stamp, to: Stamp) -> Option<(Stamp, Stamp)> {
        let from = self.since.map_or(from, |since| since.max(from));
        let to = self.until.map_or(to, |until| until.min(to));
        (from <= to).then_some((from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::when::when;

    const NOW: Time = Time(1_795_517_455_000_000_000);

    fn range(since: &str, until: &str) -> Result<Range, EmptyRange> {
        let read = |text: &str| (!text.is_empty()).then(|| when(text).unwrap());
        Range::new(read(since), read(until), NOW)
    }

    fn stamp(text: &str) -> Stamp {
        Stamp::read(format!("{text}.000000000Z").as_bytes()).unwrap()
    }

    #[test]
    fn text_sorts_as_time_does() {
        assert_eq!(Stamp::from(NOW), stamp("2026-11-24T10:50:55"));
        assert_eq!(Stamp::from(NOW).time(), NOW);
        assert!(Stamp::from(Time(i64::MIN)) < Stamp::from(Time(-1)));
        assert!(Stamp::from(Time(-1)) < Stamp::from(Time(0)));
        for text in ["", "2026-11-24T10:50:55Z", "2026-11-24T10:50:55.123456789z"] {
            assert_eq!(Stamp::read(text.as_bytes()), None, "{text}");
        }
        // Digits enough, but there is no such month.
        assert_eq!(stamp("2026-99-24T10:50:55").time(), Time(0));
    }

    #[test]
    fn the_beginning_is_in_it_and_the_end_is_not() {
        let range = range("03:00", "04:00").unwrap();
        for (at, inside) in [
            ("2026-11-24T02:59:59", false),
            ("2026-11-24T03:00:00", true),
            ("2026-11-24T03:59:59", true),
            ("2026-11-24T04:00:00", false),
        ] {
            assert_eq!(range.contains(stamp(at)), inside, "{at}");
        }
        let (from, to) = (stamp("2026-11-24T01:00:00"), stamp("2026-11-24T03:30:00"));
        assert_eq!(range.clip(from, to), Some((stamp("2026-11-24T03:00:00"), to)));
        assert_eq!(range.clip(from, from), None);
    }

    #[test]
    fn an_end_before_the_beginning_is_refused() {
        let error = range("03:00", "02:00").unwrap_err().to_string();
        assert!(
            error.contains("2026-11-24T03:00") && error.contains("2026-11-24T02:00"),
            "{error}"
        );
        assert!(range("", "02:00").is_ok());
        // The last eleven o'clock was yesterday's.
        assert!(range("23:00", "02:00").is_ok());
    }

    #[test]
    fn until_now_is_asked_for_only_by_who_counts_back_from_now() {
        let until = |since, until| range(since, until).unwrap().covered_until;
        let now = Some(Stamp::from(NOW));
        assert_eq!(until("8h", ""), now);
        assert_eq!(until("03:00", ""), now);
        assert_eq!(until("2026-11-24", ""), None);
        assert_eq!(until("", "2026-11-23"), Some(stamp("2026-11-23T00:00:00")));
        assert_eq!(until("", "2027-01-01"), now);
        assert_eq!(until("", ""), None);
    }
}
