//! Rotation and compression: every line is there once, in order, in files that stand by themselves.

use std::{collections::BTreeSet, os::unix::fs::MetadataExt as _};

use proptest::prelude::*;

use super::*;
use crate::capture::clock;

const KIB: u64 = 1 << 10;

#[derive(Clone, Debug)]
enum Step {
    Write(u64),
    Pass(i64),
    Restart,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (1..12_u64).prop_map(Step::Write),
        // The clock may also be set back.
        2 => (-5..4000_i64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn all_files_in_order_are_what_was_delivered(
        steps in steps(),
        kib in 1..40_u64,
        compress: bool,
    ) {
        let mut world = World::new(|config| {
            config.rotate_size = ByteSize(kib * KIB);
            config.rotate_age = Duration::from_secs(3600);
            config.compress = compress;
        });
        let mut delivered = Vec::new();
        let (mut seq, mut sessions) = (1, 1);
        let mut lines = vec![session(sessions)];
        for step in steps {
            match step {
                Step::Write(count) => {
                    lines.extend(batch(seq..seq + count));
                    seq += count;
                    world.write(&lines).unwrap();
                    delivered.append(&mut lines);
                }
                Step::Pass(seconds) => world.pass(seconds),
                Step::Reopen => world.sink.close(),
                Step::Restart => {
                    world.restart();
                    sessions += 1;
                    lines = vec![session(sessions)];
                }
            }
        }
        // A start also does what an end has left.
        lines.extend(batch(seq..seq + 1));
        world.write(&lines).unwrap();
        delivered.append(&mut lines);
        // Until then, a file can be there twice, or vanish before it is read.
        world.settle();
        prop_assert_eq!(world.lines(), text(&delivered));
        let names = world.listing();
        let mut plain = names.keys().filter(|name| !name.contains(".zst"));
        prop_assert!(!compress || plain.all(|name| name == "st.jsonl"), "{:?}", names);
    }
}

#[test]
fn a_file_keeps_within_its_size_unless_one_batch_is_larger() {
    let mut world = World::new(|config| config.rotate_size = ByteSize(32 * KIB));
    world.write(&[session(1)]).unwrap();
    for number in 1..200 {
        world.write(&batch(number..number + 1)).unwrap();
    }
    let lengths: Vec<_> = world.listing().into_values().collect();
    assert!(lengths.len() > 3 && lengths.iter().all(|bytes| *bytes <= 32 * KIB), "{lengths:?}");
    world.write(&batch(200..300)).unwrap();
    assert!(world.listing()["st.jsonl"] > 32 * KIB);
    world.write(&batch(300..301)).unwrap();
    assert!(world.listing()["st.jsonl"] < 32 * KIB);
    assert_eq!(world.lines(), text(&[&[session(1)], &*batch(1..301)].concat()));
}

#[test]
fn age_counts_from_the_first_line_also_after_a_restart() {
    let mut world = World::new(|config| config.rotate_age = Duration::from_secs(3600));
    // The line is of `now`, as lines are.
    let at = |world: &World, number| {
        let line = batch(number..number + 1)[0].parse().unwrap();
        let ns = i64::try_from(world.now.as_nanosecond()).unwrap();
        entry(&Line { time: crate::sinks::schema::Time(ns), ..line })
    };
    world.write(&[session(1), at(&world, 1)]).unwrap();
    world.pass(3000);
    world.restart();
    world.write(&[session(2), at(&world, 2)]).unwrap();
    world.pass(599);
    world.write(&[at(&world, 3)]).unwrap();
    assert_eq!(world.files().len(), 1);
    world.pass(1);
    world.write(&[at(&world, 4)]).unwrap();
    assert_eq!(world.files().len(), 2);
    // The new one begins with the line of a session that is older than an hour.
    world.pass(3599);
    world.restart();
    world.write(&[at(&world, 5)]).unwrap();
    assert_eq!(world.files().len(), 2);
    world.pass(1);
    world.write(&[at(&world, 6)]).unwrap();
    let names: Vec<_> = world.listing().into_keys().collect();
    assert_eq!(names, ["st-20261124T111530Z.jsonl", "st-20261124T121530Z.jsonl", "st.jsonl"]);
}

/// A world with one rotated file of 30 lines that is not compressed.
fn rotated_once() -> (World, Vec<String>) {
    let mut world = World::new(|config| config.rotate_size = ByteSize(KIB));
    let lines = [&[session(1)], &*batch(1..31)].concat();
    world.write(&lines).unwrap();
    world.write(&[session(1)]).unwrap();
    world.settle();
    (world, text(&lines))
}

const NAME: &str = "st-20261124T101530Z.jsonl";
const FRAME: &str = "st-20261124T101530Z.jsonl.zst";

#[test]
fn a_frame_is_private_as_old_as_its_content_and_checked() {
    let (mut world, lines) = rotated_once();
    let path = |name| world.folder.join(name);
    let (plain, frame) = (path(NAME), path(FRAME));
    let time = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::options().write(true).open(&plain).unwrap().set_modified(time).unwrap();
    world.config.compress = true;
    world.restart();
    world.write(&batch(40..41)).unwrap();
    world.settle();
    let metadata = fs::metadata(&frame).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    assert_eq!(metadata.modified().unwrap(), time);
    assert!(!plain.exists());
    let mut bytes = fs::read(&frame).unwrap();
    let content = lines.join("\n") + "\n";
    assert_eq!(zstd::decode_all(&*bytes).unwrap(), content.as_bytes());
    let length = zstd::zstd_safe::get_frame_content_size(&bytes);
    assert_eq!(length.ok().flatten(), Some(content.len() as u64));
    // Its last four bytes are the checksum.
    *bytes.last_mut().unwrap() ^= 1;
    assert!(zstd::decode_all(&*bytes).is_err());
}

#[test]
fn what_a_crash_left_half_done_is_done_at_the_next_start() {
    let (mut world, lines) = rotated_once();
    let with = |name: &str, bytes: &[u8]| fs::write(world.folder.join(name), bytes).unwrap();
    // It was killed while it compressed, and between the renaming and the removal.
    with("st-20261124T101530Z.jsonl.zst.tmp", b"half");
    with(FRAME, b"whatever");
    // Not of our pattern.
    with("other.tmp", b"");
    with("st-20261124T101530Z.jsonl.gz", b"");
    world.config.compress = true;
    world.config.rotate_size = ByteSize(0);
    world.restart();
    world.write(&[session(2)]).unwrap();
    world.settle();
    let names: BTreeSet<_> = world.listing().into_keys().collect();
    let expected = [FRAME, "st-20261124T101530Z.jsonl.gz", "st.jsonl", "other.tmp"];
    assert_eq!(names, expected.map(str::to_owned).into());
    assert_eq!(world.lines()[..lines.len()], lines);
}

#[test]
fn an_end_does_not_wait_for_the_compression() {
    let (mut world, lines) = rotated_once();
    // 100 MiB take seconds.
    let path = world.folder.join("st-20261124T101529Z.jsonl");
    let content = (lines.join("\n") + "\n").repeat(4000);
    fs::write(&path, &content).unwrap();
    world.config.compress = true;
    world.restart();
    world.write(&[session(2)]).unwrap();
    let unfinished = world.folder.join("st-20261124T101529Z.jsonl.zst.tmp");
    while !unfinished.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let started = clock::boot_now();
    world.restart();
    let took = clock::boot_now().since(started);
    assert!(took < 1_000_000_000, "{took} ns");
    assert!(!unfinished.exists() && path.metadata().unwrap().len() == content.len() as u64);
}

#[test]
fn a_foreign_file_with_the_name_of_a_rotated_one_is_let_alone() {
    let (mut world, _) = rotated_once();
    let kept = world.folder.join("kept");
    fs::write(&kept, "kept").unwrap();
    let link = world.folder.join("st-20251124T101530Z.jsonl");
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    fs::create_dir(world.folder.join("st-20251124T101531Z.jsonl")).unwrap();
    world.config.compress = true;
    world.restart();
    world.write(&[session(2)]).unwrap();
    world.settle();
    assert!(link.is_symlink() && fs::read(&kept).unwrap() == b"kept");
    assert!(world.listing().contains_key(FRAME), "and the others are compressed");
}
