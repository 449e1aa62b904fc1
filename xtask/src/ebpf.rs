//! Builds the committed eBPF object, and checks that it is what its source gives.
//!
//! Users build signal-trace with stable Rust alone, because the object is in the repository. This
//! is the one place that makes it: `docs/ebpf-object.md`.

mod sidecar;
mod toolchain;

pub use toolchain::{RUSTC, cargo_home};

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use xshell::{Cmd, Shell, cmd};

use self::{
    sidecar::{Sidecar, sha256},
    toolchain::Toolchain,
};

/// The object, relative to the root of the repository.
const OBJECT: &str = "signal-trace/ebpf/signal-trace.bpf.o";
/// What the object was made from and with.
const SIDECAR: &str = "signal-trace/ebpf/signal-trace.bpf.json";
const TARGET: &str = "bpfel-unknown-none";

/// Builds the object and its sidecar, ready to be committed.
pub fn build(root: &Path) -> anyhow::Result<()> {
    let toolchain = toolchain::find_or_install()?;
    let object = compile(root, &root.join("target/ebpf"), &toolchain)?;
    let sidecar = Sidecar::of(root, &object, &toolchain)?;
    let path = root.join(OBJECT);
    let folder = path.parent().context("the object has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(&path, &object).with_context(|| format!("cannot write {}", path.display()))?;
    sidecar.write(&root.join(SIDECAR))?;
    say(&format!("{OBJECT}: {} bytes, sha256 {}", object.len(), sidecar.object_sha256));
    Ok(())
}

/// Checks that the committed object belongs to the source and can be rebuilt byte for byte.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let object = committed(root)?;
    let toolchain = toolchain::find_or_install()?;
    let folder = root.join("target/ebpf-check");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let rebuilt = compile(root, &folder, &toolchain)?;
    if rebuilt == object {
        say(&format!("{OBJECT} is what the source gives, byte for byte"));
        return Ok(());
    }
    let recorded = Sidecar::read(&root.join(SIDECAR))?.toolchain;
    ensure!(
        recorded == toolchain.versions,
        "cannot compare {OBJECT} with a rebuild: the toolchain moved from {recorded} to {}: run \
         `cargo xtask ebpf` and commit",
        toolchain.versions
    );
    bail!(
        "{OBJECT} is not what the source gives, though the toolchain is the recorded one \
         (committed sha256 {}, rebuilt {}): run `cargo xtask ebpf`, and find out why before you \
         commit",
        sha256(&object),
        sha256(&rebuilt)
    );
}

/// Installs what is needed to build the object, unless it is there.
pub fn install_toolchain() -> anyhow::Result<()> {
    toolchain::find_or_install().map(|toolchain| say(&toolchain.versions.to_string()))
}

/// The committed object, once its hash and that of its sources are found to be the recorded ones.
/// This needs no toolchain.
fn committed(root: &Path) -> anyhow::Result<Vec<u8>> {
    let sidecar = Sidecar::read(&root.join(SIDECAR))?;
    let path = root.join(OBJECT);
    let object = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        sha256(&object) == sidecar.object_sha256,
        "{OBJECT} and {SIDECAR} do not belong together: run `cargo xtask ebpf` and commit both"
    );
    ensure!(
        sidecar::sources_sha256(root)? == sidecar.sources_sha256,
        "the eBPF sources have changed since {OBJECT} was built: run `cargo xtask ebpf` and commit"
    );
    inspect(&object)?;
    Ok(object)
}

fn compile(root: &Path, folder: &Path, toolchain: &Toolchain) -> anyhow::Result<Vec<u8>> {
    let shell = Shell::new()?;
    shell.change_dir(root.join("signal-trace-ebpf"));
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let build =
        cmd!(shell, "{cargo} build --release --locked --target {TARGET} --target-dir {folder}");
    // Settings of the calling cargo and of the user must not reach the object.
    foreign_settings()
        .fold(build, Cmd::env_remove)
        .env("PATH", toolchain.path()?)
        .env("RUSTC", &toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", toolchain::BOOTSTRAP)
        .env("AYA_BPF_TARGET_ARCH", toolchain::REGISTERS)
        .env("CARGO_ENCODED_RUSTFLAGS", toolchain::flags(root)?.join("\u{1f}"))
        .run()
        .context("cannot build the eBPF programs; the compiler's message is above")?;
    let path = folder.join(TARGET).join("release/signal-trace");
    let object = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    inspect(&object)?;
    Ok(object)
}

/// Variables that would change how cargo builds.
pub fn foreign_settings() -> impl Iterator<Item = String> {
    const PREFIXES: [&str; 3] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"];
    const NAMES: [&str; 3] = ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS"];
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| {
        NAMES.contains(&name.as_str()) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
}

/// Refuses an object that some kernel would refuse.
fn inspect(object: &[u8]) -> anyhow::Result<()> {
    let holds = |needle: &[u8]| object.windows(needle.len()).any(|window| window == needle);
    ensure!(
        !holds(b"panicking"),
        "a panic is left in the eBPF object, and the verifier refuses that: look for an index, a \
         division or an unwrap in what changed last"
    );
    ensure!(
        !holds(b".BTF\0"),
        "the eBPF object holds BTF, which old kernels refuse: build without debug information"
    );
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a task tells its user what it did")]
fn say(message: &str) {
    eprintln!("ebpf: {message}");
}
