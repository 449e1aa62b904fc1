//! What others do to the file: move it away, empty it, remove it and its folder.

use std::{io::Write as _, process::Command};

use super::*;

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let mut world = World::new(|_| {});
    world.write(&[&[session(1)], &*batch(1..4)].concat()).unwrap();
    let moved = world.folder.join("st.jsonl.1");
    fs::rename(world.path(), &moved).unwrap();
    world.write(&batch(4..6)).unwrap();
    assert_eq!(read(&moved), text(&[&[session(1)], &*batch(1..4)].concat()));
    assert_eq!(read(world.path()), text(&[&[session(1)], &*batch(4..6)].concat()));
    // Somebody puts another one in its place.
    fs::rename(&moved, world.path()).unwrap();
    world.write(&batch(6..7)).unwrap();
    let parts = [&[session(1)], &*batch(1..4), &[session(1)], &batch(6..7)];
    assert_eq!(read(world.path()), text(&parts.concat()));
}

#[test]
fn a_file_that_was_emptied_is_begun_anew_in_place() {
    let mut world = World::new(|_| {});
    world.write(&[&[session(1)], &*batch(1..4)].concat()).unwrap();
    fs::File::options().write(true).truncate(true).open(world.path()).unwrap();
    world.write(&batch(4..6)).unwrap();
    let file = fs::read(world.path()).unwrap();
    assert!(!file.contains(&0), "no hole");
    assert_eq!(read(world.path()), text(&[&[session(1)], &*batch(4..6)].concat()));
}

#[test]
fn a_file_that_was_removed_and_its_folder_are_made_again() {
    let mut world = World::new(|_| {});
    world.config.path = world.folder.join("a/st.jsonl");
    world.restart();
    world.write(&[session(1)]).unwrap();
    fs::remove_file(world.path()).unwrap();
    world.write(&batch(1..3)).unwrap();
    assert_eq!(read(world.path()), text(&[&[session(1)], &*batch(1..3)].concat()));
    fs::remove_dir_all(world.folder.join("a")).unwrap();
    world.write(&batch(3..5)).unwrap();
    assert_eq!(read(world.path()), text(&[&[session(1)], &*batch(3..5)].concat()));
}

#[test]
fn a_rotation_that_is_forbidden_costs_no_line() {
    let mut world = World::new(|config| config.rotate_size = ByteSize(2048));
    let first = [&[session(1)], &*batch(1..10)].concat();
    world.write(&first).unwrap();
    // The name that the file is to get is taken by a folder that is not empty, for now.
    let taken = world.folder.join("st-20261124T101530Z.jsonl");
    fs::create_dir_all(taken.join("x")).unwrap();
    let error = world.write(&batch(10..12)).unwrap_err();
    assert!(error.contains("cannot rotate") && error.contains("rotate_size"), "{error}");
    fs::remove_dir_all(&taken).unwrap();
    world.write(&batch(10..12)).unwrap();
    assert_eq!(world.lines(), text(&[&*first, &batch(10..12)].concat()));
    assert_eq!(world.files().len(), 2);
}

/// The real one, as a package for Debian would set it up.
fn logrotate(world: &World, way: &str) {
    let program = ["/usr/sbin/logrotate", "/usr/bin/logrotate"];
    let program = program.into_iter().find(|path| Path::new(path).is_file());
    let program = program.expect("logrotate is not installed: apt-get install logrotate");
    let (config, state) = (world.folder.join("logrotate.conf"), world.folder.join("state"));
    let text = format!("{} {{\n rotate 99\n {way}\n}}\n", world.path().display());
    let mut file = fs::File::create(&config).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let output =
        Command::new(program).arg("--force").arg("--state").args([&state, &config]).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", output.status);
}

#[test]
fn the_real_logrotate_takes_files_away_and_no_line_with_them() {
    for way in ["nocreate", "create 0600", "copytruncate", "nocreate\n compress"] {
        let mut world = World::new(|_| {});
        world.write(&[session(1)]).unwrap();
        for number in 0..6 {
            world.write(&batch(10 * number + 1..10 * number + 11)).unwrap();
            if number < 5 {
                logrotate(&world, way);
            }
        }
        let mut lines = Vec::new();
        for number in (1..=5).rev() {
            let name = format!("st.jsonl.{number}");
            lines.push(match fs::read(world.folder.join(&name)) {
                Ok(bytes) => String::from_utf8(bytes).unwrap(),
                Err(_) => unzip(&world.folder.join(name + ".gz")),
            });
        }
        lines.push(fs::read_to_string(world.path()).unwrap());
        let begins = text(&[session(1)]).pop().unwrap();
        for file in &lines {
            assert_eq!(file.lines().next(), Some(&*begins), "{way}");
        }
        let all = lines.iter().flat_map(|file| file.lines().skip(1));
        assert!(all.eq(text(&batch(1..61)).iter()), "{way}");
    }
}

fn unzip(path: &Path) -> String {
    let output = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", path.display());
    String::from_utf8(output.stdout).unwrap()
}

fn read(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}
