//! One connection to the API server: TCP, TLS, HTTP/1.1. Token and CA certificates are read anew for
//! each, because Kubernetes replaces them.

use std::{path::Path, sync::Arc};

use http_body_util::Empty;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::TlsConnector;

use super::{
    super::{Failure, files},
    config::Config,
    health::Broken,
};
use crate::net::words;

/// Of each of the files.
const MOST_FILE: u64 = 1 << 20;
/// Of the header of an answer.
const MOST_HEADER: usize = 64 << 10;

const NETWORK: &str = "See that this pod may reach it (network policies, DNS with `hostNetwork`)";
const TRUST: &str = "See that `ca.crt` of the service account is the one of this cluster";
const FILES: &str = "See that the service account is mounted and may be read";
const OTHER: &str = "See what answers there";

/// The answer's head and body, and the task that both come through.
pub(super) struct Answer {
    pub response: Response<Incoming>,
    /// It ends with this.
    pub connection: JoinSet<()>,
}

/// Asks for `path` on a new connection.
pub(super) async fn get(config: &Config, path: &str) -> Result<Answer, Broken> {
    let (token, roots) = credentials(&config.credentials).await?;
    let name = ServerName::try_from(config.host.clone())
        .map_err(|_| Broken::new("KUBERNETES_SERVICE_HOST is no name of a host", NETWORK))?;
    let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Broken::new(error, TRUST))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];

    let address = (&*config.host, config.port);
    let stream = TcpStream::connect(address).await.map_err(|error| Broken::new(error, NETWORK))?;
    let stream = TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await
        .map_err(|error| Broken::new(format!("TLS: {error}"), TRUST))?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEADER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| http(&error))?;
    let mut task = JoinSet::new();
    // What it ends with, the answer says as well.
    task.spawn(async move { drop(connection.await) });
    let request = Request::get(path)
        .header(HOST, config.authority())
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, token)
        .body(Empty::<Bytes>::new())
        .map_err(|error| Broken::new(error, OTHER))?;
    let response = sender.send_request(request).await.map_err(|error| http(&error))?;
    Ok(Answer { response, connection: task })
}

async fn credentials(folder: &Path) -> Result<(HeaderValue, RootCertStore), Broken> {
    let (token, ca) = (folder.join("token"), folder.join("ca.crt"));
    let read = move || {
        let read = |path: &Path| {
            let missing = || Failure::Broken(format!("there is no {}", path.display()));
            files::read(path, MOST_FILE)?.ok_or_else(missing)
        };
        Ok((read(&token)?, read(&ca)?))
    };
    let (token, ca) = files::look(read).await.map_err(|error| Broken::new(error, FILES))?;
    let mut header = HeaderValue::from_bytes(&[b"Bearer ", token.trim_ascii()].concat())
        .map_err(|_| Broken::new("the token of the service account is none", FILES))?;
    header.set_sensitive(true);
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(&ca).filter_map(Result::ok);
    if roots.add_parsable_certificates(certificates).0 == 0 {
        return Err(Broken::new("`ca.crt` of the service account holds no certificate", TRUST));
    }
    Ok((header, roots))
}

pub(super) fn http(error: &hyper::Error) -> Broken {
    Broken::new(words(error), OTHER)
}
