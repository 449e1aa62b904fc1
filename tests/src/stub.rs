//! Sockets that are no engine's, or behave as no engine should.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::folder::Folder;

/// What it does with whoever connects.
#[derive(Clone, Debug)]
pub enum Manner {
    /// There is no such file.
    Missing,
    /// There is one, but nobody listens.
    Dead,
    /// It is a file of another kind.
    File,
    /// Nobody accepts, and no more fit into the queue.
    Full,
    /// Accepts, reads, and never answers.
    Hanging,
    /// Accepts, and hangs up.
    HangingUp,
    /// Answers each request with this.
    Answering(Vec<u8>),
    /// Begins with this, and goes on for ever.
    Endless(Vec<u8>),
}

/// One such socket.
#[derive(Debug)]
pub struct Stub {
    /// Where it is.
    pub path: PathBuf,
    connections: Arc<AtomicUsize>,
    done: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
    /// Of the queue that is full.
    _waiting: Vec<UnixStream>,
    listener: Option<UnixListener>,
    _folder: Folder,
}

impl Stub {
    /// Makes it.
    pub fn new(manner: &Manner) -> Self {
        let folder = Folder::new();
        let path = folder.file("engine.sock");
        let done = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(AtomicUsize::new(0));
        let (mut listener, mut server, mut waiting) = (None, None, Vec::new());
        match manner {
            Manner::Missing => {}
            Manner::File => fs::write(&path, "no socket").expect("the folder is ours"),
            Manner::Dead => drop(listen(&path)),
            Manner::Full => {
                let full = listen(&path);
                waiting = fill(&full, &path);
                listener = Some(full);
            }
            other => {
                let open = listen(&path);
                open.set_nonblocking(true).expect("a socket can be");
                let (manner, done) = (other.clone(), Arc::clone(&done));
                let connections = Arc::clone(&connections);
                server = Some(std::thread::spawn(move || {
                    serve(&open, &manner, &done, &connections);
                }));
            }
        }
        Self { path, connections, done, server, _waiting: waiting, listener, _folder: folder }
    }

    /// `docker=SOCKET`, for `--runtime`.
    pub fn runtime_argument(&self) -> String {
        format!("docker={}", self.path.display())
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.listener = None;
        if let Some(server) = self.server.take() {
            let _ended = server.join();
        }
    }
}

fn listen(path: &Path) -> UnixListener {
    UnixListener::bind(path).expect("the folder is ours")
}

/// Connects until that would wait.
fn fill(listener: &UnixListener, path: &Path) -> Vec<UnixStream> {
    use std::os::fd::AsRawFd as _;
    // SAFETY: the descriptor is open; a second listen(2) changes the length of the queue.
    let shortened = unsafe { libc::listen(listener.as_raw_fd(), 0) };
    assert_eq!(shortened, 0, "listen: {}", std::io::Error::last_os_error());
    // A queue of no length takes one.
    vec![UnixStream::connect(path).expect("there is room for one")]
}

fn serve(
    listener: &UnixListener,
    manner: &Manner,
    done: &Arc<AtomicBool>,
    connections: &AtomicUsize,
) {
    let mut threads = Vec::new();
    while !done.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                connections.fetch_add(1, Ordering::Relaxed);
                let (manner, done) = (manner.clone(), Arc::clone(done));
                threads.push(std::thread::spawn(move || talk(stream, &manner, &done)));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
    for thread in threads {
        let _ended = thread.join();
    }
}

/// Ends when the other side does, or is to end itself.
fn talk(mut stream: UnixStream, manner: &Manner, done: &AtomicBool) {
    let tick = Some(Duration::from_millis(50));
    stream.set_nonblocking(false).expect("a socket can be");
    stream.set_read_timeout(tick).expect("it is not zero");
    stream.set_write_timeout(tick).expect("it is not zero");
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !done.load(Ordering::Relaxed) {
        if matches!(manner, Manner::HangingUp) {
            return;
        }
        match stream.read(&mut part) {
            Ok(0) => return,
            Ok(length) => request.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        }
        // A request without a body, as all questions are.
        while let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            request.drain(..end + 4);
            match manner {
                Manner::Answering(answer) if stream.write_all(answer).is_err() => return,
                Manner::Endless(begin) => return drown(&mut stream, begin, done),
                _ => {}
            }
        }
    }
}

fn drown(stream: &mut UnixStream, begin: &[u8], done: &AtomicBool) {
    let part = [b'a'; 4096];
    let mut next = begin;
    while !done.load(Ordering::Relaxed) {
        match stream.write(next) {
            Ok(length) if length < next.len() => next = &next[length..],
            Ok(_) => next = &part,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};

    use super::*;

    /// What a client sees that asks: its error, or the beginning of the answer.
    fn asked(manner: &Manner) -> Result<Vec<u8>, ErrorKind> {
        let stub = Stub::new(manner);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let stream = runtime
            .expect("a runtime")
            .block_on(async { tokio::net::UnixStream::connect(&stub.path).await?.into_std() });
        let mut stream = stream.map_err(|error| error.kind())?;
        stream.set_nonblocking(false).expect("a socket can be");
        stream.set_read_timeout(Some(Duration::from_millis(500))).expect("it is not zero");
        let sent = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
        let mut answer = vec![0; 16];
        let length = sent.and_then(|()| stream.read(&mut answer)).map_err(|error| error.kind())?;
        assert_eq!(stub.connections(), 1);
        answer.truncate(length);
        Ok(answer)
    }

    #[test]
    fn each_misbehaves_in_its_manner() {
        assert_eq!(asked(&Manner::Missing), Err(ErrorKind::NotFound));
        assert_eq!(asked(&Manner::Dead), Err(ErrorKind::ConnectionRefused));
        assert_eq!(asked(&Manner::File), Err(ErrorKind::ConnectionRefused));
        assert_eq!(asked(&Manner::Full), Err(ErrorKind::WouldBlock));
        assert_eq!(asked(&Manner::Hanging), Err(ErrorKind::WouldBlock), "no answer in time");
        let hung_up = asked(&Manner::HangingUp);
        let reset = [Err(ErrorKind::ConnectionReset), Err(ErrorKind::BrokenPipe), Ok(vec![])];
        assert!(reset.contains(&hung_up), "{hung_up:?}");
        assert_eq!(asked(&Manner::Answering(b"42".to_vec())), Ok(b"42".to_vec()));
        assert_eq!(asked(&Manner::Endless(b"4".to_vec())).map(|a| a[0]), Ok(b'4'));
    }
}
