//! Files that hold what a rendering must be, rewritten by one switch: `BLESS=1`.

use std::{env, fs, path::Path};

/// Panics unless `actual` is the content of `file` (relative to this package). With the environment
/// variable `BLESS` set, writes it there: look at the difference before you commit it.
#[track_caller]
pub fn check(file: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == golden,
        "{file} is not what it should be; if the new one is right, run this test with BLESS=1\n\
         --- {file}\n{golden}\n--- now\n{actual}"
    );
}
