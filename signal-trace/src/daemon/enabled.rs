//! What the configuration says of each sink, made into outlets.

use std::{
    collections::BTreeSet, env, fs::DirBuilder, io, os::unix::fs::DirBuilderExt as _, path::PathBuf,
};

use super::config::{File, Otlp as OtlpConfig, Sinks, Socket, Stdout};
use crate::{
    outlet::{End, Filter, Limits, Outlet},
    sinks::{
        feed::Feed,
        file::FileSink,
        otlp::{Otlp, Target},
        stdout,
    },
};

/// A sink that is enabled.
#[derive(Clone, Debug, PartialEq)]
pub enum Enabled {
    Stdout(Stdout),
    File(File),
    Otlp(OtlpConfig),
    Socket(Socket),
}

/// Folders that sinks write in. They are made if they are not there: once we are hardened, they
/// cannot be.
pub fn folders(sinks: &Sinks) -> Vec<PathBuf> {
    let Sinks { stdout: _, file, otlp: _, socket } = sinks;
    let paths = [file.enabled.then_some(&file.path), socket.enabled.then_some(&socket.path)];
    let folders: BTreeSet<_> =
        paths.into_iter().flatten().filter_map(|path| path.parent()).collect();
    folders
        .into_iter()
        .map(|folder| {
            if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(folder) {
                tracing::warn!("cannot make the folder {}: {error}", folder.display());
            }
            folder.to_owned()
        })
        .collect()
}

/// TCP ports that sinks connect to.
pub fn ports(sinks: &Sinks) -> Vec<u16> {
    let otlp = sinks.otlp.enabled.then(|| Target::of(&sinks.otlp).ok()).flatten();
    otlp.map(|target| target.ports()).unwrap_or_default()
}

impl Enabled {
    /// Those that are enabled.
    pub fn all(sinks: &Sinks) -> Vec<Self> {
        let Sinks { stdout, file, otlp, socket } = sinks;
        [
            stdout.enabled.then(|| Self::Stdout(stdout.clone())),
            file.enabled.then(|| Self::File(file.clone())),
            otlp.enabled.then(|| Self::Otlp(otlp.clone())),
            socket.enabled.then(|| Self::Socket(socket.clone())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Its table in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stdout(_) => "stdout",
            Self::File(_) => "file",
            Self::Otlp(_) => "otlp",
            Self::Socket(_) => "socket",
        }
    }

    /// What it lets through.
    pub fn filter(&self) -> Filter {
        match self {
            Self::Stdout(config) => config.filter.to_outlet(),
            Self::File(config) => config.filter.to_outlet(),
            Self::Otlp(config) => config.filter.to_outlet(),
            Self::Socket(config) => config.filter.to_outlet(),
        }
    }

    fn limits(&self) -> Limits {
        match self {
            Self::Stdout(config) => config.queue.to_outlet(),
            Self::File(config) => config.queue.to_outlet(),
            Self::Otlp(config) => config.queue.to_outlet(),
            Self::Socket(config) => config.queue.to_outlet(),
        }
    }

    /// Whether it can go on as `other`: they differ in the filter at most.
    pub fn is_as(&self, other: &Self) -> bool {
        let mut same = other.clone();
        match (self, &mut same) {
            (Self::Stdout(this), Self::Stdout(that)) => that.filter = this.filter.clone(),
            (Self::File(this), Self::File(that)) => that.filter = this.filter.clone(),
            (Self::Otlp(this), Self::Otlp(that)) => that.filter = this.filter.clone(),
            (Self::Socket(this), Self::Socket(that)) => that.filter = this.filter.clone(),
            _ => return false,
        }
        *self == same
    }

    /// Starts it; what it delivers to is opened when its first line comes, and again until that
    /// works.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(&self, after: Option<End>) -> io::Result<Outlet> {
        let (name, filter, limits) = (self.name(), self.filter(), self.limits());
        match self {
            Self::Stdout(_) => Outlet::start(name, filter, limits, after, stdout::Stdout::new()?),
            Self::File(config) => {
                let sink = FileSink::new(config.to_sink()).map_err(io::Error::other)?;
                Outlet::start(name, filter, limits, after, sink)
            }
            Self::Otlp(config) => {
                let target = Target::of(config).map_err(io::Error::other)?;
                // Kubernetes sets it for every container.
                let in_kubernetes = env::var_os("KUBERNETES_SERVICE_HOST").is_some();
                Outlet::start(name, filter, limits, after, Otlp::new(target, in_kubernetes))
            }
            Self::Socket(config) => {
                Outlet::start(name, filter, limits, after, Feed::new(config.path.clone()))
            }
        }
    }
}
