//! Runs every test: of the crates, on the real kernel, and with Docker.

use std::{
    collections::BTreeSet,
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use crate::{image, lab, manifests, tools::Tools};

/// Programs that the tests start, or other files that they need, and Debian's packages that hold
/// them.
const NEEDED: &[(&str, &str)] = &[
    ("/usr/include/stdio.h", "libc6-dev"),
    // Both for systemd as PID 1 of a container, which has the node's `/usr`.
    ("/lib/systemd/systemd", "systemd"),
    ("/lib/systemd/system/dbus.service", "dbus"),
    // Not in `PATH`, where it would be one of several versions.
    ("/usr/lib/postgresql/15/bin/initdb", "postgresql-15"),
    ("/usr/lib/postgresql/15/bin/postgres", "postgresql-15"),
    // For virtual environments.
    ("/usr/lib/python3.11/ensurepip/__init__.py", "python3.11-venv"),
    ("apache2", "apache2-bin"),
    ("bash", "bash"),
    ("busybox", "busybox-static"),
    ("catatonit", "catatonit"),
    ("cc", "gcc"),
    ("conmon", "conmon"),
    ("containerd", "containerd"),
    ("cp", "coreutils"),
    ("ctr", "containerd"),
    ("dash", "dash"),
    ("dnsmasq", "dnsmasq-base"),
    ("docker", "docker.io"),
    ("dockerd", "docker.io"),
    ("dumb-init", "dumb-init"),
    ("grep", "grep"),
    ("gunicorn", "gunicorn"),
    ("gzip", "gzip"),
    ("haproxy", "haproxy"),
    ("java", "default-jre-headless"),
    ("lighttpd", "lighttpd"),
    ("logrotate", "logrotate"),
    ("make", "make"),
    ("memcached", "memcached"),
    ("mosquitto", "mosquitto"),
    ("nginx", "nginx"),
    ("node", "nodejs"),
    ("nsenter", "util-linux"),
    ("perl", "perl"),
    ("php", "php-cli"),
    ("php-fpm8.2", "php8.2-fpm"),
    ("podman", "podman"),
    ("prlimit", "util-linux"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("puma", "puma"),
    ("python3", "python3"),
    ("redis-server", "redis-server"),
    ("rsyslogd", "rsyslog"),
    ("ruby", "ruby"),
    ("runc", "runc"),
    ("setpriv", "util-linux"),
    ("sleep", "coreutils"),
    ("supervisord", "supervisor"),
    ("systemd-analyze", "systemd"),
    ("tar", "tar"),
    ("timeout", "coreutils"),
    ("tini", "tini"),
    ("unshare", "util-linux"),
    ("zstd", "zstd"),
];

/// What packages ask before they start the services that they bring.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const OUR_POLICY: &[u8] =
    b"#!/bin/sh\n# Of `cargo xtask test`, while it installs packages.\nexit 101\n";

/// Installs what is missing, builds the program under test, and runs all tests.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(root);
    install(&shell)?;
    Tools::find_or_install()?;
    // What the tests take from a folder, and what is committed of it.
    manifests::run(root, true)?;
    image::run(root, None, None)?;
    // `cargo test` builds no program of another package than the test's own.
    cmd!(shell, "cargo build --package signal-trace --bins").run().context("cannot build it")?;
    cmd!(shell, "cargo test --workspace --no-fail-fast").run().context("a test failed")?;
    // The tests above are of the build that users get by default.
    cmd!(shell, "cargo test --package signal-trace --features kube --lib enrich")
        .run()
        .context("a test with the Kubernetes API failed")
}

/// The tests, and the lab, cannot do without.
pub fn must_be_root() -> anyhow::Result<()> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    ensure!(is_root, "the tests load eBPF programs and make cgroups: run this as root");
    Ok(())
}

/// Installs what the tests, and the lab's systems, need of Debian's packages.
pub fn install(shell: &Shell) -> anyhow::Result<()> {
    must_be_root()?;
    install_missing(shell, &[NEEDED, lab::NEEDED].concat())?;
    lab::compose::find_or_fetch(shell)
}

/// Installs the packages of those of these programs, or files, that are not there.
pub fn install_missing(shell: &Shell, needed: &[(&str, &str)]) -> anyhow::Result<()> {
    let missing: BTreeSet<_> =
        needed.iter().filter(|(name, _)| !is_installed(name)).map(|(_, package)| package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.into_iter().copied().collect();
    let list = names.join(", ");
    say(&format!("installing {list}"));
    ensure!(is_installed("apt-get"), "there is no apt-get here: install what holds {list} by hand");
    let _policy = NoServices::begin(Path::new(POLICY))?;
    cmd!(shell, "apt-get update --quiet").run().context("cannot read the package lists")?;
    cmd!(shell, "apt-get install --yes --quiet --no-install-recommends {names...}")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
        .with_context(|| format!("cannot install {list}"))
}

/// A path; or a name in `PATH`, or where only root's programs are.
fn is_installed(name: &str) -> bool {
    if name.starts_with('/') {
        return Path::new(name).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).any(|folder| folder.join(name).is_file())
}

/// Forbids packages to start services, as long as it lives. A machine that has a policy of its own
/// keeps that.
struct NoServices {
    policy: PathBuf,
    ours: bool,
}

impl NoServices {
    fn begin(path: &Path) -> anyhow::Result<Self> {
        let policy = path.to_owned();
        // One of ours is left when a run was killed meanwhile.
        if fs::read(path).is_ok_and(|text| text == OUR_POLICY) {
            return Ok(Self { policy, ours: true });
        }
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path);
        let failed = || format!("cannot write {}", path.display());
        match file {
            Ok(mut file) => {
                // Removed also if this fails.
                let begun = Self { policy, ours: true };
                file.write_all(OUR_POLICY).with_context(failed)?;
                Ok(begun)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Ok(Self { policy, ours: false })
            }
            Err(error) => Err(error).with_context(failed),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(&self.policy)
        {
            say(&format!("remove {} by hand: {error}", self.policy.display()));
        }
    }
}

#[expect(clippy::print_stderr, reason = "a task tells its user what it does")]
fn say(message: &str) {
    eprintln!("test: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_goes_away_unless_it_is_the_machines_own() {
        let path = std::env::temp_dir().join(format!("st-policy-{}", std::process::id()));
        let policy = NoServices::begin(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), OUR_POLICY);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o100, 0o100, "it can be run");
        // As if this run had been killed: the next one removes it.
        std::mem::forget(policy);
        drop(NoServices::begin(&path).unwrap());
        assert!(!path.exists());

        fs::write(&path, "of the machine").unwrap();
        drop(NoServices::begin(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "of the machine");
        fs::remove_file(&path).unwrap();
    }
}
