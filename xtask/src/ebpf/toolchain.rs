//! Finds or installs the pinned toolchain of the eBPF object.
//!
//! Debian ships a compiler with a prebuilt `core` for BPF, so that neither a nightly compiler nor
//! `-Zbuild-std` is needed. bpf-linker only needs that compiler's shared LLVM library, which it
//! is shown through a folder with one symbolic link.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use xshell::{Shell, cmd};

use super::sidecar::Versions;

pub const RUSTC: &str = "/usr/bin/rustc";
const LINKER_VERSION: &str = "0.13.0";
/// The package with the LLVM that `rustc-web` uses; bpf-linker's must not be older.
const LLVM_PACKAGE: &str = "libllvm22";
const LLVM_FEATURE: &str = "llvm-22";
const PACKAGES: [&str; 4] = ["rustc-web", "libstd-rust-web-dev-bpf", "gcc", "libc6-dev"];

/// The only crate that needs an unstable feature (`asm_experimental_arch`).
pub const BOOTSTRAP: &str = "aya_ebpf";
/// Whose registers `pt_regs` is; the programs do not use it, so one object serves all machines.
pub const REGISTERS: &str = "x86_64";

/// Where the parts of the toolchain are, and which versions they have.
pub struct Toolchain {
    pub rustc: PathBuf,
    pub versions: Versions,
    linker_folder: PathBuf,
}

impl Toolchain {
    /// `PATH` with bpf-linker first: the flag must name it without its folder, or the object
    /// would depend on that.
    pub fn path(&self) -> anyhow::Result<OsString> {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let folders = [self.linker_folder.clone()].into_iter();
        std::env::join_paths(folders.chain(std::env::split_paths(&inherited)))
            .context("a folder in PATH has a colon in its name")
    }
}

/// The compiler flags.
pub fn flags(root: &Path) -> anyhow::Result<Vec<String>> {
    let cargo_home = cargo_home()?;
    let mut flags = portable_flags();
    // Two paths that say where the build ran; they must not get into the object.
    flags.push(format!("--remap-path-prefix={}=/signal-trace", root.display()));
    flags.push(format!("--remap-path-prefix={}=/cargo", cargo_home.display()));
    Ok(flags)
}

/// Where cargo keeps the sources of crates.
pub fn cargo_home() -> anyhow::Result<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("neither CARGO_HOME nor HOME is set: set one of them")
}

/// The flags that are the same on every machine.
pub fn portable_flags() -> Vec<String> {
    vec!["-Clinker=bpf-linker".to_owned(), "-Cdebuginfo=0".to_owned()]
}

/// Installs what is missing and says what there is.
pub fn find_or_install() -> anyhow::Result<Toolchain> {
    let shell = Shell::new()?;
    if !has_compiler(&shell) {
        install_packages(&shell)?;
        ensure!(
            has_compiler(&shell),
            "{RUSTC} has no `core` for BPF, though {} are installed: look at \
             `{RUSTC} --print target-libdir --target bpfel-unknown-none`",
            PACKAGES.join(", ")
        );
    }
    let cache = cache_folder()?;
    let linker_folder = cache.join("tools/bin");
    let linker = linker_folder.join("bpf-linker");
    let wanted = format!("bpf-linker {LINKER_VERSION}");
    if version_of(&shell, &linker).as_deref() != Some(&wanted) {
        install_linker(&shell, &cache)?;
    }
    let bpf_linker = version_of(&shell, &linker)
        .with_context(|| format!("{} does not start: remove it and try again", linker.display()))?;
    let rustc = version_of(&shell, Path::new(RUSTC))
        .with_context(|| format!("{RUSTC} does not start: reinstall rustc-web"))?;
    Ok(Toolchain {
        rustc: PathBuf::from(RUSTC),
        versions: Versions {
            rustc: format!("{rustc}, package {}", package_version(&shell, "rustc-web")?),
            bpf_core: package_version(&shell, "libstd-rust-web-dev-bpf")?,
            bpf_linker,
            llvm: package_version(&shell, LLVM_PACKAGE)?,
        },
        linker_folder,
    })
}

fn has_compiler(shell: &Shell) -> bool {
    cmd!(shell, "{RUSTC} --print target-libdir --target bpfel-unknown-none")
        .quiet()
        .ignore_stderr()
        .read()
        .is_ok_and(|folder| Path::new(&folder).is_dir())
}

fn version_of(shell: &Shell, program: &Path) -> Option<String> {
    cmd!(shell, "{program} --version").quiet().ignore_stderr().read().ok()
}

fn package_version(shell: &Shell, package: &str) -> anyhow::Result<String> {
    let format = "${Version}";
    cmd!(shell, "dpkg-query -W -f {format} {package}").quiet().read().with_context(|| {
        format!("cannot tell the version of package {package}: is this Debian with {RUSTC} of it?")
    })
}

fn install_packages(shell: &Shell) -> anyhow::Result<()> {
    let packages = PACKAGES;
    let wanted = packages.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "the eBPF object is built with Debian's packages {wanted}, and there is no apt-get \
             here: build it in a Debian 12 container or machine"
        );
    }
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    ensure!(
        is_root,
        "the packages {wanted} are missing and only root can install them: run `apt-get install \
         --no-install-recommends {wanted}` as root"
    );
    cmd!(shell, "apt-get update").run().context("cannot read the package lists")?;
    cmd!(shell, "apt-get install --yes --no-install-recommends {packages...}")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
        .with_context(|| {
            format!(
                "cannot install {wanted}: they are in Debian 12's security archive, is that among \
                 the package sources?"
            )
        })
}

fn install_linker(shell: &Shell, cache: &Path) -> anyhow::Result<()> {
    let files = cmd!(shell, "dpkg-query -L {LLVM_PACKAGE}").quiet().read().with_context(|| {
        format!("cannot find the files of package {LLVM_PACKAGE}, which rustc-web brings")
    })?;
    let library = files
        .lines()
        .find(|file| file.contains("/libLLVM.so."))
        .with_context(|| format!("package {LLVM_PACKAGE} holds no libLLVM.so"))?;
    let prefix = cache.join("llvm");
    let link = prefix.join("lib/libLLVM.so");
    fs::create_dir_all(prefix.join("lib"))
        .with_context(|| format!("cannot create {}", prefix.display()))?;
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).with_context(|| format!("cannot replace {}", link.display()))?;
    }
    symlink(library, &link).with_context(|| format!("cannot create {}", link.display()))?;

    let tools = cache.join("tools");
    cmd!(shell, "cargo install bpf-linker --version {LINKER_VERSION} --locked --force")
        .args(["--no-default-features", "--features", LLVM_FEATURE, "--root"])
        .arg(tools)
        .env("LLVM_PREFIX", &prefix)
        .run()
        .context("cannot install bpf-linker; cargo's message is above")
}

/// `~/.cache/signal-trace`.
fn cache_folder() -> anyhow::Result<PathBuf> {
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .map(|cache| cache.join("signal-trace"))
        .context("neither XDG_CACHE_HOME nor HOME is set: set one of them")
}
