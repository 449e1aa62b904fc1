//! The file beside the eBPF object that says what it was made from and with.

use std::{
    fmt::{self, Write as _},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::toolchain::{self, Toolchain};

/// The content of the sidecar.
#[derive(Debug, Deserialize, Serialize)]
pub struct Sidecar {
    pub object_sha256: String,
    pub sources_sha256: String,
    pub toolchain: Versions,
    pub flags: Vec<String>,
}

/// The versions on which the bytes of the object depend.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Versions {
    pub rustc: String,
    pub bpf_core: String,
    pub bpf_linker: String,
    pub llvm: String,
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rustc, bpf_core, bpf_linker, llvm } = self;
        write!(f, "{{{rustc}, bpf core {bpf_core}, {bpf_linker}, LLVM {llvm}}}")
    }
}

impl Sidecar {
    /// The sidecar of an object that was just built.
    pub fn of(root: &Path, object: &[u8], toolchain: &Toolchain) -> anyhow::Result<Self> {
        Ok(Self {
            object_sha256: sha256(object),
            sources_sha256: sources_sha256(root)?,
            toolchain: toolchain.versions.clone(),
            flags: toolchain::portable_flags(),
        })
    }

    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read(path).with_context(|| {
            format!("cannot read {}: run `cargo xtask ebpf` to make it", path.display())
        })?;
        serde_json::from_slice(&text).with_context(|| {
            format!("{} is not valid: run `cargo xtask ebpf` to make it anew", path.display())
        })
    }

    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// One hash over the names and contents of everything that the object is made from.
pub fn sources_sha256(root: &Path) -> anyhow::Result<String> {
    let mut files = vec![
        PathBuf::from("signal-trace-ebpf/Cargo.toml"),
        PathBuf::from("signal-trace-ebpf/Cargo.lock"),
    ];
    for folder in ["signal-trace-ebpf/src", "signal-trace-common/src"] {
        collect(root, Path::new(folder), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let path = root.join(&file);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // The lengths keep one file's end and the next one's name apart.
        let name = file.to_str().context("a source file's name is not UTF-8")?;
        hash.update(format!("{} {name} {}\n", name.len(), content.len()));
        hash.update(&content);
    }
    Ok(hex(&hash.finalize()))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let path = root.join(folder);
    for entry in fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))? {
        let entry = entry?;
        let name = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &name, files)?;
        } else if name.extension().is_some_and(|extension| extension == "rs") {
            files.push(name);
        }
    }
    Ok(())
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
