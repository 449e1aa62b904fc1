//! What the tests read off the kernel's records in a recording (`signal_trace_common::wire`).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

/// Where the kind of a record is in its header, and the value that says that a cgroup was made.
const KIND: usize = 16;
const CGROUP_MKDIR: u32 = 8;
/// Behind the header: the ids of the new cgroup, the length of its path, and that.
const MADE_V2_ID: usize = 24;
const MADE_PATH_LENGTH: usize = MADE_V2_ID + 16;
const MADE_PATH: usize = MADE_PATH_LENGTH + 8;
/// Where the ids of its process' cgroup are in any other record: behind the header and two times.
const V2_ID: usize = 24 + 16;

/// The record of an `input` line; `None` if it is another input.
pub fn of(input: &Value) -> Option<Vec<u8>> {
    input["frame"].as_str().map(|text| BASE64_STANDARD.decode(text).expect("frames are base64"))
}

/// Key and path of the cgroup that a record says was made.
pub fn made_cgroup(frame: &[u8]) -> Option<(String, String)> {
    if word(frame, KIND) != CGROUP_MKDIR {
        return None;
    }
    let length = usize::try_from(word(frame, MADE_PATH_LENGTH)).ok()?;
    let path = frame.get(MADE_PATH..MADE_PATH + length)?;
    Some((key(frame, MADE_V2_ID), String::from_utf8(path.to_vec()).ok()?))
}

/// Key of the cgroup that a record is about.
pub fn cgroup(frame: &[u8]) -> String {
    made_cgroup(frame).map_or_else(|| key(frame, V2_ID), |(key, _)| key)
}

fn key(frame: &[u8], at: usize) -> String {
    // 1 is the root of a hierarchy.
    match (long(frame, at), long(frame, at + 8)) {
        (v2, _) if v2 > 1 => format!("v2:{v2}"),
        (_, v1) if v1 > 1 => format!("v1:{v1}"),
        _ => "root".to_owned(),
    }
}

fn word(frame: &[u8], at: usize) -> u32 {
    let bytes = frame.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    u32::from_ne_bytes(bytes.unwrap_or_default())
}

fn long(frame: &[u8], at: usize) -> u64 {
    let bytes = frame.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    u64::from_ne_bytes(bytes.unwrap_or_default())
}
