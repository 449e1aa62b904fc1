//! When a file is full or old enough, and since when it is written to.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _},
};

use jiff::Timestamp;
use serde::Deserialize;

use super::config::FileConfig;

/// Whether a file of `len` bytes whose first lines were written at `since` must be rotated before
/// `adding` bytes more are written `now`. Pure.
pub fn is_due(
    config: &FileConfig,
    len: u64,
    since: Timestamp,
    adding: u64,
    now: Timestamp,
) -> bool {
    let limit = config.rotate_size.0;
    let full = limit > 0 && len.saturating_add(adding) > limit;
    // A clock that was set back makes nothing old.
    let age = u128::try_from(now.duration_since(since).as_nanos()).unwrap_or(0);
    let old = !config.rotate_age.is_zero() && age >= config.rotate_age.as_nanos();
    len > 0 && (full || old)
}

/// As much of the beginning of a file is looked at, bytes.
const HEAD: u64 = 256 << 10;

#[derive(Deserialize)]
struct Head<'a> {
    r#type: &'a str,
    time: &'a str,
}

/// When a file that is there was first written to: the time of its first line after the `recording`
/// line, which is that of the session and may be much older. (Where there is none, the time of the
/// last write. Not the time of its birth: there is none everywhere, and a copy has another.)
pub fn written_since(mut file: &File) -> io::Result<Timestamp> {
    file.rewind()?;
    let mut lines = BufReader::new(file.take(HEAD));
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice(&line) {
            Ok(Head { r#type: "recording", .. }) => line.clear(),
            Ok(Head { time, .. }) => match time.parse() {
                Ok(time) => return Ok(time),
                Err(_) => break,
            },
            Err(_) => break,
        }
    }
    let modified = file.metadata()?.modified()?;
    Ok(Timestamp::try_from(modified).unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::size::ByteSize;

    #[test]
    fn it_is_due_by_size_or_age() {
        let start: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let hour = jiff::SignedDuration::from_hours(1);
        let config = |size, hours| FileConfig {
            rotate_size: ByteSize(size),
            rotate_age: Duration::from_secs(3600 * hours),
            ..FileConfig::default()
        };
        for (size, hours, len, adding, after, due) in [
            (100, 24_u64, 90, 10, 0, false),
            (100, 24, 90, 11, 0, true),
            (100, 24, 0, 1000, 0, false),
            (100, 24, 0, 1000, 48, false),
            (100, 24, 1, u64::MAX, 0, true),
            (100, 24, 1, 1, 23, false),
            (100, 24, 1, 1, 24, true),
            (100, 24, 1, 1, -100, false),
            (0, 24, u64::MAX, 1, 0, false),
            (100, 0, 1, 1, 10_000, false),
        ] {
            let now = start + hour * after;
            let is = is_due(&config(size, hours), len, start, adding, now);
            assert_eq!(is, due, "{size} {hours} {len} {adding} {after}");
        }
    }

    #[test]
    fn a_file_tells_since_when_it_is_written() {
        use std::io::Write as _;
        let since = |text: &str| {
            let path = std::env::temp_dir().join(format!("st-since-{}", std::process::id()));
            let mut file = File::create_new(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let time = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            file.set_modified(time).unwrap();
            // It must be readable.
            let again = File::options()
                .read(true)
                .open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file)));
            written_since(&again.unwrap()).unwrap().to_string()
        };
        let line = |kind: &str, hour: u8| {
            format!("{{\"type\":\"{kind}\",\"time\":\"2026-11-24T{hour:02}:00:00Z\",\"x\":[1]}}\n")
        };
        let (modified, head) = ("2001-09-09T01:46:40Z", line("recording", 1));
        assert_eq!(since(&(head.clone() + &line("signal", 7))), "2026-11-24T07:00:00Z");
        assert_eq!(since(&(head.clone() + &head + &line("end", 9))), "2026-11-24T09:00:00Z");
        assert_eq!(since(&line("signal", 5)), "2026-11-24T05:00:00Z");
        for unknown in ["", &head, "text\n", "{\"type\":\"signal\",\"time\":\"20"] {
            assert_eq!(since(unknown), modified, "{unknown}");
        }
    }
}
