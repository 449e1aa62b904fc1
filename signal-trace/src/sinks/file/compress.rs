//! Makes a zstd frame of a file, slowly.
//!
//! Measured with 64 MiB of our lines on two busy cores: level 1 takes 0.9 s and 1.4 MiB of memory
//! for a file of 13 %, level 3 takes 2.3 s and 3.6 MiB for the same 13 %. A delivery that waited so
//! long would cost lines under load, so it is done by a thread of its own (`tidy`), which also
//! rests between the parts: a node agent has a share of a CPU, and must not spend it on this.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    thread,
    time::Duration,
};

use zstd::Encoder;

const LEVEL: i32 = 1;
/// 512 KiB of what came before can be referred to: more makes no difference to lines like ours.
const WINDOW_LOG: u32 = 19;
const PART: usize = 256 << 10;
/// After each part, which takes about 4 ms.
const REST: Duration = Duration::from_millis(4);

/// Compresses all of `from` into `to`: one frame with the length and a checksum of the content, which
/// is on the disk when this returns. Before each part `go_on` is told how much was written so far,
/// bytes; if it says no, this returns false.
pub fn compress(
    mut from: &File,
    to: &File,
    mut go_on: impl FnMut(u64) -> bool,
) -> io::Result<bool> {
    let mut encoder = Encoder::new(to, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.set_pledged_src_size(Some(from.metadata()?.len()))?;
    let mut part = vec![0; PART];
    loop {
        if !go_on(to.metadata()?.len()) {
            return Ok(false);
        }
        let length = from.read(&mut part)?;
        if length == 0 {
            break;
        }
        encoder.write_all(&part[..length])?;
        thread::sleep(REST);
    }
    encoder.finish()?;
    to.sync_all()?;
    Ok(true)
}
