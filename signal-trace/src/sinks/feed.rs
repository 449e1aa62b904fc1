//! The live feed: a Unix socket that gives every client the session's first line and then what
//! comes. A client that does not keep up is told what it missed; nobody waits for it.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nix::unistd::geteuid;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};

use super::schema::{Body, Line, LossLine, SCHEMA, Time, Window, names};
use crate::outlet::{Deliver, Entry, Failure};

/// Clients at once.
pub const MOST_CLIENTS: usize = 32;
/// Lines that a client may be behind.
const BACKLOG: usize = 4096;
/// A client that takes nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);
/// At the end of the session, clients have so long to take what is there.
const LAST_WRITES: Duration = Duration::from_millis(300);

/// The socket, as the end of an outlet.
#[derive(Debug)]
pub struct Feed {
    path: PathBuf,
    bound: Option<Bound>,
    lines: broadcast::Sender<Arc<Entry>>,
    /// The session's first line.
    first: Arc<Mutex<Option<Arc<Entry>>>>,
    clients: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Bound {
    inode: u64,
    accepting: tokio::task::JoinHandle<()>,
}

impl Feed {
    /// A feed that will listen at `path`, which is replaced if nobody listens there.
    pub fn new(path: PathBuf) -> Self {
        let (lines, _) = broadcast::channel(BACKLOG);
        let (first, clients) = (Arc::default(), Arc::default());
        Self { path, bound: None, lines, first, clients }
    }

    fn bind(&self) -> io::Result<Bound> {
        let (listener, inode) = listen(&self.path)?;
        let feed = self.lines.clone();
        let (first, clients) = (Arc::clone(&self.first), Arc::clone(&self.clients));
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // No descriptor left, for example.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                if !may_read(&stream) || clients.load(Ordering::Relaxed) >= MOST_CLIENTS {
                    continue;
                }
                clients.fetch_add(1, Ordering::Relaxed);
                // Subscribed before the first line is looked up: nothing comes between.
                let lines = feed.subscribe();
                let first = first.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let clients = Arc::clone(&clients);
                tokio::spawn(async move {
                    // A client that left is no error.
                    let _ = serve(stream, first, lines).await;
                    clients.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Ok(Bound { inode, accepting })
    }
}

impl Deliver for Feed {
    async fn deliver(&mut self, batch: &[Arc<Entry>]) -> Result<(), Failure> {
        if self.bound.is_none() {
            let bound = self.bind().map_err(|error| {
                let hint = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        ": if `[hardening]` is on, only folders that were configured at the start \
                         can be written in; restart it, to listen in this one"
                    }
                    _ => "",
                };
                Failure::Retry(format!("cannot listen at {}: {error}{hint}", self.path.display()))
            })?;
            self.bound = Some(bound);
        }
        let mut ends = false;
        for entry in batch {
            if entry.begins() {
                *self.first.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(entry));
            }
            ends |= entry.ends();
            // An error means that nobody listens.
            let _ = self.lines.send(Arc::clone(entry));
        }
        if ends {
            let taken = async {
                while self.clients.load(Ordering::Relaxed) > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            // Whoever is slower misses the end.
            let _ = timeout(LAST_WRITES, taken).await;
        } else {
            // The clients' tasks are on this thread.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(Bound { inode, accepting }) = self.bound.take() {
            accepting.abort();
            // Unless somebody else listens there by now.
            if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == inode) {
                let _ = fs::remove_file(&self.path);
            }
        }
    }
}

/// Listens at `path`, for root and our own user only. What a daemon that was killed left there is
/// replaced.
fn listen(path: &Path) -> io::Result<(UnixListener, u64)> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::other("there is something else, which is no socket"));
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(io::Error::other("another daemon listens there"));
        }
        Ok(_) | Err(_) => {}
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    // Under another name until its mode is right.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    // Of an attempt that failed half-way.
    let _ = fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside)?;
    let named = fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))
        .and_then(|()| fs::metadata(&beside))
        .and_then(|found| fs::rename(&beside, path).map(|()| found.ino()));
    match named {
        Ok(inode) => Ok((listener, inode)),
        Err(error) => {
            let _ = fs::remove_file(&beside);
            Err(error)
        }
    }
}

/// The socket's mode says the same; but a folder can be mounted elsewhere.
fn may_read(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == geteuid().as_raw())
}

async fn serve(
    stream: UnixStream,
    first: Option<Arc<Entry>>,
    mut lines: broadcast::Receiver<Arc<Entry>>,
) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    if let Some(first) = &first {
        write(&mut writer, &first.json).await?;
    }
    let mut missed = 0;
    let mut last = first.as_ref().map_or(Time::default(), |entry| entry.time);
    let mut byte = [0];
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            // Clients have nothing to say: this is their end.
            _ = reader.read(&mut byte) => return Ok(()),
        };
        match line {
            Ok(entry) => {
                if first.as_ref().is_some_and(|first| Arc::ptr_eq(first, &entry)) {
                    continue;
                }
                if missed > 0 {
                    write(&mut writer, &loss(missed, last, &entry).json).await?;
                    missed = 0;
                }
                last = entry.time;
                write(&mut writer, &entry.json).await?;
                if entry.ends() {
                    return Ok(());
                }
            }
            Err(RecvError::Lagged(count)) => missed += count,
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

async fn write(writer: &mut OwnedWriteHalf, json: &[u8]) -> io::Result<()> {
    timeout(PATIENCE, writer.write_all(json)).await?
}

fn loss(count: u64, from: Time, next: &Entry) -> Entry {
    let window = Window { from, to: next.time };
    Entry::new(&Line {
        schema: SCHEMA.into(),
        time: next.time,
        node: next.node.to_string(),
        seq: next.seq.saturating_sub(1),
        body: Body::Loss(LossLine { kind: names::SINK_LOSS.into(), count, window }),
    })
}

#[cfg(test)]
mod tests;
