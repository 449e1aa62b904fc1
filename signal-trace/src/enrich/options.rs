//! Which managers are asked, and where: defaults and `--runtime`.

use std::{collections::BTreeMap, path::PathBuf};

use super::KubeConfig;
use crate::capture::procfs::Root;

/// A kind of manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// Docker Engine, by its API.
    Docker,
    /// Podman, by its API or its files.
    Podman,
    /// containerd, by CRI.
    Containerd,
    /// CRI-O, by CRI.
    CriO,
    /// State files of runc, crun, and what runs above them.
    Oci,
    /// systemd, by D-Bus.
    Systemd,
}

impl Manager {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Docker, Self::Podman, Self::Containerd, Self::CriO, Self::Oci, Self::Systemd];

    /// Its name in `--runtime`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Oci => "oci",
            Self::Systemd => "systemd",
        }
    }

    /// As people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Podman => "Podman",
            Self::Containerd => "containerd",
            Self::CriO => "CRI-O",
            Self::Oci => "OCI state",
            Self::Systemd => "systemd",
        }
    }

    /// Whether containers have it for their engine: it can name them.
    pub const fn is_engine(self) -> bool {
        matches!(self, Self::Docker | Self::Podman | Self::Containerd | Self::CriO)
    }
}

/// A value of `--runtime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeFlag {
    /// `none`: no default place is asked.
    Nobody,
    /// `KIND=PATH`: this one is, in place of the kind's default places.
    Place(Manager, PathBuf),
}

/// Where each kind is asked; a kind that is not in it is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    places: BTreeMap<Manager, Places>,
    kube: Option<KubeConfig>,
    proc: Root,
}

/// Where one kind is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// Where it is unless configured otherwise.
    Default,
    /// There; each is one more of its kind, and it is said if one is not there.
    At(Vec<PathBuf>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            places: Manager::ALL.map(|kind| (kind, Places::Default)).into(),
            kube: None,
            proc: Root::default(),
        }
    }
}

impl Options {
    /// Of all `--runtime` on the command line. With `none`, only what is named beside it is asked.
    pub fn from_flags(flags: &[RuntimeFlag]) -> Self {
        let mut options = if flags.contains(&RuntimeFlag::Nobody) {
            Self { places: BTreeMap::new(), ..Self::default() }
        } else {
            Self::default()
        };
        for flag in flags {
            if let RuntimeFlag::Place(kind, path) = flag {
                match options.places.get_mut(kind) {
                    Some(Places::At(paths)) => paths.push(path.clone()),
                    _ => drop(options.places.insert(*kind, Places::At(vec![path.clone()]))),
                }
            }
        }
        options
    }

    /// Whether anybody is asked.
    pub fn asks_anybody(&self) -> bool {
        !self.places.is_empty() || self.kube.is_some()
    }

    /// Asks the Kubernetes API server, too.
    #[must_use]
    pub fn with_kube(self, kube: KubeConfig) -> Self {
        Self { kube: Some(kube), ..self }
    }

    /// The processes of the node are shown there.
    #[must_use]
    pub fn with_proc(self, proc: Root) -> Self {
        Self { proc, ..self }
    }

    /// Where the processes of the node are shown.
    pub const fn proc(&self) -> &Root {
        &self.proc
    }

    /// How the Kubernetes API server is asked, if it is.
    pub const fn kube(&self) -> Option<&KubeConfig> {
        self.kube.as_ref()
    }

    /// Where `kind` is asked, if it is.
    pub fn places(&self, kind: Manager) -> Option<&Places> {
        self.places.get(&kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_take_the_place_of_defaults() {
        let place = |kind, path: &str| RuntimeFlag::Place(kind, path.into());
        let docker = [place(Manager::Docker, "/a"), place(Manager::Docker, "/b")];
        let options = Options::from_flags(&docker);
        let both = Places::At(vec!["/a".into(), "/b".into()]);
        assert_eq!(options.places(Manager::Docker), Some(&both));
        assert_eq!(options.places(Manager::Podman), Some(&Places::Default));
        assert_eq!(Options::from_flags(&[]), Options::default());

        let nobody = Options::from_flags(&[RuntimeFlag::Nobody]);
        assert!(Manager::ALL.iter().all(|kind| nobody.places(*kind).is_none()));
        let [a, b] = docker;
        let only = Options::from_flags(&[a, RuntimeFlag::Nobody, b]);
        assert_eq!(only.places(Manager::Docker), Some(&both));
        assert_eq!(only.places(Manager::Oci), None);
    }
}
