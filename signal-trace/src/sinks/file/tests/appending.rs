//! What is there is kept, half a line excepted; what is not ours is not touched.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn folder_and_file_are_for_their_owner_only() {
    let mut world = World::new(|_| {});
    world.config.path = world.folder.join("a/b/st.jsonl");
    world.restart();
    world.write(&[session(1)]).unwrap();
    world.write(&batch(1..5)).unwrap();
    assert_eq!(mode(world.path()), 0o600);
    assert_eq!(
        [world.folder.join("a"), world.folder.join("a/b")].map(|path| mode(&path)),
        [0o700; 2]
    );
    assert_eq!(world.lines(), text(&[&[session(1)], &*batch(1..5)].concat()));
}

#[test]
fn sessions_follow_one_another() {
    let mut world = World::new(|_| {});
    world.write(&[session(1)]).unwrap();
    fs::set_permissions(world.path(), fs::Permissions::from_mode(0o644)).unwrap();
    world.write(&batch(1..3)).unwrap();
    world.restart();
    let second = [&[session(2)], &*batch(1..9)].concat();
    world.write(&second).unwrap();
    world.write(&[]).unwrap();
    assert_eq!(mode(world.path()), 0o600, "also of a file that was there");
    let all = [text(&[session(1)]), text(&batch(1..3)), text(&second)].concat();
    assert_eq!(world.lines(), all);
    assert_eq!(world.files().len(), 1);
}

#[test]
fn after_a_crash_anywhere_every_line_is_whole_and_none_is_lost() {
    let mut world = World::new(|_| {});
    let before = [&[session(1)], &*batch(1..3)].concat();
    let whole = text(&before).join("\n") + "\n";
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    for cut in last..=whole.len() {
        fs::write(world.path(), &whole[..cut]).unwrap();
        world.restart();
        let after = [&[session(2)], &*batch(5..6)].concat();
        world.write(&after).unwrap();
        // The last line is there if no more than its line break is missing.
        let kept = if cut + 1 < whole.len() { before.len() - 1 } else { before.len() };
        let expected = [&before[..kept], &*after].concat();
        assert_eq!(world.lines(), text(&expected), "cut at {cut} of {last} to {}", whole.len());
    }
}

#[test]
fn what_somebody_else_left_unended_stays_a_line_of_its_own() {
    let mut world = World::new(|_| {});
    fs::write(world.path(), "a note of the operator").unwrap();
    world.write(&[session(1)]).unwrap();
    let expected = format!("a note of the operator\n{}\n", text(&[session(1)])[0]);
    assert_eq!(fs::read_to_string(world.path()).unwrap(), expected);
}

#[test]
fn what_is_not_ours_is_not_written_to_and_recovery_needs_no_restart() {
    let mut world = World::new(|_| {});
    let (path, kept) = (world.path().to_owned(), world.folder.join("kept"));
    fs::write(&kept, "kept").unwrap();
    let lines = [&[session(1)], &*batch(1..3)].concat();
    let remove_file = |path: &Path| fs::remove_file(path).unwrap();
    let remove_dir = |path: &Path| fs::remove_dir(path).unwrap();
    for (make, remove, what) in [
        (
            Box::new(|| symlink(&kept, &path).unwrap()) as Box<dyn Fn()>,
            &remove_file as &dyn Fn(&Path),
            "a symbolic link",
        ),
        (Box::new(|| fs::hard_link(&kept, &path).unwrap()), &remove_file, "hard links"),
        (Box::new(|| fs::create_dir(&path).unwrap()), &remove_dir, "a directory"),
        (
            Box::new(|| nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap()),
            &remove_file,
            "no regular file",
        ),
    ] {
        // From the start, and while it is written to.
        for running in [false, true] {
            if running {
                world.write(&lines).unwrap();
                fs::remove_file(&path).unwrap();
            }
            make();
            let error = world.write(&lines).unwrap_err();
            assert!(error.contains(what) && error.contains("st.jsonl"), "{what}: {error}");
            remove(&path);
            world.write(&lines).unwrap();
            assert_eq!(world.lines(), text(&lines), "{what}");
            fs::remove_file(&path).unwrap();
            world.restart();
        }
    }
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
}

#[test]
fn two_do_not_write_to_one_file() {
    let mut world = World::new(|_| {});
    world.write(&[session(1)]).unwrap();
    let mut second = FileSink::unchecked(world.config.clone());
    let error = second.write(&[session(2)], world.now).unwrap_err().to_string();
    assert!(error.contains("another process writes to"), "{error}");
    // What SIGHUP brings: the new one takes over when the old one is gone.
    world.sink = FileSink::unchecked(world.config.clone());
    second.begin_with(session(1));
    second.write(&batch(1..2), world.now).unwrap();
    let expected = [session(1), session(1), batch(1..2)[0].clone()];
    let path = world.path();
    assert_eq!(fs::read_to_string(path).unwrap().lines().collect::<Vec<_>>(), text(&expected));
}

#[test]
fn a_folder_that_cannot_be_made_is_told_and_made_later() {
    let mut world = World::new(|_| {});
    let folder = world.folder.join("a");
    fs::write(&folder, "in the way").unwrap();
    world.config.path = folder.join("b/st.jsonl");
    world.restart();
    let error = world.write(&[session(1)]).unwrap_err();
    assert!(error.contains("Not a directory"), "{error}");
    fs::remove_file(&folder).unwrap();
    world.write(&[session(1)]).unwrap();
    assert_eq!(world.lines(), text(&[session(1)]));
}

#[test]
fn it_delivers_as_an_outlet_asks_it_to() {
    use super::super::{Deliver as _, Failure};
    let mut world = World::new(|_| {});
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(world.sink.deliver(&[session(1)])).unwrap();
    world.sink.reopen();
    runtime.block_on(world.sink.deliver(&batch(1..4))).unwrap();
    assert_eq!(world.lines(), text(&[&[session(1)], &*batch(1..4)].concat()));
    fs::remove_file(world.path()).unwrap();
    fs::create_dir(world.path()).unwrap();
    let failed = runtime.block_on(world.sink.deliver(&batch(4..5)));
    assert!(matches!(failed, Err(Failure::Retry(_))), "{failed:?}");
    fs::remove_dir(world.path()).unwrap();
}
