//! The parsers on real and on hostile text.

use proptest::prelude::*;

use super::*;

const TAIL: &str = "S 1 6564 4959 0 -1 4194304 98 0 0 0 0 0 0 0 20 0 3 0 145398 3133440 358 \
    18446744073709551615 1 1 1 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 1 1 1 1 1 1 1 9\n";

fn stat(comm: &[u8], tail: &str) -> Option<Stat> {
    Stat::parse(&[b"6581 (", comm, b") ", tail.as_bytes()].concat())
}

#[test]
fn stat_is_read_whatever_the_name() {
    let names: [&[u8]; 7] =
        [b"cat", b"", b") Z 7 7 7 (", b"a b", b"\nPid:\t1\n", b"\xff\xfe)", b"))))) R 1 1 1"];
    for name in names {
        let expected = Stat {
            pid: 6581,
            comm: Comm::from_bytes(name),
            state: b'S',
            ppid: 1,
            pgid: 6564,
            flags: 0x40_0000,
            threads: 3,
            start_ticks: 145_398,
            exit_code: 9,
        };
        assert_eq!(stat(name, TAIL), Some(expected), "{name:?}");
    }
}

#[test]
fn a_zombie_is_one_only_without_living_threads() {
    let with = |state: &str, threads: &str| {
        let tail = TAIL.replacen('S', state, 1).replacen(" 20 0 3 ", threads, 1);
        let stat = stat(b"x", &tail).expect("parses");
        (stat.is_zombie(), stat.is_gone())
    };
    assert_eq!(with("Z", " 20 0 1 "), (true, false));
    assert_eq!(with("Z", " 20 0 3 "), (false, false));
    assert_eq!(with("Z", " 20 0 0 "), (false, true));
    assert_eq!(with("X", " 20 0 1 "), (false, true));
    assert_eq!(with("S", " 20 0 1 "), (false, false));
}

#[test]
fn one_that_has_begun_to_exit_is_ending_until_it_is_a_zombie() {
    let with = |state: &str, flags: &str| {
        let tail = TAIL.replacen('S', state, 1).replacen("4194304", flags, 1);
        stat(b"x", &tail).expect("parses").is_ending()
    };
    assert!(!with("S", "4194304"));
    assert!(with("R", "4194308"));
    assert!(with("D", "4194308"));
    assert!(!with("Z", "4194308"), "also a leader that ended before its threads");
}

#[test]
fn a_cut_stat_is_refused() {
    let whole = [b"6581 (cat) ", TAIL.as_bytes()].concat();
    for end in 0..whole.len() - 2 {
        assert_eq!(Stat::parse(&whole[..end]), None, "{end}");
    }
}

#[test]
fn status_gives_the_innermost_pid_and_the_depth() {
    let text = b"Name:\tNSpid:\\n7\nUmask:\t0022\nTgid:\t812\nPid:\t812\nUid:\t1000\t0\t0\t0\n\
        NStgid:\t812\t31\t1\nNSpid:\t812\t31\t1\nNSpgid:\t812\t31\t1\n\
        SigPnd:\t0000000000000001\nShdPnd:\t0000000000004000\nSigBlk:\t0000000000000000\n\
        SigIgn:\t8000000000000000\nSigCgt:\t0000000000010002\n";
    let expected = Status {
        tgid: 812,
        ns_pid: 1,
        ns_level: 2,
        uid: 1000,
        pending: 0x4001,
        ignored: 1 << 63,
        caught: 0x1_0002,
    };
    assert_eq!(Status::parse(text), Some(expected));
    assert_eq!(Status::parse(b"Tgid:\t8\nUid:\t0\nNSpid:\n"), None);
    assert_eq!(Status::parse(b"Tgid:\t8\nUid:\t0\n"), None);
}

#[test]
fn cgroup_lines_are_told_apart() {
    let hybrid = b"9:name=systemd:/pids\n8:cpu,pids:/docker/a:b\n4:memory:/m\n0::/docker/u\n";
    assert_eq!(cgroup_path(hybrid, Hierarchy::Unified), Some(b"/docker/u".as_slice()));
    assert_eq!(cgroup_path(hybrid, Hierarchy::Controller("pids")), Some(b"/docker/a:b".as_slice()));
    assert_eq!(cgroup_path(hybrid, Hierarchy::Controller("memory")), Some(b"/m".as_slice()));
    assert_eq!(cgroup_path(hybrid, Hierarchy::Controller("cpuset")), None);
    assert_eq!(cgroup_path(b"8:pids:/x\n", Hierarchy::Unified), None);
}

#[test]
fn our_own_process_can_be_read_and_pid_max_is_absent() {
    let pid = std::process::id();
    let dir = Root::default().process(pid).expect("/proc is there").expect("we are there");
    let read = |name| dir.read(name).expect("readable").expect("we are there");
    let stat = Stat::parse(&read("stat")).expect("stat parses");
    assert_eq!(stat.pid, pid);
    assert!(!stat.is_kernel_thread() && !stat.is_zombie() && stat.start_ticks > 0);
    assert_eq!(Status::parse(&read("status")).map(|status| status.tgid), Some(pid));
    assert!(Root::default().process(u32::MAX).expect("an answer").is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let _ = (Stat::parse(&bytes), Status::parse(&bytes));
        let _ = cgroup_path(&bytes, Hierarchy::Unified);
        let _ = cgroup_path(&bytes, Hierarchy::Controller("pids"));
    }

    #[test]
    fn any_name_is_kept(name: Vec<u8>) {
        prop_assert_eq!(stat(&name, TAIL).map(|stat| stat.comm), Some(Comm::from_bytes(&name)));
    }
}
