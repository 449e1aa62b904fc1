//! Loads and attaches the programs, and follows one process through its life. Needs root.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid},
};
use signal_trace::kernel::{LoadOptions, Loaded, load};
use signal_trace_common::{
    names::PROBES,
    wire::{
        CgroupAttach, CgroupMkdir, Header, Kind, ProcessExec, ProcessExit, ProcessFork,
        ProcessFree, SignalGenerate, disposition,
    },
};
use zerocopy::FromBytes;

const SIGTERM: u32 = 15;
/// Ignored by default, so that it can be sent to oneself.
const SIGWINCH: u32 = 28;
const POLL: Duration = Duration::from_millis(20);
/// 20 s: with lazy RCU the kernel frees a process up to 10 s after it was reaped.
const POLLS: u32 = 1000;

fn load_watching(signal: u32) -> Loaded {
    assert!(Uid::effective().is_root(), "this test loads eBPF programs and needs root");
    let options = LoadOptions { signal_mask: 1 << (signal - 1), ..LoadOptions::default() };
    load(&options).unwrap_or_else(|error| panic!("{error}"))
}

/// Takes what is in both rings, in order of arrival, by kind. Checks every header.
fn drain(loaded: &mut Loaded, records: &mut BTreeMap<u32, Vec<Vec<u8>>>) {
    for ring in [&mut loaded.lifecycle, &mut loaded.signals] {
        while let Some(item) = ring.next() {
            let (header, _) =
                Header::read_from_prefix(&item).expect("a record begins with a header");
            assert_eq!(header.size as usize, item.len(), "{header:?}");
            assert!(Kind::ALL.iter().any(|&kind| kind as u32 == header.kind), "{header:?}");
            assert!(header.boot_ns > 0, "{header:?}");
            records.entry(header.kind).or_default().push(item.to_vec());
        }
    }
}

/// The one record of a kind that is about the wanted process.
fn find<T: FromBytes>(
    records: &BTreeMap<u32, Vec<Vec<u8>>>,
    kind: Kind,
    wanted: impl Fn(&T) -> bool,
) -> Option<T> {
    let candidates = records.get(&(kind as u32)).into_iter().flatten();
    let mut found: Vec<T> = candidates
        .map(|bytes| T::read_from_bytes(bytes).expect("a record has the size of its kind"))
        .filter(wanted)
        .collect();
    assert!(found.len() <= 1, "{} records of kind {kind:?}", found.len());
    found.pop()
}

#[test]
fn a_process_is_followed_from_fork_to_free() {
    let mut loaded = load_watching(SIGTERM);
    let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
    let tgid = child.id();
    // `spawn` returns when the child has executed its program.
    kill(Pid::from_raw(tgid.cast_signed()), Signal::SIGTERM).unwrap();
    child.wait().unwrap();

    let mut records = BTreeMap::new();
    let free = (0..POLLS).find_map(|_| {
        thread::sleep(POLL);
        drain(&mut loaded, &mut records);
        find::<ProcessFree>(&records, Kind::Free, |free| free.process.tgid == tgid)
    });
    let free = free.expect("the process was freed").process;
    let fork = find::<ProcessFork>(&records, Kind::Fork, |fork| fork.child.tgid == tgid)
        .expect("the fork was seen")
        .child;
    let exec = find::<ProcessExec>(&records, Kind::Exec, |exec| exec.process.tgid == tgid)
        .expect("the exec was seen")
        .process;
    let sent = find::<SignalGenerate>(&records, Kind::Generate, |sent| sent.target.tgid == tgid)
        .expect("the signal was seen");
    let exit = find::<ProcessExit>(&records, Kind::Exit, |exit| exit.process.tgid == tgid)
        .expect("the exit was seen")
        .process;

    for task in [fork, exec, sent.target, exit, free] {
        assert_eq!(task.start_boottime_ns, fork.start_boottime_ns, "one identity");
        assert_eq!(task.tid, tgid);
    }
    assert_eq!(fork.ppid, std::process::id());
    assert_eq!(&exec.comm[..6], b"sleep\0");
    assert_eq!(sent.signal, SIGTERM);
    assert_eq!(sent.disposition, disposition::DEFAULT);
    assert_eq!((sent.info_kind, sent.si_code, sent.group, sent.result), (2, 0, 1, 0));
    assert_eq!(sent.current.tgid, std::process::id());
    assert_eq!(&sent.current_exe[..11], b"kernel_load");
    assert_eq!(sent.target.group_exit_code, SIGTERM, "complete_signal has decided already");
    assert_eq!((exit.live, exit.exit_code), (0, SIGTERM));
    assert_eq!((free.ppid, free.pgid, free.ns_pid), (0, 0, 0), "gone by then");

    assert_eq!(loaded.drops.read(), [0; Kind::SLOTS as usize]);
    let misses = loaded.recursion_misses().unwrap();
    assert_eq!(misses.len(), PROBES.len());
    assert!(misses.iter().all(|&(_, count)| count.unwrap_or(0) == 0), "{misses:?}");
}

#[test]
fn signals_that_are_not_watched_are_not_recorded() {
    let mut loaded = load_watching(SIGTERM);
    let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
    let tgid = child.id();
    kill(Pid::from_raw(tgid.cast_signed()), Signal::SIGKILL).unwrap();
    child.wait().unwrap();

    let mut records = BTreeMap::new();
    thread::sleep(POLL);
    drain(&mut loaded, &mut records);
    find::<ProcessExit>(&records, Kind::Exit, |exit| exit.process.tgid == tgid)
        .expect("the exit was seen");
    let sent = find::<SignalGenerate>(&records, Kind::Generate, |sent| sent.target.tgid == tgid);
    assert_eq!(sent, None);
}

#[test]
fn signals_can_be_watched_later() {
    let mut loaded = load_watching(SIGTERM);
    loaded.watch.add(1 << (SIGWINCH - 1));
    kill(Pid::this(), Signal::SIGWINCH).unwrap();
    let mut records = BTreeMap::new();
    thread::sleep(POLL);
    drain(&mut loaded, &mut records);
    let us = std::process::id();
    let sent = find::<SignalGenerate>(&records, Kind::Generate, |sent| sent.target.tgid == us);
    assert_eq!(sent.expect("the signal was seen").signal, SIGWINCH);
}

#[test]
fn a_cgroup_is_known_when_it_is_made_and_who_is_moved_there() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let v2 =
        mounts.lines().find(|line| line.contains(" - cgroup2 ")).expect("cgroup v2 is mounted");
    let mount = v2.split(' ').nth(4).unwrap();
    let name = format!("st-load-{}", std::process::id());
    // As long as fits, and longer: a path of which a part is missing would be another one.
    let long = format!("{name}-{}", "x".repeat(200));
    let too_long = format!("{long}/{long}/{long}");
    let mut loaded = load_watching(SIGTERM);
    let made: Vec<_> = [&name, &long, &format!("{long}/{long}"), &too_long]
        .into_iter()
        .map(|path| {
            let folder = Path::new(mount).join(path);
            fs::create_dir(&folder).unwrap();
            folder
        })
        .collect();
    let ids: Vec<_> = made.iter().map(|folder| fs::metadata(folder).unwrap().ino()).collect();
    let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
    fs::write(made[0].join("cgroup.procs"), child.id().to_string()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    for folder in made.iter().rev() {
        // The kernel lets go of a dead process a moment after it was reaped.
        (0..POLLS).find(|_| {
            fs::remove_dir(folder).is_ok() || {
                thread::sleep(POLL);
                false
            }
        });
    }

    let mut records = BTreeMap::new();
    drain(&mut loaded, &mut records);
    let paths: Vec<_> = ids
        .iter()
        .map(|id| {
            let of_id = |made: &CgroupMkdir| made.cgroup_id == *id && made.cgroup_v1_id == 0;
            let made = find::<CgroupMkdir>(&records, Kind::CgroupMkdir, of_id).expect("seen");
            String::from_utf8(made.path[..made.path_len as usize].to_vec()).unwrap()
        })
        .collect();
    let expected =
        [format!("/{name}"), format!("/{long}"), format!("/{long}/{long}"), String::new()];
    assert_eq!(paths, expected);
    let moved = find::<CgroupAttach>(&records, Kind::CgroupAttach, |moved| {
        moved.process.tgid == child.id()
    });
    assert_eq!(moved.expect("seen").process.cgroup_id, ids[0]);
}

#[test]
fn what_does_not_fit_is_counted() {
    /// The signal ring holds about 47 000 records.
    const SENT: usize = 60_000;
    let mut loaded = load_watching(SIGWINCH);
    for _ in 0..SENT {
        kill(Pid::this(), Signal::SIGWINCH).unwrap();
    }

    let mut records = BTreeMap::new();
    drain(&mut loaded, &mut records);
    let drops = loaded.drops.read();
    let dropped = usize::try_from(drops[Kind::Generate as usize]).unwrap();
    let kept = records[&(Kind::Generate as u32)].len();
    assert!(dropped > 0, "the ring was meant to overflow, but holds {kept}");
    assert!(kept + dropped >= SENT, "{kept} kept, {dropped} dropped");
    assert_eq!(drops.iter().sum::<u64>(), drops[Kind::Generate as usize], "{drops:?}");
}
