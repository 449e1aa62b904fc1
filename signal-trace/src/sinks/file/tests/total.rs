//! `max_total`: how much there is at any time, and what is removed for it.

use super::*;

const KIB: u64 = 1 << 10;

/// What we have there, bytes, and the names.
fn ours(world: &World) -> (u64, Vec<String>) {
    let mut listing = world.listing();
    listing.retain(|name, _| name != "foreign.jsonl.1");
    (listing.values().sum(), listing.into_keys().collect())
}

#[test]
fn all_files_together_stay_within_it() {
    for compress in [false, true] {
        let mut world = World::new(|config| {
            config.rotate_size = ByteSize(24 * KIB);
            config.max_total = ByteSize(64 * KIB);
            config.compress = compress;
        });
        // Not counted, not removed.
        let foreign = world.folder.join("foreign.jsonl.1");
        fs::write(&foreign, vec![b'x'; 200 << 10]).unwrap();
        world.write(&[session(1)]).unwrap();
        let mut oldest = String::new();
        let mut most = 0;
        for number in 1..1200 {
            world.write(&batch(number..number + 1)).unwrap();
            world.pass(1);
            let (total, names) = ours(&world);
            // While a file is compressed, its frame is counted a part (256 KiB) later.
            let slack = if compress { 8 * KIB } else { 0 };
            assert!(total <= 64 * KIB + slack, "{total} bytes after line {number}: {names:?}");
            most = most.max(total);
            if let Some(rotated) = names.iter().find(|name| *name != "st.jsonl") {
                assert!(*rotated >= oldest, "{rotated} was older than {oldest}");
                oldest.clone_from(rotated);
            }
        }
        assert!(most > 40 * KIB, "no more than {most} bytes are used");
        world.settle();
        let lines = world.lines();
        let all = text(&batch(1..1200));
        assert!(lines.len() > 10 && all.ends_with(&lines[1..]), "the newest are kept");
        assert_eq!(foreign.metadata().unwrap().len(), 200 << 10);
    }
}

#[test]
fn less_than_before_removes_at_the_next_line_and_never_the_current_file() {
    let mut world = World::new(|config| config.rotate_size = ByteSize(16 * KIB));
    world.write(&[session(1)]).unwrap();
    for number in 1..200 {
        world.write(&batch(number..number + 1)).unwrap();
    }
    assert!(ours(&world).0 > 100 * KIB);
    world.config.max_total = ByteSize(40 * KIB);
    world.restart();
    world.write(&[session(2)]).unwrap();
    assert!(ours(&world).0 <= 40 * KIB);
    // Even if it is too large by itself.
    world.config.max_total = ByteSize(1);
    world.restart();
    world.write(&batch(1..100)).unwrap();
    let (_, names) = ours(&world);
    assert!(names.contains(&"st.jsonl".to_owned()), "{names:?}");
    assert!(names.len() <= 2, "{names:?}");
    let lines = world.files().pop().unwrap();
    assert!(text(&batch(1..100)).iter().all(|line| lines.contains(line)));
}
