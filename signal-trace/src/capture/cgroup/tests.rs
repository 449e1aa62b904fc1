//! Mount tables of the three kinds of hosts, and ids on a directory tree.

use std::os::unix::fs::MetadataExt as _;

use proptest::prelude::*;

use super::*;

const HYBRID: &[u8] = b"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,cpu,pids\n\
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

fn mount(root: &str, point: impl Into<PathBuf>) -> Mount {
    Mount { root: root.into(), point: point.into(), base: Vec::new() }
}

#[test]
fn mounts_are_found_on_every_kind_of_host() {
    let found = |text: &[u8], pids| {
        let hierarchies = Hierarchies::from_mounts(text, pids, &Root::default());
        (hierarchies.v2, hierarchies.v1)
    };
    let unified = || Some(mount("/", "/sys/fs/cgroup/unified"));
    assert_eq!(found(HYBRID, true), (unified(), Some(mount("/", "/sys/fs/cgroup/pids"))));
    assert_eq!(found(HYBRID, false), (unified(), Some(mount("/", "/sys/fs/cgroup/memory"))));
    let pure = b"31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
    assert_eq!(found(pure, true), (Some(mount("/", "/sys/fs/cgroup")), None));
    assert_eq!(found(b"", true), (None, None));
}

#[test]
fn a_mount_that_shows_all_is_preferred_and_escapes_are_undone() {
    let text =
        b"1 2 0:9 /docker/a /mnt rw - cgroup2 x rw\n1 2 0:9 / /my\\040cg rw - cgroup2 x rw\n";
    assert_eq!(Mount::find(text, "cgroup2", None), Some(mount("/", "/my cg")));
}

#[test]
fn paths_outside_of_the_mount_have_no_directory() {
    let inside = mount("/docker/a", "/cg");
    assert_eq!(inside.dir(b"/docker/a"), Some("/cg/".into()));
    assert_eq!(inside.dir(b"/docker/a/b"), Some("/cg/b".into()));
    assert_eq!(inside.dir(b"/docker/ab"), None);
    assert_eq!(inside.dir(b"/"), None);
    let all = mount("/", "/cg");
    assert_eq!(all.dir(b"/"), Some("/cg/".into()));
    assert_eq!(all.dir(b"/a"), Some("/cg/a".into()));
    assert_eq!(all.dir(b"/../a"), None);
}

#[test]
fn controllers_are_listed_by_their_whole_name() {
    let text = b"#subsys_name\thierarchy\ncpu\t1\t2\t1\npids\t8\t2\t1\n";
    assert!(has_controller(text, "pids"));
    assert!(!has_controller(text, "pid"));
}

#[test]
fn the_v2_id_counts_unless_it_is_the_root() {
    let tree = Tree::new("place");
    let (v2, v1) = (tree.make("v2/web"), tree.make("v1/old"));
    let place = |text: &str| {
        let Place { key, path } = tree.hierarchies().place(text.as_bytes());
        (key, String::from_utf8(path).expect("ours"))
    };
    assert_eq!(place("8:pids:/old\n0::/web\n"), (CgroupKey::V2(v2), "/web".into()));
    assert_eq!(place("8:pids:/old\n0::/gone (deleted)\n"), (CgroupKey::V1(v1), "/old".into()));
    assert_eq!(place("8:pids:/gone\n"), (CgroupKey::Root, "/".into()));
    assert_eq!(place(""), (CgroupKey::Root, "/".into()));
}

#[test]
fn a_walk_sees_every_cgroup_of_both() {
    let tree = Tree::new("walk");
    let (web, app, old) = (tree.make("v2/web"), tree.make("v2/web/app"), tree.make("v1/old"));
    let mut seen = Vec::new();
    tree.hierarchies().walk(|key, path| seen.push((key, path.to_vec())));
    let expected = [
        (CgroupKey::V2(web), b"/web".to_vec()),
        (CgroupKey::V2(app), b"/web/app".to_vec()),
        (CgroupKey::V1(old), b"/old".to_vec()),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_real_hierarchies_agree_with_proc() {
    let hierarchies = Hierarchies::discover(&Root::default()).expect("mountinfo is readable");
    let own = hierarchies.place(&fs::read("/proc/self/cgroup").expect("readable"));
    let mut found = own.key == CgroupKey::Root;
    hierarchies.walk(|key, path| found |= key == own.key && path == own.path);
    assert!(found, "{own:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let _ = Hierarchies::from_mounts(&bytes, true, &Root::default());
        let _ = Mount::find(&[b"1 1 0:1 / ", &*bytes, b" rw - cgroup2 x rw"].concat(), "cgroup2", None);
        let _ = mount("/a", "/").dir(&bytes);
    }
}

/// Directories that play the two hierarchies; removed at the end.
pub(super) struct Tree(PathBuf);

impl Tree {
    pub(super) fn new(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("signal-trace-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("v1")).expect("temporary directory");
        fs::create_dir_all(root.join("v2")).expect("temporary directory");
        Self(root)
    }

    /// Makes a cgroup and tells its id.
    pub(super) fn make(&self, path: &str) -> u64 {
        fs::create_dir_all(self.0.join(path)).expect("temporary directory");
        fs::metadata(self.0.join(path)).expect("just made").ino()
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_dir(self.0.join(path)).expect("made by us");
    }

    pub(super) fn hierarchies(&self) -> Hierarchies {
        Hierarchies {
            v2: Some(mount("/", self.0.join("v2"))),
            v1: Some(mount("/", self.0.join("v1"))),
            controller: "pids",
            proc: Root::default(),
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
