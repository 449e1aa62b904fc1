//! A temporary folder that goes away with its owner.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// Only root can look into it.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one.
    pub fn new() -> Self {
        use std::os::unix::fs::DirBuilderExt as _;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("st-test-{}-{count}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path).expect("a folder in the temporary one");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A failed test matters more than what it leaves in the temporary folder.
        let _removed = fs::remove_dir_all(&self.0);
    }
}
