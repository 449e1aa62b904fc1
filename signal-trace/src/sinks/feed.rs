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
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        os::unix::net::UnixStream as Client,
    };

    use super::*;
    use crate::{
        filters::Filters,
        outlet::{Filter, Limits, Outlet},
        sinks::sample,
    };

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("st-feed-{}-{name}", std::process::id()));
            Self(folder)
        }

        fn socket(&self) -> PathBuf {
            self.0.join("watch.sock")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn recording() -> Arc<Entry> {
        Arc::new(Entry::new(&sample::header().line(Filters::default().to_wire())))
    }

    fn lines() -> Vec<Arc<Entry>> {
        let records = sample::every_record();
        let lines = records.iter().map(|record| Line::from_record(record, "n1", false));
        lines.map(|line| Arc::new(Entry::new(&line))).collect()
    }

    fn start(path: &Path) -> Outlet {
        let types = Filter::TYPES.map(str::to_owned).to_vec();
        let limits = Limits { lines: 100_000, bytes: 1 << 30 };
        let filter = Filter { types, ..Filter::default() };
        let outlet =
            Outlet::start("socket", filter, limits, None, Feed::new(path.to_owned())).unwrap();
        outlet.push(&recording());
        outlet.flush();
        while !path.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        outlet
    }

    fn kinds(client: BufReader<Client>) -> Vec<String> {
        let lines = client.lines().map(|line| line.unwrap());
        lines.map(|line| Line::parse(line.as_bytes()).unwrap().body.kind().to_owned()).collect()
    }

    /// Waits until the client is served: its first line has come.
    fn connect(path: &Path) -> BufReader<Client> {
        let mut client = BufReader::new(Client::connect(path).unwrap());
        let mut first = String::new();
        client.read_line(&mut first).unwrap();
        let first = Line::parse(first.as_bytes()).unwrap();
        assert!(matches!(first.body, Body::Recording(_)));
        client
    }

    #[test]
    fn every_client_gets_the_first_line_and_then_all_that_comes() {
        let place = Place::new("all");
        let mut outlet = start(&place.socket());
        let mode = fs::metadata(place.socket()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let clients = [connect(&place.socket()), connect(&place.socket())];
        for line in lines() {
            outlet.push(&line);
        }
        outlet.close();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(outlet.done());
        let wanted: Vec<_> = lines().iter().map(|line| line.kind.to_owned()).collect();
        for client in clients {
            assert_eq!(kinds(client), wanted);
        }
        assert!(!place.socket().exists(), "nothing is left");
    }

    #[test]
    fn a_client_that_does_not_read_misses_lines_and_holds_up_nobody() {
        let place = Place::new("slow");
        let mut outlet = start(&place.socket());
        let slow = connect(&place.socket());
        let line = &lines()[0];
        for _ in 0..20_000 {
            outlet.push(line);
        }
        outlet.flush();
        while outlet.waiting() > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let reading = std::thread::spawn(move || {
            // Looked into afterwards: whoever takes long misses the end.
            let lines: Vec<_> = slow.lines().map(|line| line.unwrap()).collect();
            let lines = lines.iter().map(|line| Line::parse(line.as_bytes()).unwrap());
            lines.fold((0, 0), |(seen, missed), line| match line.body {
                Body::Signal(_) => (seen + 1, missed),
                Body::Loss(loss) => (seen, missed + loss.count),
                _ => (seen, missed),
            })
        });
        std::thread::sleep(Duration::from_millis(100));
        outlet.push(lines().last().unwrap());
        outlet.close();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(outlet.done());
        let (seen, missed) = reading.join().unwrap();
        assert!(missed > 0, "{seen} seen");
        assert_eq!(seen + missed, 20_000);
    }

    #[test]
    fn the_socket_of_a_daemon_that_was_killed_is_replaced_and_that_of_a_living_one_is_not() {
        let place = Place::new("left");
        fs::create_dir_all(&place.0).unwrap();
        drop(std::os::unix::net::UnixListener::bind(place.socket()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let (listener, _) = listen(&place.socket()).unwrap();
        let error = listen(&place.socket()).unwrap_err();
        assert!(error.to_string().contains("another daemon"), "{error}");
        drop(listener);
        fs::remove_file(place.socket()).unwrap();
        fs::write(place.socket(), "").unwrap();
        assert!(listen(&place.socket()).unwrap_err().to_string().contains("no socket"));
    }
}
