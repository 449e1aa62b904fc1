//! Images that every engine can load, made here so that no registry is needed.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{folder::Folder, programs};

/// Busybox, and what a container needs around it.
pub const BUSYBOX: &str = "st-test.local/busybox:1";
/// The same, with `STOPSIGNAL SIGUSR1`.
pub const USR1: &str = "st-test.local/usr1:1";
/// What holds the namespaces of a pod.
pub const PAUSE: &str = "st-test.local/pause:1";
/// The node's own `/usr`, to be mounted there.
pub const HOST: &str = "st-test.local/host:1";

/// A root file system of busybox alone.
pub fn busybox_root(folder: &Folder) -> PathBuf {
    let root = folder.file("rootfs");
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        fs::create_dir_all(root.join(name)).expect("the folder is ours");
    }
    let busybox = programs::system("busybox", "busybox-static");
    fs::copy(&busybox, root.join("bin/busybox")).expect("busybox can be copied");
    let list = Command::new(&busybox).arg("--list").output().expect("busybox runs").stdout;
    for applet in String::from_utf8_lossy(&list).lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(applet)).expect("the folder is ours");
    }
    root
}

/// An archive with [`BUSYBOX`] and [`USR1`], as `docker save` writes it: every engine reads that.
pub fn busybox(folder: &Folder) -> PathBuf {
    let root = busybox_root(folder);
    let config = json!({ "Env": ["PATH=/bin"] });
    let usr1 = json!({ "Env": ["PATH=/bin"], "StopSignal": "SIGUSR1" });
    archive(folder, "busybox", &root, &[(BUSYBOX, config), (USR1, usr1)])
}

/// An archive with [`PAUSE`]: catatonit, which does the same.
pub fn pause(folder: &Folder) -> PathBuf {
    pause_of(folder, &programs::system("catatonit", "catatonit"), &["/pause", "-P"])
}

/// The same, of a program that waits, reaps, and needs nothing else of the file system.
pub fn pause_of(folder: &Folder, program: &Path, entrypoint: &[&str]) -> PathBuf {
    let root = folder.file("pause-rootfs");
    fs::create_dir(&root).expect("the folder is ours");
    fs::copy(program, root.join("pause")).expect("it can be copied");
    archive(folder, "pause", &root, &[(PAUSE, json!({ "Entrypoint": entrypoint }))])
}

/// A root file system of links into `/usr`, and the little of `/etc` that programs need; the node's
/// own `/usr` has to be mounted there. For [`HOST`].
pub fn host_root(folder: &Folder) -> PathBuf {
    let root = folder.file("host-rootfs");
    // `docker run --init` puts its program into `sbin`, which is not to be in the node's `/usr`.
    let folders =
        ["usr", "etc", "proc", "sys", "dev", "tmp", "run", "root", "sbin", "var/log", "var/lib"];
    for name in folders {
        fs::create_dir_all(root.join(name)).expect("the folder is ours");
    }
    for name in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name)).expect("the folder is ours");
    }
    for name in ["passwd", "group", "ld.so.conf", "ld.so.cache"] {
        fs::copy(Path::new("/etc").join(name), root.join("etc").join(name))
            .unwrap_or_else(|error| panic!("/etc/{name}: {error}"));
    }
    root
}

/// An archive with a root file system under several names, each with a configuration of its own.
pub fn archive(folder: &Folder, name: &str, root: &Path, images: &[(&str, Value)]) -> PathBuf {
    let parts = folder.file(&format!("{name}-parts"));
    fs::create_dir(&parts).expect("the folder is ours");
    pack(root, &["."], &parts.join("layer.tar"));
    let layer = fs::read(parts.join("layer.tar")).expect("it was just made");
    let layer = format!("sha256:{:x}", Sha256::digest(layer));
    let mut manifest = Vec::new();
    for (tag, config) in images {
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": config,
            "rootfs": { "type": "layers", "diff_ids": [layer] },
            "history": [{ "created": "1970-01-01T00:00:00Z" }],
        });
        let text = config.to_string();
        let file = format!("{:x}.json", Sha256::digest(&text));
        fs::write(parts.join(&file), text).expect("the folder is ours");
        manifest.push(json!({ "Config": file, "RepoTags": [tag], "Layers": ["layer.tar"] }));
    }
    fs::write(parts.join("manifest.json"), Value::from(manifest).to_string())
        .expect("the folder is ours");
    let archive = folder.file(&format!("{name}.tar"));
    pack(&parts, &["."], &archive);
    archive
}

fn pack(folder: &Path, names: &[&str], archive: &Path) {
    let packed = Command::new(programs::system("tar", "tar"))
        .arg("-C")
        .arg(folder)
        .arg("-cf")
        .arg(archive)
        .args(names)
        .status()
        .expect("tar can start");
    assert!(packed.success(), "tar: {packed}");
}

/// As images spell it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
