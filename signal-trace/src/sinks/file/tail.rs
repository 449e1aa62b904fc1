//! How a file ends that we go on writing: after `kill -9` or a power cut, perhaps with half a line.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    os::unix::fs::FileExt as _,
};

use serde::de::IgnoredAny;

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With a whole line, or it is empty.
    Whole,
    /// With a line that lacks but its line break; or with something that is not ours, which we
    /// leave there.
    Unended,
    /// With the beginning of one of our lines, or what a file system that lost power left of it. The
    /// file should end here, bytes.
    Torn(u64),
}

/// How our lines begin.
const OURS: &[u8] = b"{\"schema\":\"signal-trace/";
/// Longer than any line: beyond it no beginning is looked for.
const LONGEST: u64 = 64 << 20;
const BLOCK: usize = 64 << 10;

/// Looks at the end of a file.
pub fn examine(file: &File) -> io::Result<Tail> {
    let end = file.metadata()?.len();
    let Some(start) = line_start(file, end)? else { return Ok(Tail::Unended) };
    if start == end {
        return Ok(Tail::Whole);
    }
    let mut head = [0; OURS.len()];
    let length = usize::try_from(end - start).unwrap_or(usize::MAX).min(head.len());
    file.read_exact_at(&mut head[..length], start)?;
    if !may_be_ours(&head[..length]) || is_json(file, start, end) {
        return Ok(Tail::Unended);
    }
    Ok(Tail::Torn(start))
}

/// Whether it can be the beginning of one of our lines. Where a file system had made room but not
/// yet written when the power failed, there are NULs.
fn may_be_ours(head: &[u8]) -> bool {
    let written = head.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    OURS.starts_with(&head[..written])
}

/// Where the last line of a file begins that ends at `end`; `None` if it is too long for a line.
fn line_start(file: &File, end: u64) -> io::Result<Option<u64>> {
    let mut block = vec![0; BLOCK];
    let mut to = end;
    while to > 0 && end - to < LONGEST {
        let from = to.saturating_sub(BLOCK as u64);
        let length = usize::try_from(to - from).unwrap_or(BLOCK);
        file.read_exact_at(&mut block[..length], from)?;
        if let Some(at) = block[..length].iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(from + at as u64 + 1));
        }
        to = from;
    }
    Ok((to == 0).then_some(0))
}

/// Whether that part of a file is one whole JSON value.
fn is_json(file: &File, from: u64, to: u64) -> bool {
    let part = BufReader::with_capacity(BLOCK, Part { file, from, to });
    serde_json::from_reader::<_, IgnoredAny>(part).is_ok()
}

/// A part of a file, whatever its position is.
struct Part<'a> {
    file: &'a File,
    from: u64,
    to: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.to - self.from).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..left], self.from)?;
        self.from += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(bytes: &[u8]) -> Tail {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("st-tail-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        let file = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        examine(&file).unwrap()
    }

    #[test]
    fn whole_lines_are_left_and_torn_ones_end_the_file() {
        let line = b"{\"schema\":\"signal-trace/v1\",\"type\":\"x\",\"deep\":{\"a\":[1,\"}\"]}}\n";
        let last = line.len() - 1;
        for before in [vec![], line.to_vec(), line.repeat(3000)] {
            let start = before.len() as u64;
            let with = |end: &[u8]| tail(&[&*before, end].concat());
            assert_eq!(with(b""), Tail::Whole);
            assert_eq!(with(line), Tail::Whole);
            for cut in 1..last {
                assert_eq!(with(&line[..cut]), Tail::Torn(start), "{cut} bytes");
                assert_eq!(with(&[&line[..cut], &[0; 9000]].concat()), Tail::Torn(start));
            }
            assert_eq!(with(&line[..last]), Tail::Unended, "it lacks its line break only");
            assert_eq!(with(&[0; 5000]), Tail::Torn(start), "NULs only");
        }
    }

    #[test]
    fn what_is_not_ours_is_left() {
        for text in ["x", "{\"schema\":\"other", "{\"a\":1", " {\"schema\":\"signal-trace/v1"] {
            assert_eq!(tail(text.as_bytes()), Tail::Unended, "{text}");
        }
    }

    #[test]
    fn long_lines_are_seen_whole() {
        let long = [b"{\"schema\":\"signal-trace/v1\",\"a\":\"", &*b"x".repeat(1 << 20)].concat();
        assert_eq!(tail(&[b"first\n", &*long].concat()), Tail::Torn(6));
        assert_eq!(tail(&[b"first\n", &*long, b"\"}"].concat()), Tail::Unended);
    }
}
