//! Disks that are full, read-only, or gone for a while: real ones (tmpfs), so this needs root.

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::*;

/// A tmpfs; unmounted also if a test fails.
struct Disk(PathBuf);

impl Disk {
    fn new(path: PathBuf, kib: u64) -> Self {
        fs::create_dir_all(&path).unwrap();
        let size = format!("size={kib}k,mode=0700");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("st-test"), &path, Some("tmpfs"), flags, Some(&*size))
            .unwrap_or_else(|error| panic!("cannot mount a tmpfs: {error} (the tests need root)"));
        Self(path)
    }

    /// Read-only or not. That waits for the thread that syncs what was closed.
    fn read_only(&self, read_only: bool) {
        let mut flags = MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        flags.set(MsFlags::MS_RDONLY, read_only);
        let change = || mount(None::<&str>, &self.0, None::<&str>, flags, None::<&str>);
        let mut changed = change();
        for _ in 0..1000 {
            if changed.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
            changed = change();
        }
        changed.unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _unmounted = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// A world with its file on a disk of that size.
fn world_on_disk(kib: u64, config: impl FnOnce(&mut FileConfig)) -> (World, Disk) {
    let mut world = World::new(config);
    let disk = Disk::new(world.folder.join("disk"), kib);
    world.config.path = disk.0.join("st.jsonl");
    world.restart();
    // The disk goes first: a folder with a mount in it cannot be removed.
    (world, disk)
}

#[test]
fn a_full_disk_tears_no_line_and_costs_none() {
    let (mut world, disk) = world_on_disk(256, |_| {});
    let mut delivered = vec![session(1)];
    world.write(&delivered).unwrap();
    let filler = disk.0.join("filler");
    for round in 0..3 {
        let first = 1 + round * 1000;
        fs::write(&filler, vec![0; 100 << 10]).unwrap();
        // Of many lengths, so that the disk is full in the midst of one.
        let mut failed = 0;
        for number in (first..).step_by(7).take(60) {
            let lines = batch(number..number + 7);
            match world.write(&lines) {
                Ok(()) => delivered.extend(lines),
                Err(error) => {
                    failed += 1;
                    assert!(
                        error.contains("No space left") && error.contains("free some"),
                        "{error}"
                    );
                }
            }
            assert_eq!(world.lines(), text(&delivered));
        }
        assert!(failed > 0, "the disk was full");
        // Then somebody makes room, without a restart.
        fs::remove_file(&filler).unwrap();
        let lines = batch(first + 900..first + 902);
        world.write(&lines).unwrap();
        delivered.extend(lines);
        assert_eq!(world.lines(), text(&delivered));
        fs::File::options().write(true).truncate(true).open(world.path()).unwrap();
        delivered = vec![session(1)];
        world.write(&batch(1..2)).unwrap();
        delivered.extend(batch(1..2));
    }
}

#[test]
fn a_batch_that_is_larger_than_the_room_leaves_nothing() {
    let (mut world, _disk) = world_on_disk(64, |_| {});
    world.write(&[session(1)]).unwrap();
    let before = fs::read(world.path()).unwrap();
    world.write(&batch(1..200)).unwrap_err();
    assert_eq!(fs::read(world.path()).unwrap(), before);
    world.write(&batch(1..4)).unwrap();
    assert_eq!(world.lines(), text(&[&[session(1)], &*batch(1..4)].concat()));
}

#[test]
fn a_disk_that_is_full_while_compressing_keeps_what_is_there() {
    let (mut world, disk) = world_on_disk(256, |config| {
        config.compress = true;
        config.rotate_size = ByteSize(64 << 10);
    });
    let mut all = vec![session(1)];
    world.write(&all).unwrap();
    let filler = disk.0.join("filler");
    fs::write(&filler, vec![0; 150 << 10]).unwrap();
    for number in 1..200 {
        let line = batch(number..number + 1);
        if world.write(&line).is_ok() {
            all.extend(line);
        }
    }
    world.settle();
    assert_eq!(world.lines(), text(&all));
    fs::remove_file(&filler).unwrap();
    world.restart();
    let more = [&[session(2)], &*batch(500..520)].concat();
    world.write(&more).unwrap();
    all.extend(more);
    world.settle();
    assert_eq!(world.lines(), text(&all));
}

#[test]
fn a_disk_that_is_read_only_for_a_while_is_written_to_afterwards() {
    let (mut world, disk) = world_on_disk(256, |_| {});
    world.write(&[session(1)]).unwrap();
    // As after SIGHUP: a disk that is written to cannot be made read-only.
    world.sink.close();
    disk.read_only(true);
    let error = world.write(&batch(1..3)).unwrap_err();
    assert!(error.contains("Read-only file system"), "{error}");
    disk.read_only(false);
    world.write(&batch(1..3)).unwrap();
    assert_eq!(world.lines(), text(&[&[session(1)], &*batch(1..3)].concat()));
}

#[test]
fn a_disk_that_goes_and_comes_is_followed() {
    let (mut world, disk) = world_on_disk(256, |_| {});
    world.write(&[session(1)]).unwrap();
    drop(disk);
    world.write(&batch(1..3)).unwrap();
    assert_eq!(world.lines(), text(&[&[session(1)], &*batch(1..3)].concat()), "below the mount");
    let _disk = Disk::new(world.folder.join("disk"), 256);
    world.write(&batch(3..5)).unwrap();
    assert_eq!(world.lines(), text(&[&[session(1)], &*batch(3..5)].concat()), "on it");
}
