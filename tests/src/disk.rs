//! Disks for the tests: file systems in memory that are small, full or read-only.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

const FLAGS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// A tmpfs over a folder; unmounted when it is dropped, so it must be dropped before the folder.
#[derive(Debug)]
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one of that size over `path`, which is made if it is not there.
    pub fn mount(path: PathBuf, kib: u64) -> Self {
        fs::create_dir_all(&path).expect("the folder is ours");
        let options = format!("size={kib}k,mode=0700");
        mount(Some("st-test"), &path, Some("tmpfs"), FLAGS, Some(&*options))
            .unwrap_or_else(|error| panic!("cannot mount a tmpfs: {error} (the tests need root)"));
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it read-only, or writable again; nobody may have a file open for writing.
    pub fn set_read_only(&self, read_only: bool) {
        let mut flags = FLAGS | MsFlags::MS_REMOUNT;
        flags.set(MsFlags::MS_RDONLY, read_only);
        let changed = mount(None::<&str>, &self.0, None::<&str>, flags, None::<&str>);
        changed.unwrap_or_else(|error| panic!("cannot remount {}: {error}", self.0.display()));
    }

    /// Fills it to the last byte with a file.
    pub fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).expect("the disk is ours");
        for length in [4096, 1] {
            let part = vec![b'x'; length];
            loop {
                match filler.write(&part) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{}: {error}", self.0.display()),
                }
            }
        }
    }

    /// Makes room again.
    pub fn free(&self) {
        fs::remove_file(self.0.join("filler")).expect("it was filled");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _unmounted = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}
