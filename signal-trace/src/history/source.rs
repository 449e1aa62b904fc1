//! Reads and decompresses the files on a thread of its own, a few buffers ahead of who looks at them.

use std::{
    fs::File,
    io::{self, BufRead, Read},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
};

use indicatif::ProgressBar;
use memchr::memrchr;

use super::{
    catalogue::{Piece, open},
    peek::{LONGEST, decoded},
};

/// Handed over at once, bytes.
const BUFFER: usize = 512 << 10;
/// Buffers that wait to be looked at.
const AHEAD: usize = 4;

/// Whole lines.
#[derive(Debug)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// The lines, without their ends.
    pub fn split(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let end = memchr::memchr(b'\n', rest)?;
            let line = &rest[..end];
            rest = &rest[end + 1..];
            Some(line)
        })
    }
}

/// What comes of the files.
#[derive(Debug)]
pub enum Event {
    /// Lines of a file.
    Lines(Lines),
    /// The last line of a file, if it has no end: torn, or just being written.
    Tail(Vec<u8>),
    /// A line that is too long to be one.
    Overlong,
    /// A file cannot be read.
    Failed(String),
    /// A file was removed before it was read, or is compressed and breaks off.
    Lost(String),
}

/// The files as they are read.
#[derive(Debug)]
pub struct Source {
    events: Receiver<Event>,
    empty: Sender<Vec<u8>>,
}

impl Source {
    /// Starts to read; `progress` counts the bytes of the files.
    pub fn start(pieces: Vec<Piece>, progress: ProgressBar) -> io::Result<Self> {
        let (tell, events) = sync_channel(AHEAD);
        let (empty, emptied) = channel();
        let mut reading = Reading { tell, emptied, progress };
        thread::Builder::new().name("read-ahead".to_owned()).spawn(move || {
            for piece in pieces {
                if reading.piece(piece).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { events, empty })
    }

    /// What comes next; `None` after the last file.
    pub fn next(&self) -> Option<Event> {
        self.events.recv().ok()
    }

    /// A buffer is used again.
    pub fn give_back(&self, lines: Lines) {
        // At the end nobody takes it.
        let _ = self.empty.send(lines.0);
    }
}

struct Reading {
    tell: SyncSender<Event>,
    emptied: Receiver<Vec<u8>>,
    progress: ProgressBar,
}

/// Nobody listens any more.
struct Left;

impl Reading {
    fn tell(&self, event: Event) -> Result<(), Left> {
        self.tell.send(event).map_err(|_| Left)
    }

    fn piece(&mut self, piece: Piece) -> Result<(), Left> {
        let Piece { path, file, size, .. } = piece;
        let before = self.progress.position();
        let done = match file.map_or_else(|| open(&path).map(|(_, file)| file), Ok) {
            Ok(file) => self.file(file),
            Err(error) => Ok(Err(error)),
        };
        self.progress.set_position(before + size);
        let Err(error) = done? else { return Ok(()) };
        let path = path.display();
        self.tell(match error.kind() {
            io::ErrorKind::NotFound => Event::Lost(format!(
                "{path} was removed before it was read: what it held is missing here"
            )),
            io::ErrorKind::UnexpectedEof => Event::Lost(format!(
                "{path} breaks off in the midst of its compressed data: what is before that is shown"
            )),
            _ => Event::Failed(format!("cannot read {path}: {error}")),
        })
    }

    /// Reads a file to its end; the inner result is that of reading.
    fn file(&mut self, file: File) -> Result<io::Result<()>, Left> {
        let counted = Counted { file, progress: self.progress.clone() };
        let mut source = match decoded(counted) {
            Ok(source) => source,
            Err(error) => return Ok(Err(error)),
        };
        let mut buffer = self.buffer();
        // In the midst of a line that is too long.
        let mut passing = false;
        loop {
            let read = match source.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // Up to the tear it is good.
                    self.hand_over(buffer)?;
                    return Ok(Err(error));
                }
            };
            if read.is_empty() {
                break;
            }
            let length = read.len();
            if passing {
                if let Some(end) = memchr::memchr(b'\n', read) {
                    passing = false;
                    source.consume(end + 1);
                } else {
                    source.consume(length);
                }
                continue;
            }
            buffer.extend_from_slice(read);
            source.consume(length);
            if buffer.len() < BUFFER {
                continue;
            }
            if memrchr(b'\n', &buffer).is_some() {
                buffer = self.hand_over(buffer)?;
            } else if buffer.len() > LONGEST {
                buffer = self.buffer();
                passing = true;
                self.tell(Event::Overlong)?;
            }
        }
        let rest = self.hand_over(buffer)?;
        if !rest.is_empty() {
            self.tell(Event::Tail(rest))?;
        }
        Ok(Ok(()))
    }

    /// Hands over the whole lines; what is left of the last one comes back.
    fn hand_over(&mut self, mut lines: Vec<u8>) -> Result<Vec<u8>, Left> {
        let Some(end) = memrchr(b'\n', &lines) else { return Ok(lines) };
        let mut rest = self.buffer();
        rest.extend_from_slice(&lines[end + 1..]);
        lines.truncate(end + 1);
        self.tell(Event::Lines(Lines(lines)))?;
        Ok(rest)
    }

    fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.emptied.try_recv().unwrap_or_default();
        buffer.clear();
        // One that held a very long line is not kept.
        buffer.shrink_to(2 * BUFFER);
        buffer.reserve(BUFFER);
        buffer
    }
}

/// Tells how far the reading has come.
struct Counted {
    file: File,
    progress: ProgressBar,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.progress.inc(read as u64);
        Ok(read)
    }
}
