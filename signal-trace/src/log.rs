//! What the program says of itself, on standard error.
//!
//! Nobody who says something waits for a reader of it: he may hang, as that of standard output may,
//! or be gone. What he does not take is dropped, and counted in the next line that he takes.

use std::{
    io::{self, IsTerminal as _, Write},
    os::fd::{AsFd, BorrowedFd},
    sync::{Mutex, PoisonError},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

/// Starts it; `SIGNAL_TRACE_LOG` overrides the level. To be called once.
pub fn start(format: Format, level: &str) {
    let filter =
        EnvFilter::try_from_env("SIGNAL_TRACE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt()
        .with_writer(Impatient::new(io::stderr(), format))
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(filter);
    match format {
        Format::Text => log.init(),
        Format::Json => log.json().init(),
    }
}

/// A reader who takes nothing is waited for so long, once: milliseconds.
const PATIENCE: u8 = 20;

/// Drops lines that cannot be written now.
#[derive(Debug)]
struct Impatient<W> {
    format: Format,
    out: Mutex<Out<W>>,
}

#[derive(Debug)]
struct Out<W> {
    to: W,
    /// Lines that were not taken since the last one that was.
    missed: u64,
}

impl<W> Impatient<W> {
    const fn new(to: W, format: Format) -> Self {
        Self { format, out: Mutex::new(Out { to, missed: 0 }) }
    }
}

impl<W: Write + AsFd> Impatient<W> {
    fn line(&self, line: &[u8]) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = if out.missed == 0 { PATIENCE } else { 0 };
        if !takes_more(out.to.as_fd(), patience.into()) {
            out.missed += 1;
            return;
        }
        let missed = out.missed;
        let note = match self.format {
            _ if missed == 0 => String::new(),
            Format::Text => {
                format!("({missed} lines of this log were not taken, and are missing)\n")
            }
            Format::Json => format!(
                "{{\"level\":\"WARN\",\"fields\":{{\"message\":\"lines of this log were not taken, \
                 and are missing\",\"count\":{missed}}}}}\n"
            ),
        };
        match out.to.write_all(&[note.as_bytes(), line].concat()) {
            Ok(()) => out.missed = 0,
            Err(_) => out.missed += 1,
        }
    }
}

/// Whether a line can be written without waiting for longer.
fn takes_more(fd: BorrowedFd<'_>, patience: PollTimeout) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLOUT)];
    let ready = poll(&mut fds, patience);
    ready.is_ok() && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLOUT))
}

/// Of one line.
#[derive(Debug)]
struct LineOf<'a, W>(&'a Impatient<W>);

impl<W: Write + AsFd> Write for LineOf<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.line(line);
        // What came of it is nobody's business: the subscriber would say so where it just failed.
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a, W: Write + AsFd + 'a> MakeWriter<'a> for Impatient<W> {
    type Writer = LineOf<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        LineOf(self)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{PipeWriter, Read as _},
        sync::{Arc, mpsc},
        thread,
        time::Duration,
    };

    use super::*;

    fn log(format: Format) -> (io::PipeReader, Impatient<PipeWriter>) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, Impatient::new(writer, format))
    }

    fn say(log: &Impatient<PipeWriter>, line: &[u8]) {
        log.make_writer().write_all(line).unwrap();
    }

    #[test]
    fn a_reader_who_hangs_holds_up_nobody_and_learns_what_he_missed() {
        let (mut reader, log) = log(Format::Text);
        let log = Arc::new(log);
        let (tell, said) = mpsc::channel();
        let talker = Arc::clone(&log);
        thread::spawn(move || {
            for _ in 0..1000 {
                say(&talker, &[b"x".repeat(999), b"\n".to_vec()].concat());
            }
            drop(talker);
            tell.send(()).unwrap();
        });
        said.recv_timeout(Duration::from_secs(5)).expect("20 ms for each line would be 18 s");
        let mut text = vec![0; 1 << 20];
        let there = reader.read(&mut text).unwrap();
        say(&log, b"last\n");
        drop(log);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        let taken = (there + rest.find('(').unwrap()) / 1000;
        let missed = 1000 - taken;
        let wanted =
            format!("({missed} lines of this log were not taken, and are missing)\nlast\n");
        assert!(rest.ends_with(&wanted), "{taken} {rest}");
    }

    #[test]
    fn a_reader_who_is_gone_ends_nobody() {
        let (reader, log) = log(Format::Json);
        drop(reader);
        say(&log, b"{}\n");
        assert_eq!(log.out.lock().unwrap().missed, 1);
    }
}
