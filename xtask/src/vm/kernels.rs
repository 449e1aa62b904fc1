//! Debian's kernels: from the mirror that apt is configured with, unpacked below `target/vm`.
//!
//! They come through an apt state of our own: the machine's sources, lists and packages stay as
//! they are, and nothing is installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use xshell::{Shell, cmd};

use super::say;

/// Depends on the newest kernel of a release, without drivers that virtual machines never need.
const META: &str = "linux-image-cloud-amd64";
/// What the names of releases end in where their security updates are.
const SECURITY: &str = "-security";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

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
        let apt = Apt::begin(shell, folder.join("apt"), self.release())?;
        let packages = apt.kernel_packages()?;
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

/// apt with one release as its only source, and a state of its own.
struct Apt<'a> {
    shell: &'a Shell,
    folder: PathBuf,
    options: Vec<String>,
}

impl<'a> Apt<'a> {
    fn begin(shell: &'a Shell, folder: PathBuf, release: &str) -> anyhow::Result<Self> {
        remove(&folder)?;
        let (lists, cache) = (folder.join("lists/partial"), folder.join("cache/archives/partial"));
        for needed in [&lists, &cache] {
            fs::create_dir_all(needed)
                .with_context(|| format!("cannot create {}", needed.display()))?;
        }
        let sources = folder.join("sources.list");
        fs::write(&sources, sources_of(shell, release)?)
            .with_context(|| format!("cannot write {}", sources.display()))?;
        let path = folder.display();
        let options = [
            format!("Dir::Etc::sourcelist={}", sources.display()),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            "Dir::Etc::preferences=/dev/null".to_owned(),
            "Dir::Etc::preferencesparts=/dev/null".to_owned(),
            format!("Dir::State={path}"),
            format!("Dir::State::lists={path}/lists"),
            "Dir::State::status=/dev/null".to_owned(),
            format!("Dir::Cache={path}/cache"),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            // The folder may be one that only root can look into.
            "APT::Sandbox::User=root".to_owned(),
            "APT::Architecture=amd64".to_owned(),
        ];
        let options = options.into_iter().flat_map(|option| ["-o".to_owned(), option]).collect();
        let apt = Self { shell, folder, options };
        let options = &apt.options;
        cmd!(shell, "apt-get {options...} --quiet --quiet --error-on=any update")
            .quiet()
            .run()
            .with_context(|| {
                format!("cannot read the package lists of {release}: does this mirror have them?")
            })?;
        Ok(apt)
    }

    /// Those with files of the newest kernel. Newer releases have its image apart.
    fn kernel_packages(&self) -> anyhow::Result<Vec<String>> {
        let (shell, options) = (self.shell, &self.options);
        let mut found = Vec::new();
        let mut ask = vec![META.to_owned()];
        while let Some(package) = ask.pop() {
            let text = cmd!(shell, "apt-cache {options...} depends {package}")
                .read()
                .with_context(|| format!("this release has no {package}"))?;
            let more = kernel_dependencies(&text);
            found.extend(more.clone());
            ask.extend(more);
        }
        ensure!(!found.is_empty(), "{META} depends on no kernel: look what became of it");
        Ok(found)
    }

    fn unpack(&self, package: &str, into: &Path) -> anyhow::Result<()> {
        let (shell, options) = (self.shell, &self.options);
        let _there = shell.push_dir(&self.folder);
        cmd!(shell, "apt-get {options...} --quiet --quiet download {package}")
            .quiet()
            .run()
            .with_context(|| format!("cannot download {package}"))?;
        // apt writes `+` and `:` of a version as it likes.
        let begin = format!("{package}_");
        let archive = entries(&self.folder)?
            .into_iter()
            .find(|path| {
                name(path).starts_with(&begin) && path.extension().is_some_and(|end| end == "deb")
            })
            .with_context(|| format!("apt-get left no archive of {package}"))?;
        cmd!(shell, "dpkg-deb --extract {archive} {into}")
            .run()
            .with_context(|| format!("cannot unpack {}", archive.display()))
    }
}

/// Lines of `sources.list`: this release, from where the machine gets Debian from, and its security
/// updates, if the machine gets some.
fn sources_of(shell: &Shell, release: &str) -> anyhow::Result<String> {
    let format = "$(RELEASE) $(COMPONENT) $(REPO_URI)";
    let targets = cmd!(shell, "apt-get indextargets --format {format}")
        .read()
        .context("cannot ask apt for its sources")?;
    let mirror = mirror(&targets, "").context(
        "apt has no source with Debian's `main`: kernels are fetched from such a mirror",
    )?;
    let source = |mirror, suite: &str| format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n");
    let mut sources = source(mirror, release);
    // There are none for the unstable one.
    if let Some(mirror) = self::mirror(&targets, SECURITY).filter(|_| release != "sid") {
        sources += &source(mirror, &format!("{release}{SECURITY}"));
    }
    Ok(sources)
}

/// Out of lines of `RELEASE COMPONENT URI`. Others than Debian name their releases otherwise.
fn mirror<'a>(targets: &'a str, suffix: &str) -> Option<&'a str> {
    const RELEASES: [&str; 9] = [
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "sid",
        "oldstable",
        "stable",
        "testing",
        "unstable",
    ];
    targets.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (release, component, uri) = (words.next()?, words.next()?, words.next()?);
        let release = release.strip_suffix(suffix)?;
        (RELEASES.contains(&release) && component == "main").then_some(uri)
    })
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

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let found: std::io::Result<_> = read();
    found.with_context(|| format!("cannot read {}", folder.display()))
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_is_that_of_debian_itself() {
        let targets = "tools-bookworm main https://tools.example/apt/\n\
                       bookworm-security main https://debian.example/security/\n\
                       bookworm contrib https://debian.example/debian/\n\
                       bookworm main https://mirror.example/debian/\n";
        assert_eq!(mirror(targets, ""), Some("https://mirror.example/debian/"));
        assert_eq!(mirror(targets, SECURITY), Some("https://debian.example/security/"));
        assert_eq!(mirror("nodistro main https://node.example/\n", ""), None);
        assert_eq!(mirror("", ""), None);
    }

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
