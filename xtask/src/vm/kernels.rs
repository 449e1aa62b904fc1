//! Debian's kernels: from the mirror that apt is configured with, unpacked below `target/vm`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use xshell::Shell;

use super::say;
use crate::apt::{Apt, Kind, entries, name, remove};

/// Depends on the newest kernel of a release, without drivers that virtual machines never need.
const META: &str = "linux-image-cloud-amd64";

/// A line of Linux that some release of Debian has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kernel {
    /// Debian 11's.
    #[value(name = "5.10")]
    V5_10,
    /// Debian 12's.
    #[value(name = "6.1")]
    V6_1,
    /// Debian 13's.
    #[value(name = "6.12")]
    V6_12,
    /// The newest of Debian's unstable release.
    #[value(name = "7", alias = "sid")]
    Sid,
}

impl Kernel {
    /// The oldest first.
    pub const ALL: [Self; 4] = [Self::V5_10, Self::V6_1, Self::V6_12, Self::Sid];

    /// The release of Debian that has it.
    pub const fn release(self) -> &'static str {
        match self {
            Self::V5_10 => "bullseye",
            Self::V6_1 => "bookworm",
            Self::V6_12 => "trixie",
            Self::Sid => "sid",
        }
    }

    /// Its image, downloaded if it is not there, or asked for anew.
    pub fn find_or_fetch(
        self,
        shell: &Shell,
        folder: &Path,
        update: bool,
    ) -> anyhow::Result<PathBuf> {
        let folder = folder.join(self.release());
        let image = folder.join("vmlinuz");
        if image.is_file() && !update {
            return Ok(image);
        }
        say(&format!("fetching the kernel of {}, the release of Debian", self.release()));
        let apt = Apt::begin(shell, folder.join("apt"), Kind::Binary, self.release())?;
        let packages = kernel_packages(&apt)?;
        let files = folder.join("files");
        for package in packages {
            apt.unpack(&package, &files)?;
        }
        let unpacked = find_image(&files)?;
        // At last: what is there is whole.
        fs::rename(&unpacked, &image)
            .with_context(|| format!("cannot move {}", unpacked.display()))?;
        remove(&files)?;
        remove(&folder.join("apt"))?;
        Ok(image)
    }
}

/// Those with files of the newest kernel. Newer releases have its image apart.
fn kernel_packages(apt: &Apt) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut ask = vec![META.to_owned()];
    while let Some(package) = ask.pop() {
        let more = kernel_dependencies(&apt.depends(&package)?);
        found.extend(more.clone());
        ask.extend(more);
    }
    ensure!(!found.is_empty(), "{META} depends on no kernel: look what became of it");
    Ok(found)
}

/// Out of what `apt-cache depends` prints.
fn kernel_dependencies(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let wanted =
        |name: &&str| name.starts_with("linux-image-") || name.starts_with("linux-binary-");
    names.filter(wanted).map(str::to_owned).collect()
}

/// In `/boot`, or with the modules.
fn find_image(files: &Path) -> anyhow::Result<PathBuf> {
    let boot = entries(&files.join("boot")).unwrap_or_default();
    let in_boot = boot.into_iter().find(|path| name(path).starts_with("vmlinuz-"));
    let modules = || {
        let folders = ["lib/modules", "usr/lib/modules"].map(|path| entries(&files.join(path)));
        let versions = folders.into_iter().flat_map(Result::unwrap_or_default);
        versions.map(|version| version.join("vmlinuz")).find(|path| path.is_file())
    };
    in_boot.or_else(modules).context("Debian's package of the kernel holds no vmlinuz any more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_among_dependencies() {
        let text = "linux-image-7.2.13+deb14-cloud-amd64\n |Depends: dracut\n  Depends: \
                    <linux-initramfs-tool>\n    initramfs-tools\n  Depends: \
                    linux-base-7.2.13+deb14-cloud-amd64\n  Depends: \
                    linux-binary-7.2.13+deb14-cloud-amd64\n  Suggests: linux-doc\n";
        assert_eq!(kernel_dependencies(text), ["linux-binary-7.2.13+deb14-cloud-amd64"]);
        let meta = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-50-cloud-amd64\n";
        assert_eq!(kernel_dependencies(meta), ["linux-image-6.1.0-50-cloud-amd64"]);
    }

    #[test]
    fn image_is_found_in_both_places() {
        let folder = std::env::temp_dir().join(format!("st-kernels-{}", std::process::id()));
        assert!(find_image(&folder).is_err());
        fs::create_dir_all(folder.join("usr/lib/modules/7.2")).unwrap();
        fs::write(folder.join("usr/lib/modules/7.2/vmlinuz"), "").unwrap();
        assert!(find_image(&folder).unwrap().ends_with("7.2/vmlinuz"));
        fs::create_dir_all(folder.join("boot")).unwrap();
        fs::write(folder.join("boot/System.map-6.1"), "").unwrap();
        fs::write(folder.join("boot/vmlinuz-6.1"), "").unwrap();
        assert!(find_image(&folder).unwrap().ends_with("boot/vmlinuz-6.1"));
        remove(&folder).unwrap();
    }
}
