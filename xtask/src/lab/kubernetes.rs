//! The real kubelet and API server, built from the source of Debian 12's `kubernetes` package with
//! Debian's Go, into `target/lab/kubernetes`.
//!
//! Debian ships no package with them: from its source it builds kubectl alone. The source is whole
//! all the same, with all that it imports, so that no other registry is needed. Later releases have
//! left out what kubectl does not need.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use crate::{
    apt::{Apt, Kind, entries, name, remove},
    test,
};

/// The system that it is built for.
pub const SYSTEM: &str = "kubernetes";

/// See [`test::install_missing`]. What runs them is needed, too.
const NEEDED: &[(&str, &str)] = &[
    ("/usr/include/stdio.h", "libc6-dev"),
    ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
    ("apt-get", "apt"),
    ("cc", "gcc"),
    ("etcd", "etcd-server"),
    ("go", "golang-go"),
    ("kubectl", "kubernetes-client"),
    ("nice", "coreutils"),
    ("openssl", "openssl"),
    ("tar", "tar"),
];
/// The release of Debian whose source is whole, and the version that its packaging calls
/// `1.20.5+really1.20.2`.
const RELEASE: &str = "bookworm";
const VERSION: &str = "v1.20.2";
/// What is built.
const PROGRAMS: [&str; 3] = ["kubelet", "kube-apiserver", "kube-controller-manager"];
/// What holds the namespaces of a pod: PID 1 where a pod shares its PID namespace.
const PAUSE: &str = "pause";
/// Where Go looks for the source of a program: the package that it is.
const PACKAGE: &str = "k8s.io/kubernetes";
/// Marks packages whose types are part of the API's description.
const MARK: &str = "// +k8s:openapi-gen=";

/// The folder with [`PROGRAMS`] and [`PAUSE`]. Takes some ten minutes the first time.
pub fn build(shell: &Shell, root: &Path) -> anyhow::Result<PathBuf> {
    test::install_missing(shell, NEEDED)?;
    let folder = root.join("target/lab/kubernetes");
    let is_there = |program: &str| folder.join(program).is_file();
    if PROGRAMS.into_iter().chain([PAUSE]).all(is_there) {
        return Ok(folder);
    }
    say("building the kubelet and the API server from Debian's source: this takes ten minutes");
    let work = root.join("target/lab/kubernetes.build");
    let tree = Tree { shell, source: work.join("src").join(PACKAGE), work };
    tree.fetch()?;
    tree.describe()?;
    let built = tree.programs()?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for path in entries(&built)? {
        let program = folder.join(name(&path));
        fs::rename(&path, &program)
            .with_context(|| format!("cannot move {} to {}", path.display(), program.display()))?;
    }
    // Two gigabytes.
    remove(&tree.work)?;
    Ok(folder)
}

/// Where it is built.
struct Tree<'a> {
    shell: &'a Shell,
    /// Go's workspace.
    work: PathBuf,
    /// The source in it.
    source: PathBuf,
}

impl Tree<'_> {
    /// Unless a run that was ended did so already.
    fn fetch(&self) -> anyhow::Result<()> {
        if self.source.is_dir() {
            return Ok(());
        }
        let state = self.work.join("apt");
        let unpacked = self.work.join("unpacked");
        remove(&unpacked)?;
        let apt = Apt::begin(self.shell, state.clone(), Kind::Source, RELEASE)?;
        apt.unpack_source("kubernetes", &unpacked)?;
        remove(&state)?;
        let above = self.source.parent().context("it is below the workspace")?;
        fs::create_dir_all(above).with_context(|| format!("cannot create {}", above.display()))?;
        // At last: what is there is whole.
        fs::rename(&unpacked, &self.source)
            .with_context(|| format!("cannot move {}", unpacked.display()))
    }

    /// Generates the description of the API, which the API server does not do without: the rule
    /// `gen_openapi` of the source's own Makefile.
    fn describe(&self) -> anyhow::Result<()> {
        let target = self.source.join("pkg/generated/openapi/zz_generated.openapi.go");
        if target.is_file() {
            return Ok(());
        }
        let shell = self.shell;
        let generator = self.work.join("openapi-gen");
        self.go(&generator, "", &["./vendor/k8s.io/kube-openapi/cmd/openapi-gen"])?;
        let inputs = self.described()?.join(",");
        let _there = shell.push_dir(&self.source);
        let (tree, report) = (&self.work, self.work.join("violations"));
        let header = "vendor/k8s.io/code-generator/hack/boilerplate.go.txt";
        let package = format!("{PACKAGE}/pkg/generated/openapi");
        cmd!(
            shell,
            "{generator} -O zz_generated.openapi -h {header} -p {package} -r {report} -i {inputs}"
        )
        .env("GOPATH", tree)
        .env("GO111MODULE", "off")
        .quiet()
        .ignore_stderr()
        .run()
        .context("cannot generate the description of the API")?;
        ensure!(target.is_file(), "openapi-gen made no {}", target.display());
        Ok(())
    }

    /// Packages with [`MARK`].
    fn described(&self) -> anyhow::Result<Vec<String>> {
        let _there = self.shell.push_dir(&self.source);
        let staged = entries(&self.source.join("vendor/k8s.io"))?;
        let staged = staged
            .iter()
            .map(|path| name(path))
            .filter(|name| !["code-generator", "sample-apiserver"].contains(name))
            // Links, which are followed only with a slash behind them.
            .map(|name| format!("vendor/k8s.io/{name}/"));
        let places: Vec<_> =
            ["pkg", "plugin", "cmd"].map(String::from).into_iter().chain(staged).collect();
        let mark = format!("^{}", MARK.replace('+', r"\+"));
        let shell = self.shell;
        let files = cmd!(
            shell,
            "grep --recursive --files-with-matches --include=*.go -E {mark} {places...}"
        )
        .quiet()
        .read()
        .context("no package is part of the API's description")?;
        Ok(packages(&files))
    }

    /// Builds all; where they are.
    fn programs(&self) -> anyhow::Result<PathBuf> {
        let built = self.work.join("built");
        fs::create_dir_all(&built).with_context(|| format!("cannot create {}", built.display()))?;
        let sources = PROGRAMS.map(|program| format!("./cmd/{program}"));
        let sources: Vec<_> = sources.iter().map(String::as_str).collect();
        let (major, minor) = VERSION[1..].split_once('.').context("a version has a dot")?;
        let minor = minor.split('.').next().unwrap_or_default();
        let version = format!("{PACKAGE}/vendor/k8s.io/component-base/version");
        let flags = format!(
            "-s -w -X {version}.gitVersion={VERSION} -X {version}.gitMajor={major} -X {version}.gitMinor={minor}"
        );
        self.go(&built, &flags, &sources)?;
        let (shell, source) = (self.shell, self.source.join("build/pause/linux/pause.c"));
        let pause = built.join(PAUSE);
        cmd!(shell, "cc -Os -static -DVERSION={VERSION} -o {pause} {source}")
            .quiet()
            .run()
            .context("cannot build pause")?;
        Ok(built)
    }

    /// Builds programs of the source, with what it has brought along alone.
    fn go(&self, output: &Path, flags: &str, sources: &[&str]) -> anyhow::Result<()> {
        let shell = self.shell;
        let _there = shell.push_dir(&self.source);
        cmd!(shell, "nice go build -o {output} -ldflags {flags} {sources...}")
            .env("GOPATH", &self.work)
            .env("GOCACHE", self.work.join("cache"))
            .env("GO111MODULE", "off")
            .env("GOPROXY", "off")
            .env("GOFLAGS", "")
            .quiet()
            .run()
            .with_context(|| format!("cannot build {}", sources.join(", ")))
    }
}

/// The packages of files, each once.
fn packages(files: &str) -> Vec<String> {
    let written = files.lines().filter(|file| !name(Path::new(file)).starts_with("zz_generated"));
    let folders: BTreeSet<_> = written
        .filter_map(|file| Path::new(file).parent()?.to_str())
        .map(|folder| format!("{PACKAGE}/{folder}"))
        .collect();
    folders.into_iter().collect()
}

#[expect(clippy::print_stderr, reason = "a task tells its user what it does")]
fn say(message: &str) {
    eprintln!("lab: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_files_are_told_once() {
        let files = "pkg/apis/doc.go\npkg/apis/types.go\npkg/core/zz_generated.openapi.go\n\
                     vendor/k8s.io/api/apps/v1/doc.go\n";
        let wanted = ["k8s.io/kubernetes/pkg/apis", "k8s.io/kubernetes/vendor/k8s.io/api/apps/v1"];
        assert_eq!(packages(files), wanted);
        assert!(packages("").is_empty());
    }
}
