//! An engine's API on a Unix socket that answers as the test says.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
    time::sleep,
};

/// A temporary folder that goes away with its owner.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("st-enrich-{}-{count}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file, and the folders that it is in.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// How it answers.
#[derive(Clone)]
pub(super) enum Way {
    /// Status and body.
    Says(u16, Vec<u8>),
    /// These bytes, then the end.
    Raw(Vec<u8>),
    /// Never.
    Hangs,
    /// This, a byte each 100 ms.
    Drips(Vec<u8>),
    /// For each container with the first text, in which the second stands for its id; at the
    /// container of the third it hangs.
    Each(&'static str, &'static str, String),
    /// With a body that does not end.
    Endless,
}

impl Way {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Says(200, body.into())
    }
}

pub(super) struct Fake {
    folder: Folder,
    way: Arc<Mutex<Way>>,
    /// First lines of the requests.
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Fake {
    pub fn start(way: Way) -> Self {
        let folder = Folder::new();
        let listener = UnixListener::bind(folder.path().join("api.sock")).unwrap();
        let (way, requests) = (Arc::new(Mutex::new(way)), Arc::new(Mutex::new(Vec::new())));
        let state = (Arc::clone(&way), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let way = state.0.lock().unwrap().clone();
                tokio::spawn(serve(stream, way, Arc::clone(&state.1)));
            }
        });
        Self { folder, way, requests, task }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }

    pub fn set(&self, way: Way) {
        *self.way.lock().unwrap() = way;
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The socket stays, and nobody listens.
    pub async fn die(&mut self) {
        self.task.abort();
        let _aborted = (&mut self.task).await;
    }
}

async fn serve(mut stream: UnixStream, way: Way, requests: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes).await {
            Ok(length) if length > 0 => request.extend(&bytes[..length]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let line = text.lines().next().unwrap_or_default();
    requests.lock().unwrap().push(line.to_owned());
    let asked = line.split('/').find(|part| part.len() == 64).unwrap_or_default();
    let way = match way {
        Way::Each(_, _, hangs) if hangs == asked => Way::Hangs,
        Way::Each(text, id, _) => Way::ok(text.replace(id, asked)),
        other => other,
    };
    match way {
        Way::Each(..) => {}
        Way::Says(status, body) => {
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
            drop(stream.write_all(&[head.as_bytes(), &*body].concat()).await);
        }
        Way::Raw(bytes) => drop(stream.write_all(&bytes).await),
        Way::Hangs => std::future::pending().await,
        Way::Drips(bytes) => {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
        Way::Endless => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            drop(stream.write_all(head.as_bytes()).await);
            let chunk = [&b"10000\r\n"[..], &*vec![b' '; 0x10000], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {}
        }
    }
}
