//! Makes the container image: a static binary and two licences, in an archive that every engine
//! loads. No builder, base image or registry is needed.

mod layout;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use xshell::{Cmd, Shell, cmd};

use self::layout::{File, Image};
use crate::ebpf;

/// What it is called unless told otherwise. No engine asks a registry for names that begin so.
const NAME: &str = concat!("localhost/signal-trace:", env!("CARGO_PKG_VERSION"));
/// Where the binary is in the image.
const PROGRAM: &str = "usr/bin/signal-trace";

/// Builds it, and writes the archive.
pub fn run(root: &Path, output: Option<PathBuf>, name: Option<String>) -> anyhow::Result<()> {
    let name = name.unwrap_or_else(|| NAME.to_owned());
    let output = output.unwrap_or_else(|| root.join("target/image/signal-trace.tar"));
    let binary = build(root)?;
    let mut files = vec![File { path: PROGRAM.into(), mode: 0o755, content: binary }];
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        let path = root.join(licence);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let path = format!("usr/share/doc/signal-trace/{licence}");
        files.push(File { path, mode: 0o644, content });
    }
    let image = Image {
        name: &name,
        version: env!("CARGO_PKG_VERSION"),
        entrypoint: &[&format!("/{PROGRAM}")],
        command: &["daemon"],
        files: &files,
    };
    let archive = image.archive()?;
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(&output, &archive).with_context(|| format!("cannot write {}", output.display()))?;
    let digest = layout::sha256(&archive);
    say(&format!("{name}: {}, {} bytes, sha256 {digest}", output.display(), archive.len()));
    Ok(())
}

/// The binary, without a dynamic linker: nothing else has to be in the image.
pub fn build(root: &Path) -> anyhow::Result<Vec<u8>> {
    let folder = root.join("target/static");
    let what = ["--release", "--package", "signal-trace", "--features", "kube"];
    let path = build_static(root, &folder, &what)?.join("release/signal-trace");
    let binary = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        !names_a_dynamic_linker(&binary),
        "{} needs a dynamic linker, and the image has none: is `+crt-static` still a flag?",
        path.display()
    );
    Ok(binary)
}

/// Builds programs that need no dynamic linker, in a folder of their own: other flags would make
/// cargo build everything anew. Returns the folder that has one for each profile.
pub fn build_static(root: &Path, folder: &Path, what: &[&str]) -> anyhow::Result<PathBuf> {
    let shell = Shell::new()?;
    shell.change_dir(root);
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    // Named also where it is the machine's own: without `--target` the flags would be those of
    // procedural macros, too.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let build =
        cmd!(shell, "{cargo} build --locked {what...} --target {target} --target-dir {folder}");
    // Settings of the calling cargo and of the user must not reach the programs.
    ebpf::foreign_settings()
        .fold(build, Cmd::env_remove)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(root)?.join("\u{1f}"))
        .run()
        .context("cannot build the binary; the compiler's message is above")?;
    Ok(folder.join(target))
}

/// The second and third keep the paths of this machine out of it.
fn flags(root: &Path) -> anyhow::Result<Vec<String>> {
    let cargo_home = ebpf::cargo_home()?;
    Ok(vec![
        "-C".to_owned(),
        "target-feature=+crt-static".to_owned(),
        format!("--remap-path-prefix={}=/build", root.display()),
        format!("--remap-path-prefix={}=/cargo", cargo_home.display()),
    ])
}

/// Whether the program headers of a 64-bit little-endian ELF file have a `PT_INTERP`.
fn names_a_dynamic_linker(elf: &[u8]) -> bool {
    const PT_INTERP: u64 = 3;
    let number = |at: usize, bytes: usize| -> Option<u64> {
        let field = elf.get(at..at.checked_add(bytes)?)?;
        Some(field.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let header = || {
        let start = usize::try_from(number(32, 8)?).ok()?;
        let size = usize::try_from(number(54, 2)?).ok()?;
        let count = usize::try_from(number(56, 2)?).ok()?;
        Some((start, size, count))
    };
    // What cannot be read is no static binary either.
    let Some((start, size, count)) = header() else { return true };
    (0..count).any(|n| number(start + n * size, 4).is_none_or(|kind| kind == PT_INTERP))
}

#[expect(clippy::print_stderr, reason = "a task tells its user what it did")]
fn say(message: &str) {
    eprintln!("image: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamic_binaries_are_told_from_static_ones() {
        // This test itself is linked dynamically.
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(names_a_dynamic_linker(&own));
        let mut elf = vec![0; 64 + 56];
        (elf[32], elf[54], elf[56]) = (64, 56, 1);
        elf[64] = 1;
        assert!(!names_a_dynamic_linker(&elf));
        elf[64] = 3;
        assert!(names_a_dynamic_linker(&elf));
        assert!(names_a_dynamic_linker(b"no ELF"));
    }
}
