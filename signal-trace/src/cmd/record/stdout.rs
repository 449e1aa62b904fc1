//! Standard output behind a thread and a bounded buffer: a pager that nobody scrolls must not hold
//! up the capture, nor Ctrl-C.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

/// What waits for the reader at most; lines beyond it are dropped and counted.
const MAX_WAITING: usize = 64 << 20;
/// The thread is woken for this much, or at a flush.
const CHUNK: usize = 64 << 10;

/// The writing end. Never blocks and never fails: what became of it, [`Output`] knows. So the
/// session can go on to its orderly end without a reader.
#[derive(Debug)]
pub struct Writer {
    /// The beginning of a line: only whole ones are handed over or dropped.
    line: Vec<u8>,
    shared: Arc<Shared>,
}

/// The end that the session keeps: it knows what became of the output.
#[derive(Debug)]
pub struct Output {
    shared: Arc<Shared>,
    done: oneshot::Receiver<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    dropped_lines: u64,
    /// The [`Writer`] is gone.
    closed: bool,
    /// Why the thread gave up.
    failed: Option<io::Error>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; if it did, the state would still be a state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written next; `None` at the end.
    fn next(&self) -> Option<Vec<u8>> {
        let nothing = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let state = self.wake.wait_while(self.state(), nothing);
        let chunk = mem::take(&mut state.unwrap_or_else(PoisonError::into_inner).waiting);
        (!chunk.is_empty()).then_some(chunk)
    }
}

/// Starts the thread that writes to `target`.
pub fn start(mut target: impl Write + Send + 'static) -> io::Result<(Writer, Output)> {
    let shared = Arc::new(Shared::default());
    let (tell_done, done) = oneshot::channel();
    let of_thread = Arc::clone(&shared);
    thread::Builder::new().name("stdout".into()).spawn(move || {
        while let Some(chunk) = of_thread.next() {
            if let Err(error) = target.write_all(&chunk).and_then(|()| target.flush()) {
                of_thread.state().failed = Some(error);
                break;
            }
        }
        // If the session did not wait for it, nobody listens.
        let _ = tell_done.send(());
    })?;
    Ok((Writer { line: Vec::new(), shared: Arc::clone(&shared) }, Output { shared, done }))
}

impl Output {
    /// Why nothing more can be written, if so.
    pub fn failure(&self) -> Option<io::ErrorKind> {
        self.shared.state().failed.as_ref().map(io::Error::kind)
    }

    /// Lines that found no room.
    pub fn dropped_lines(&self) -> u64 {
        self.shared.state().dropped_lines
    }

    /// Waits until all is written or cannot be; the [`Writer`] must be dropped before.
    pub async fn written(&mut self) {
        // An error means that the thread is gone, which is as good.
        let _ = (&mut self.done).await;
    }

    /// The same, but not for ever. False if the reader did not take it in time.
    pub async fn written_within(&mut self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.written()).await.is_ok()
    }
}

impl Writer {
    fn hand_over(&mut self, end: usize) {
        let whole = self.line.drain(..end);
        let mut state = self.shared.state();
        if state.failed.is_some() {
            return;
        }
        if state.waiting.len() + end > MAX_WAITING {
            state.dropped_lines += whole.filter(|byte| *byte == b'\n').count() as u64;
        } else {
            state.waiting.extend(whole);
        }
        if state.waiting.len() >= CHUNK {
            self.shared.wake.notify_one();
        }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.line.len();
        self.line.extend_from_slice(bytes);
        if let Some(newline) = bytes.iter().rposition(|byte| *byte == b'\n') {
            self.hand_over(before + newline + 1);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.shared.wake.notify_one();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.hand_over(self.line.len());
        self.shared.state().closed = true;
        self.shared.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read as _, os::unix::net::UnixStream};

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime").block_on(future)
    }

    #[test]
    fn all_that_was_written_comes_out_in_order() {
        let (mut reader, target) = UnixStream::pair().expect("a socket");
        let (mut writer, mut output) = start(target).expect("a thread");
        let mut expected = String::new();
        for i in 0..10_000 {
            let line = format!("{i}\n");
            writer.write_all(line.as_bytes()).expect("room");
            expected.push_str(&line);
        }
        writer.write_all(b"no end").expect("room");
        drop(writer);
        let mut read = String::new();
        reader.read_to_string(&mut read).expect("readable");
        assert_eq!(read, expected + "no end");
        block_on(output.written());
        assert_eq!((output.dropped_lines(), output.failure()), (0, None));
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_and_not_time() {
        let (_reader, target) = UnixStream::pair().expect("a socket");
        let (mut writer, mut output) = start(target).expect("a thread");
        let line = [vec![b'x'; (1 << 20) - 1], vec![b'\n']].concat();
        // The thread has taken one chunk, and the socket some of that.
        for _ in 0..130 {
            writer.write_all(&line).expect("never an error");
        }
        drop(writer);
        assert!(output.dropped_lines() >= 1);
        assert!(!block_on(output.written_within(Duration::from_millis(10))));
    }

    #[test]
    fn a_reader_that_left_is_noticed() {
        let (reader, target) = UnixStream::pair().expect("a socket");
        drop(reader);
        let (mut writer, mut output) = start(target).expect("a thread");
        writer.write_all(b"x\n").expect("never an error");
        writer.flush().expect("never an error");
        block_on(output.written());
        assert_eq!(output.failure(), Some(io::ErrorKind::BrokenPipe));
        writer.write_all(b"y\n").expect("that is the session's to find out");
        assert_eq!(output.dropped_lines(), 0);
    }
}
