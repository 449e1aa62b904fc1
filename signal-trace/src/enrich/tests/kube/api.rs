//! An API server with TLS, and a service account for it, that answers as the test says.

use std::{
    collections::VecDeque,
    fs,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::super::{super::KubeConfig, fake::Folder};

pub(super) enum Way {
    /// Status and body.
    Says(u16, Vec<u8>),
    /// What comes there, until that is closed.
    Streams(mpsc::UnboundedReceiver<Vec<u8>>),
    /// These bytes, then the end.
    Raw(Vec<u8>),
    Hangs,
}

impl Way {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Says(200, body.into())
    }
}

#[derive(Default)]
struct State {
    /// For the next requests.
    ways: VecDeque<Way>,
    /// Status when there is none left; else the answer does not come.
    rest: Option<u16>,
    /// First line and `Authorization` of each.
    requests: Vec<(String, String)>,
}

pub(super) struct Api {
    port: u16,
    folder: Folder,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

/// Certificate of a CA, in PEM; certificate and key of a server that it signed.
fn certificates() -> (String, Vec<u8>, KeyPair) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = params.signed_by(&key, &ca).unwrap();
    (pem(ca.der()), server.der().to_vec(), key)
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

impl Api {
    pub async fn start(ways: impl IntoIterator<Item = Way>) -> Self {
        let (ca, certificate, key) = certificates();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state =
            Arc::new(Mutex::new(State { ways: ways.into_iter().collect(), ..State::default() }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&shared)));
            }
        });
        let folder = Folder::new();
        folder.write("token", "token-1\n");
        folder.write("ca.crt", &ca);
        Self { port, folder, state, task }
    }

    pub fn config(&self) -> KubeConfig {
        self.config_for("127.0.0.1")
    }

    pub fn config_for(&self, host: &str) -> KubeConfig {
        let variable = |name: &str| match name {
            "KUBERNETES_SERVICE_HOST" => Some(host.to_owned()),
            "KUBERNETES_SERVICE_PORT" => Some(self.port.to_string()),
            _ => Some("node-1".to_owned()),
        };
        KubeConfig::read(variable, || None, self.folder.path()).unwrap()
    }

    /// More answers.
    pub fn add(&self, way: Way) {
        self.state.lock().unwrap().ways.push_back(way);
    }

    /// What it says to all that is asked from then on.
    pub fn always(&self, status: Option<u16>) {
        self.state.lock().unwrap().rest = status;
    }

    /// A file of the service account.
    pub fn write(&self, name: &str, text: &str) {
        self.folder.write(name, text);
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// CA certificate of somebody else.
    pub fn other_ca() -> String {
        certificates().0
    }

    /// What was asked, without what is the same in all requests.
    pub fn requests(&self) -> Vec<String> {
        let same = "GET /api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1&";
        let lines = self.state.lock().unwrap().requests.clone().into_iter();
        lines
            .map(|(line, _)| {
                let rest = line.strip_prefix(same).expect("another request");
                rest.replace("watch=1&allowWatchBookmarks=true&timeoutSeconds=300&", "watch ")
                    .replace("resourceVersion=", "")
                    .replace(" HTTP/1.1", "")
            })
            .collect()
    }

    pub fn tokens(&self) -> Vec<String> {
        let requests = self.state.lock().unwrap().requests.clone();
        requests.into_iter().map(|(_, token)| token).collect()
    }

    /// Nobody listens any more.
    pub async fn die(&mut self) {
        self.task.abort();
        let _aborted = (&mut self.task).await;
    }
}

/// A watch, and where its lines come from.
pub(super) fn stream() -> (mpsc::UnboundedSender<Vec<u8>>, Way) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Way::Streams(receiver))
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    // The kernel would hold back small pieces for 40 ms, which a paused clock does not wait for.
    stream.set_nodelay(true).unwrap();
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes).await {
            Ok(length) if length > 0 => request.extend(&bytes[..length]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let token = text.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
    let line = text.lines().next().unwrap_or_default().to_owned();
    let way = {
        let mut state = state.lock().unwrap();
        state.requests.push((line, token.unwrap_or_default().to_owned()));
        let rest = state.rest.map_or(Way::Hangs, |status| Way::Says(status, Vec::new()));
        state.ways.pop_front().unwrap_or(rest)
    };
    match way {
        Way::Says(status, body) => {
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
            drop(stream.write_all(&[head.as_bytes(), &*body].concat()).await);
        }
        Way::Streams(mut pieces) => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            drop(stream.write_all(head.as_bytes()).await);
            drop(stream.flush().await);
            while let Some(piece) = pieces.recv().await {
                let length = format!("{:x}\r\n", piece.len());
                let chunk = [length.as_bytes(), &*piece, b"\r\n"].concat();
                if stream.write_all(&chunk).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            drop(stream.write_all(b"0\r\n\r\n").await);
        }
        Way::Raw(bytes) => drop(stream.write_all(&bytes).await),
        Way::Hangs => std::future::pending().await,
    }
    drop(stream.shutdown().await);
}
