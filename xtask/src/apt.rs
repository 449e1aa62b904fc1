//! Debian's archive, from the mirror that apt is configured with, through an apt state of our own:
//! the machine's sources, lists and packages stay as they are, and nothing is installed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use xshell::{Shell, cmd};

/// What the names of releases end in where their security updates are.
const SECURITY: &str = "-security";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// What is wanted of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Packages.
    Binary,
    /// What they are built from.
    Source,
}

impl Kind {
    /// As lines of `sources.list` begin.
    const fn word(self) -> &'static str {
        match self {
            Self::Binary => "deb",
            Self::Source => "deb-src",
        }
    }
}

/// apt with one release as its only source, and a state of its own.
pub struct Apt<'a> {
    shell: &'a Shell,
    folder: PathBuf,
    options: Vec<String>,
}

impl<'a> Apt<'a> {
    /// Reads the lists of a release. The folder is emptied first; whoever begins it removes it.
    pub fn begin(
        shell: &'a Shell,
        folder: PathBuf,
        kind: Kind,
        release: &str,
    ) -> anyhow::Result<Self> {
        remove(&folder)?;
        let (lists, cache) = (folder.join("lists/partial"), folder.join("cache/archives/partial"));
        for needed in [&lists, &cache] {
            fs::create_dir_all(needed)
                .with_context(|| format!("cannot create {}", needed.display()))?;
        }
        let sources = folder.join("sources.list");
        fs::write(&sources, sources_of(shell, kind, release)?)
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

    /// What a package depends on, as `apt-cache depends` prints it.
    pub fn depends(&self, package: &str) -> anyhow::Result<String> {
        let (shell, options) = (self.shell, &self.options);
        cmd!(shell, "apt-cache {options...} depends {package}")
            .read()
            .with_context(|| format!("this release has no {package}"))
    }

    /// Downloads a package and unpacks its files.
    pub fn unpack(&self, package: &str, into: &Path) -> anyhow::Result<()> {
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

    /// Downloads the source of a package, and unpacks what its authors released.
    pub fn unpack_source(&self, package: &str, into: &Path) -> anyhow::Result<()> {
        let (shell, options) = (self.shell, &self.options);
        let _there = shell.push_dir(&self.folder);
        cmd!(shell, "apt-get {options...} --quiet --quiet source --download-only {package}")
            .quiet()
            .run()
            .with_context(|| format!("cannot download the source of {package}"))?;
        let archive = entries(&self.folder)?
            .into_iter()
            .find(|path| name(path).contains(".orig.tar."))
            .with_context(|| format!("apt-get left no source of {package}"))?;
        fs::create_dir_all(into).with_context(|| format!("cannot create {}", into.display()))?;
        cmd!(shell, "tar --extract --file {archive} --directory {into} --strip-components=1")
            .run()
            .with_context(|| format!("cannot unpack {}", archive.display()))
    }
}

/// Lines of `sources.list`: this release, from where the machine gets Debian from, and its security
/// updates, if the machine gets some.
fn sources_of(shell: &Shell, kind: Kind, release: &str) -> anyhow::Result<String> {
    let format = "$(RELEASE) $(COMPONENT) $(REPO_URI)";
    let targets = cmd!(shell, "apt-get indextargets --format {format}")
        .read()
        .context("cannot ask apt for its sources")?;
    let mirror = mirror(&targets, "").context(
        "apt has no source with Debian's `main`: packages are fetched from such a mirror",
    )?;
    let word = kind.word();
    let source =
        |mirror, suite: &str| format!("{word} [signed-by={KEYRING}] {mirror} {suite} main\n");
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

/// What is in a folder.
pub fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let found: std::io::Result<_> = read();
    found.with_context(|| format!("cannot read {}", folder.display()))
}

/// The last part of a path.
pub fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Removes a folder with all that is in it, if it is there.
pub fn remove(folder: &Path) -> anyhow::Result<()> {
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
}
