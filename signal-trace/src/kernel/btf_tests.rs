//! Tests of the BTF reader: a hand-made blob, damaged ones, and the running kernel's.

use nix::sys::utsname::uname;
use proptest::prelude::*;

use super::{
    Argument::{Pointer, Value},
    Btf, BtfError, kind,
};

/// Writes BTF.
struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

impl Writer {
    /// Without types, and with the empty name at the start.
    fn new() -> Self {
        Self { types: Vec::new(), strings: vec![0], count: 0 }
    }

    fn text(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend_from_slice(text.as_bytes());
        self.strings.push(0);
        at
    }

    /// Adds a type with raw words behind it and returns its id.
    fn add(&mut self, name: &str, kind: u32, size_or_type: u32, rest: &[u32]) -> u32 {
        let name = self.text(name);
        self.push(&[name, kind << 24, size_or_type]);
        self.push(rest);
        self.count += 1;
        self.count
    }

    /// Adds a type with named entries: members (type, offset), enumerators (value), parameters.
    fn list(&mut self, name: &str, info: u32, size: u32, entries: &[(&str, &[u32])]) -> u32 {
        let name = self.text(name);
        self.push(&[name, info | u32::try_from(entries.len()).unwrap(), size]);
        for (entry, words) in entries {
            let entry = self.text(entry);
            self.push(&[entry]);
            self.push(words);
        }
        self.count += 1;
        self.count
    }

    fn push(&mut self, words: &[u32]) {
        self.types.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    }

    fn finish(self) -> Vec<u8> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let (types, strings) = (length(&self.types), length(&self.strings));
        let mut blob = 0xeb9f_u16.to_ne_bytes().to_vec();
        blob.extend_from_slice(&[1, 0]);
        blob.extend(
            [24, 0, types, types, strings].iter().flat_map(|word: &u32| word.to_ne_bytes()),
        );
        blob.extend_from_slice(&self.types);
        blob.extend_from_slice(&self.strings);
        blob
    }
}

const STRUCT: u32 = kind::STRUCT << 24;
const UNION: u32 = kind::UNION << 24;
/// Member offsets carry bit-field sizes.
const FLAG: u32 = 1 << 31;
/// One bit wide.
const BIT_FIELD: u32 = 1 << 24;

/// One type of every kind, in the shapes that the kernel's structures have.
fn sample() -> Vec<u8> {
    let mut blob = Writer::new();
    let int = blob.add("int", kind::INT, 4, &[32]);
    let pointer = blob.add("", kind::PTR, 0, &[]);
    blob.add("", kind::ARRAY, 0, &[int, int, 4]);
    blob.add("forward", kind::FWD, 0, &[]);
    blob.add("float", kind::FLOAT, 4, &[]);
    blob.add("function", kind::FUNC, 0, &[]);
    blob.add("variable", kind::VAR, int, &[0]);
    blob.add("tag", kind::DECL_TAG, int, &[0]);
    blob.list(".data", kind::DATASEC << 24, 4, &[("", &[int, 4])]);
    let inner = blob.list("inner", STRUCT, 8, &[("a", &[int, 0]), ("b", &[int, 32])]);
    let qualified = blob.add("", kind::CONST, inner, &[]);
    let qualified = blob.add("", kind::VOLATILE, qualified, &[]);
    let qualified = blob.add("", kind::RESTRICT, qualified, &[]);
    let qualified = blob.add("", kind::TYPE_TAG, qualified, &[]);
    let named = blob.add("inner_t", kind::TYPEDEF, qualified, &[]);
    let deep = blob.list("", STRUCT, 8, &[("skipped", &[int, 0]), ("deep", &[int, 32])]);
    let choice = blob.list("", UNION, 8, &[("x", &[int, 0]), ("", &[deep, 0])]);
    let members: &[(&str, &[u32])] = &[
        ("one", &[int, 0]),
        ("", &[choice, 32]),
        ("in", &[named, 96]),
        ("field", &[int, BIT_FIELD | 0xa0]),
        ("flag", &[int, BIT_FIELD | 0xa1]),
        ("plain", &[int, 192]),
    ];
    blob.list("outer", STRUCT | FLAG, 28, members);
    blob.list("old", STRUCT, 4, &[("crooked", &[int, 3])]);
    blob.list("pid_type", kind::ENUM << 24, 4, &[("PID", &[0]), ("PGID", &[2])]);
    blob.list("wide", kind::ENUM64 << 24, 8, &[("LOW", &[7, 0]), ("HIGH", &[8, 1])]);
    let prototype = blob.list(
        "",
        kind::FUNC_PROTO << 24,
        0,
        &[("", &[pointer]), ("sig", &[int]), ("task", &[pointer])],
    );
    let callback = blob.add("", kind::PTR, prototype, &[]);
    blob.add("btf_trace_signal", kind::TYPEDEF, callback, &[]);
    blob.add("btf_trace_wrong", kind::TYPEDEF, int, &[]);
    blob.finish()
}

fn offset(btf: &Btf, structure: &str, path: &str) -> Option<u32> {
    btf.structures(structure).find_map(|structure| btf.member(structure, path))
}

#[test]
fn members_are_found_by_path() {
    let btf = Btf::parse(sample()).unwrap();

    assert_eq!(offset(&btf, "outer", "one"), Some(0));
    assert_eq!(offset(&btf, "outer", "x"), Some(4));
    assert_eq!(offset(&btf, "outer", "deep"), Some(8), "behind two unnamed members");
    assert_eq!(offset(&btf, "outer", "in.b"), Some(16), "behind a typedef and qualifiers");
    assert_eq!(offset(&btf, "outer", "plain"), Some(24));
    assert_eq!(btf.structures("outer").next().and_then(|outer| btf.size(outer)), Some(28));
}

#[test]
fn what_has_no_clear_offset_is_not_found() {
    let btf = Btf::parse(sample()).unwrap();

    assert_eq!(offset(&btf, "outer", "field"), None, "a bit-field, though at a byte's start");
    assert_eq!(offset(&btf, "outer", "flag"), None);
    assert_eq!(offset(&btf, "old", "crooked"), None);
    assert_eq!(offset(&btf, "outer", "in.c"), None);
    assert_eq!(offset(&btf, "outer", "one.a"), None, "an int has no members");
    assert_eq!(offset(&btf, "outer", "on"), None);
    assert_eq!(offset(&btf, "out", "one"), None);
    assert_eq!(offset(&btf, "int", "one"), None);
}

#[test]
fn enumerators_and_prototypes_are_found() {
    let btf = Btf::parse(sample()).unwrap();

    assert_eq!(btf.enumerator("pid_type", "PGID"), Some(2));
    assert_eq!(btf.enumerator("wide", "HIGH"), Some(8));
    assert_eq!(btf.enumerator("pid_type", "HIGH"), None);
    assert_eq!(btf.tracepoint("signal"), Some(vec![Value, Pointer]));
    assert_eq!(btf.tracepoint("wrong"), None);
    assert_eq!(btf.tracepoint("none"), None);
}

#[test]
fn types_that_refer_to_themselves_end() {
    let mut blob = Writer::new();
    blob.add("circle", kind::TYPEDEF, 1, &[]);
    blob.list("loop", STRUCT, 8, &[("", &[2, 0]), ("", &[2, 0]), ("member", &[1, 0])]);
    blob.list("hole", STRUCT, 8, &[("", &[3, 0]), ("", &[3, 0])]);
    let btf = Btf::parse(blob.finish()).unwrap();

    assert_eq!(offset(&btf, "loop", "member"), Some(0));
    assert_eq!(offset(&btf, "loop", "member.more"), None);
    assert_eq!(offset(&btf, "hole", "member"), None);
}

#[test]
fn what_is_not_btf_is_refused() {
    assert_eq!(Btf::parse(Vec::new()).unwrap_err(), BtfError::NotBtf);
    assert_eq!(
        Btf::parse(b"\x7fELF, and so on for a while".to_vec()).unwrap_err(),
        BtfError::NotBtf
    );
    assert_eq!(Btf::parse(sample()[..20].to_vec()).unwrap_err(), BtfError::NotBtf);
    assert_eq!(Btf::parse(sample()[..200].to_vec()).unwrap_err(), BtfError::CutShort);

    let mut blob = Writer::new();
    blob.add("future", 31, 0, &[]);
    assert_eq!(Btf::parse(blob.finish()).unwrap_err(), BtfError::UnknownKind(31));
}

/// Asks everything of bytes that may be anything: nothing may panic or run on.
fn interrogate(bytes: Vec<u8>) {
    let Ok(btf) = Btf::parse(bytes) else { return };
    for name in ["outer", "inner", "old", "loop"] {
        for path in ["one", "deep", "in.b", "field", "none"] {
            let _ = offset(&btf, name, path);
        }
    }
    let _ = btf.enumerator("pid_type", "PGID");
    let _ = btf.enumerator("wide", "HIGH");
    let _ = btf.tracepoint("signal");
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        interrogate(bytes);
    }

    #[test]
    fn random_types_do_no_harm(types in proptest::collection::vec(0_u32..40, 0..200)) {
        let mut blob = Writer::new();
        blob.push(&types);
        interrogate(blob.finish());
    }

    #[test]
    fn cut_and_damaged_btf_does_no_harm(
        length in 0..sample().len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut blob = sample();
        for (index, byte) in damage {
            let at = index.index(blob.len());
            blob[at] = byte;
        }
        interrogate(blob.clone());
        blob.truncate(length);
        interrogate(blob);
    }
}

/// The running kernel's BTF gives what was found by other means on the same kernel.
#[test]
fn the_running_kernel_is_understood() {
    let bytes =
        std::fs::read("/sys/kernel/btf/vmlinux").expect("this test needs a kernel with BTF");
    let btf = Btf::parse(bytes).unwrap();

    assert_eq!(offset(&btf, "sighand_struct", "action"), Some(32));
    assert_eq!(offset(&btf, "kernel_siginfo", "si_code"), Some(8));
    assert_eq!(offset(&btf, "signal_struct", "live"), Some(4));
    let generate = btf.tracepoint("signal_generate").unwrap();
    assert_eq!(generate, [Value, Pointer, Pointer, Value, Value]);

    let release = uname().unwrap().release().to_string_lossy().into_owned();
    if !release.starts_with("6.18.") {
        return;
    }
    let known = [
        ("task_struct", "pid", 1264),
        ("task_struct", "tgid", 1268),
        ("task_struct", "comm", 1752),
        ("task_struct", "real_parent", 1280),
        ("task_struct", "group_leader", 1328),
        ("task_struct", "signal", 1848),
        ("task_struct", "sighand", 1856),
        ("task_struct", "blocked", 1864),
        ("task_struct", "real_blocked", 1872),
        ("task_struct", "exit_code", 1164),
        ("task_struct", "exit_state", 1160),
        ("task_struct", "__state", 24),
        ("task_struct", "flags", 44),
        ("signal_struct", "shared_pending.signal", 80),
        ("signal_struct", "flags", 116),
        ("signal_struct", "oom_score_adj", 1058),
        ("css_set", "dfl_cgrp", 112),
        ("cgroup", "kn", 256),
        ("kernfs_node", "id", 96),
        ("pid", "numbers", 144),
        ("pid_namespace", "ns.inum", 136),
    ];
    for (structure, path, expected) in known {
        assert_eq!(offset(&btf, structure, path), Some(expected), "{structure}.{path}");
    }
    assert_eq!(offset(&btf, "task_struct", "frozen"), None, "a bit-field");
    assert_eq!(btf.enumerator("cgroup_subsys_id", "pids_cgrp_id"), Some(11));
    assert_eq!(btf.structures("k_sigaction").next().and_then(|found| btf.size(found)), Some(32));
}
