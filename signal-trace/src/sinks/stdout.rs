//! JSON lines on standard output, as the end of an outlet.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::AsFd as _,
    sync::Arc,
    time::Duration,
};

use crate::outlet::{Deliver, Entry, Failure};

/// Standard output. What was written of a batch before an error is not written again.
#[derive(Debug)]
pub struct Stdout {
    out: File,
    pending: Vec<u8>,
    written: usize,
}

/// Between two looks at a reader who made the pipe non-blocking, and has not read.
const FULL_PIPE: Duration = Duration::from_millis(20);

impl Stdout {
    /// Of this process.
    ///
    /// # Errors
    /// It is closed.
    pub fn new() -> io::Result<Self> {
        Ok(Self::to(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
    }

    const fn to(out: File) -> Self {
        Self { out, pending: vec![], written: 0 }
    }
}

impl Deliver for Stdout {
    async fn deliver(&mut self, batch: &[Arc<Entry>]) -> Result<(), Failure> {
        if self.pending.is_empty() {
            self.pending.extend(batch.iter().flat_map(|entry| entry.json.iter()));
            self.written = 0;
        }
        while self.written < self.pending.len() {
            match self.out.write(&self.pending[self.written..]) {
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::time::sleep(FULL_PIPE).await;
                }
                Err(error) => {
                    return Err(Failure::Retry(format!("standard output: {error}")));
                }
            }
        }
        self.pending.clear();
        self.pending.shrink_to(64 << 10);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::{fd::OwnedFd, unix::net::UnixStream};

    use super::*;
    use crate::sinks::{sample, schema::Line};

    #[tokio::test]
    async fn a_line_is_not_torn_by_a_full_pipe() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        writer.set_nonblocking(true).unwrap();
        let mut sink = Stdout::to(File::from(OwnedFd::from(writer)));
        let record = &sample::every_record()[0];
        let entry = Arc::new(Entry::new(&Line::from_record(record, "n1", false)));
        let batch = vec![Arc::clone(&entry); 2000];
        let read = std::thread::spawn(move || {
            let mut text = String::new();
            io::Read::read_to_string(&mut reader, &mut text).unwrap();
            text
        });
        sink.deliver(&batch).await.unwrap();
        sink.deliver(&batch[..1]).await.unwrap();
        drop(sink);
        let one = String::from_utf8(entry.json.to_vec()).unwrap();
        assert_eq!(read.join().unwrap(), one.repeat(2001));
    }

    #[tokio::test]
    async fn a_reader_who_left_is_waited_for() {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let mut sink = Stdout::to(File::from(OwnedFd::from(writer)));
        let record = &sample::every_record()[0];
        let entry = Arc::new(Entry::new(&Line::from_record(record, "n1", false)));
        let failure = sink.deliver(&[entry]).await.unwrap_err();
        assert!(matches!(failure, Failure::Retry(why) if why.contains("standard output")));
    }
}
