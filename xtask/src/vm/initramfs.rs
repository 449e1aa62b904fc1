//! Writes an initramfs: a `cpio` archive in the `newc` format, which the kernel unpacks at boot.
//!
//! Source: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// A program in it.
#[derive(Debug)]
pub struct File {
    /// From the root of the guest on, without a slash.
    pub path: &'static str,
    pub content: Vec<u8>,
}

/// These files, the folders that they are in, and empty ones to mount at.
pub fn archive(files: &[File]) -> Vec<u8> {
    const MOUNT_POINTS: [&str; 4] = ["dev", "proc", "sys", "tmp"];
    let around = files.iter().flat_map(|file| Path::new(file.path).ancestors().skip(1));
    let folders: BTreeSet<_> = around
        .filter_map(Path::to_str)
        .filter(|path| !path.is_empty())
        .chain(MOUNT_POINTS)
        .collect();
    let mut out = Vec::new();
    let mut number = 0;
    let mut add = |path: &str, mode, content: &[u8]| {
        number += 1;
        entry(&mut out, number, path, mode, content);
    };
    // Sorted: a folder comes before what is in it.
    for folder in folders {
        add(folder, FOLDER, &[]);
    }
    for file in files {
        add(file.path, PROGRAM, &file.content);
    }
    add("TRAILER!!!", 0, &[]);
    out
}

fn entry(out: &mut Vec<u8>, number: usize, path: &str, mode: u32, content: &[u8]) {
    let mode = usize::try_from(mode).unwrap_or_default();
    // Inode, mode, uid, gid, links, time, size, device and special device (major and minor),
    // length of the name with its NUL, checksum (none in this format).
    let fields = [number, mode, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, path.len() + 1, 0];
    let mut header = String::from("070701");
    for field in fields {
        // Writing to a string cannot fail.
        let _written = write!(header, "{field:08x}");
    }
    out.extend(header.as_bytes());
    out.extend(path.as_bytes());
    out.push(0);
    pad(out);
    out.extend(content);
    pad(out);
}

/// Names and contents end at a multiple of four.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_padded_and_folders_come_first() {
        let files = [
            File { path: "st/deps/init", content: b"12345".to_vec() },
            File { path: "st/proc", content: vec![] },
        ];
        let archive = archive(&files);
        assert_eq!(archive.len() % 4, 0);
        let names = names(&archive);
        let wanted =
            ["dev", "proc", "st", "st/deps", "sys", "tmp", "st/deps/init", "st/proc", "TRAILER!!!"];
        assert_eq!(names, wanted);
    }

    /// As the kernel reads it.
    fn names(mut rest: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        while !rest.is_empty() {
            assert_eq!(&rest[..6], b"070701");
            let field = |n: usize| {
                let text = std::str::from_utf8(&rest[6 + n * 8..14 + n * 8]).unwrap();
                usize::from_str_radix(text, 16).unwrap()
            };
            let (content, name) = (field(6), field(11));
            names.push(String::from_utf8(rest[110..109 + name].to_vec()).unwrap());
            rest = &rest[(110 + name).next_multiple_of(4) + content.next_multiple_of(4)..];
        }
        names
    }
}
