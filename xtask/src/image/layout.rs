//! The archive of an image: an OCI image layout (image-spec 1.0), with the `manifest.json` beside
//! it that `docker load` wants before Docker 25. The same files give the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// One regular file, owned by root.
pub struct File {
    /// Without a leading `/`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub content: Vec<u8>,
}

/// What becomes an archive.
pub struct Image<'a> {
    /// `HOST/NAME:TAG`.
    pub name: &'a str,
    /// Of the program.
    pub version: &'a str,
    /// What a container runs.
    pub entrypoint: &'a [&'a str],
    /// Its arguments, unless others are given.
    pub command: &'a [&'a str],
    /// All that is in it.
    pub files: &'a [File],
}

/// No time is told: it would differ each time.
const CREATED: &str = "1970-01-01T00:00:00Z";
const DESCRIPTION: &str = "Shows what happened to every process that was asked to stop: who sent \
    which signal, what the target did with it, and why it was killed";

impl Image<'_> {
    /// The whole archive.
    pub fn archive(&self) -> anyhow::Result<Vec<u8>> {
        let layer = self.layer()?;
        let layer_digest = sha256(&layer);
        let config = self.config(&layer_digest).to_string().into_bytes();
        let config_digest = sha256(&config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": format!("sha256:{config_digest}"),
                "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": format!("sha256:{layer_digest}"),
                "size": layer.len(),
            }],
            "annotations": self.labels(),
        });
        let manifest = manifest.to_string().into_bytes();
        let manifest_digest = sha256(&manifest);
        let index = self.index(&manifest_digest, manifest.len());
        let docker = json!([{
            "Config": blob(&config_digest),
            "RepoTags": [self.name],
            "Layers": [blob(&layer_digest)],
        }]);
        let files = BTreeMap::from([
            (blob(&config_digest), config),
            (blob(&layer_digest), layer),
            (blob(&manifest_digest), manifest),
            ("index.json".to_owned(), index.to_string().into_bytes()),
            ("manifest.json".to_owned(), docker.to_string().into_bytes()),
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ]);
        pack(files.iter().map(|(path, content)| (path.as_str(), 0o644, content.as_slice())))
    }

    fn layer(&self) -> anyhow::Result<Vec<u8>> {
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        pack(files.iter().map(|file| (file.path.as_str(), file.mode, file.content.as_slice())))
    }

    fn config(&self, layer_digest: &str) -> Value {
        json!({
            "architecture": architecture(),
            "os": "linux",
            "created": CREATED,
            "config": {
                "Entrypoint": self.entrypoint,
                "Cmd": self.command,
                // Capabilities are those of root: others get none of them at exec.
                "User": "0:0",
                "StopSignal": "SIGTERM",
                "Labels": self.labels(),
            },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
            "history": [{ "created": CREATED, "created_by": "cargo xtask image" }],
        })
    }

    /// Annotations by the image-spec's names.
    fn labels(&self) -> Value {
        json!({
            "org.opencontainers.image.title": "signal-trace",
            "org.opencontainers.image.description": DESCRIPTION,
            "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            "org.opencontainers.image.version": self.version,
        })
    }

    fn index(&self, manifest_digest: &str, manifest_size: usize) -> Value {
        let tag = self.name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": format!("sha256:{manifest_digest}"),
                "size": manifest_size,
                "platform": { "architecture": architecture(), "os": "linux" },
                "annotations": {
                    // What containerd calls it; the other is for everybody else.
                    "io.containerd.image.name": self.name,
                    "org.opencontainers.image.ref.name": tag,
                },
            }],
        })
    }
}

/// A tar archive of regular files (path, mode, content) and the folders that they are in.
fn pack<'a>(files: impl Iterator<Item = (&'a str, u32, &'a [u8])>) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut folders = BTreeSet::new();
    for (path, mode, content) in files {
        for (end, _) in path.match_indices('/') {
            if folders.insert(&path[..end]) {
                let mut header = header(tar::EntryType::Directory, 0o755, 0);
                archive
                    .append_data(&mut header, format!("{}/", &path[..end]), [].as_slice())
                    .with_context(|| format!("cannot archive the folder of {path}"))?;
            }
        }
        let mut header = header(tar::EntryType::Regular, mode, content.len() as u64);
        archive
            .append_data(&mut header, path, content)
            .with_context(|| format!("cannot archive {path}"))?;
    }
    archive.into_inner().context("cannot finish an archive")
}

fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn blob(digest: &str) -> String {
    format!("blobs/sha256/{digest}")
}

/// In hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// As images spell it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn image(files: &[File]) -> Vec<u8> {
        let image = Image {
            name: "localhost/st:1",
            version: "1",
            entrypoint: &["/bin/st"],
            command: &["daemon"],
            files,
        };
        image.archive().unwrap()
    }

    fn file(path: &str, content: &str) -> File {
        File { path: path.to_owned(), mode: 0o755, content: content.as_bytes().to_vec() }
    }

    fn read(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().mtime().unwrap(), 0);
            assert_eq!(entry.header().uid().unwrap(), 0);
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(entry.path().unwrap().display().to_string(), content);
        }
        files
    }

    #[test]
    fn same_files_in_any_order_give_the_same_bytes() {
        let one = image(&[file("bin/st", "program"), file("LICENCE", "text")]);
        let other = image(&[file("LICENCE", "text"), file("bin/st", "program")]);
        assert_eq!(one, other);
        assert_ne!(one, image(&[file("bin/st", "another"), file("LICENCE", "text")]));
    }

    #[test]
    fn every_reference_leads_to_a_blob_with_that_digest() {
        let files = read(&image(&[file("bin/st", "program")]));
        let parse = |name: &str| -> Value { serde_json::from_slice(&files[name]).unwrap() };
        let follow = |digest: &Value| {
            let digest = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
            assert_eq!(sha256(&files[&blob(digest)]), digest);
            blob(digest)
        };
        let manifest = parse(&follow(&parse("index.json")["manifests"][0]["digest"]));
        let config = follow(&manifest["config"]["digest"]);
        let layer = follow(&manifest["layers"][0]["digest"]);
        assert_eq!(follow(&parse(&config)["rootfs"]["diff_ids"][0]), layer);
        let docker = parse("manifest.json");
        assert_eq!(docker[0]["Config"], config);
        assert_eq!(docker[0]["Layers"][0], layer);
        let layer = read(&files[&layer]);
        assert_eq!(layer.keys().collect::<Vec<_>>(), ["bin/", "bin/st"]);
        assert_eq!(layer["bin/st"], b"program");
    }
}
