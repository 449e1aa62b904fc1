//! The programs of the scenarios: scripts in several languages, and C that is compiled here.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::controls::Hierarchy;
use crate::{folder::Folder, programs};

/// A program and its arguments.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// `tree.c`, with its words.
    C(&'static str),
    /// The same under another name of the executable; it starts its first child in a second
    /// cgroup.
    Manager(&'static str, &'static str),
    /// `entrypoint.sh`, with this shell.
    Shell(Shell, &'static str),
    /// One line for `sh -c`, with this shell.
    Line(Shell, &'static str),
    /// `worker.py`.
    Python(&'static str),
    /// `server.js`.
    Node(&'static str),
    /// `worker.pl`.
    Perl(&'static str),
    /// `worker.rb`.
    Ruby(&'static str),
    /// `worker.php`.
    Php(&'static str),
    /// `st-proc`, the helper of the other suites.
    Rust(&'static str),
}

/// The shells that entrypoints are run by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// Debian's `sh`.
    Dash,
    /// The same scripts, other habits.
    Bash,
    /// Alpine's.
    Busybox,
}

/// What the scenarios need beside themselves.
#[derive(Debug)]
pub struct Tools {
    folder: Folder,
    pub(super) freezer: Hierarchy,
}

impl Tools {
    /// Compiles the C programs, and finds the freezer.
    pub fn build() -> Self {
        let compiler = programs::system("cc", "gcc libc6-dev");
        let folder = Folder::new();
        for name in ["tree", "sender"] {
            let status = Command::new(&compiler)
                .args(["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
                .arg(folder.file(name))
                .arg(source(&format!("{name}.c")))
                .status()
                .expect("the compiler can start");
            assert!(status.success(), "cc cannot compile {name}.c: {status}");
        }
        Self { folder, freezer: Hierarchy::freezer() }
    }

    /// `sender`, or a copy of it: who sends a signal is known by the file that it is run from.
    pub(super) fn sender(&self, name: &str) -> PathBuf {
        self.copy("sender", name)
    }

    fn copy(&self, program: &str, name: &str) -> PathBuf {
        let folder = self.folder.file(&format!("{program}-as"));
        fs::create_dir_all(&folder).expect("the folder is ours");
        let copy = folder.join(name);
        if !copy.exists() {
            fs::copy(self.folder.file(program), &copy).expect("the folder is ours");
        }
        copy
    }

    /// Path and arguments of `program`; `second` is the file by which one joins its second cgroup.
    pub(super) fn words(&self, program: Program, second: Option<&Path>) -> Vec<OsString> {
        let python = "python3";
        let (mut words, arguments) = match program {
            Program::C(words) => (vec![self.folder.file("tree").into_os_string()], words),
            Program::Manager(name, words) => {
                (vec![self.copy("tree", name).into_os_string()], words)
            }
            Program::Shell(shell, words) => (shell.script(), words),
            Program::Line(shell, line) => {
                let mut words = shell.words();
                words.extend(["-c".into(), line.into()]);
                return words;
            }
            Program::Python(words) => (script(python, python, "worker.py"), words),
            Program::Node(words) => (script("node", "nodejs", "server.js"), words),
            Program::Perl(words) => (script("perl", "perl", "worker.pl"), words),
            Program::Ruby(words) => (script("ruby", "ruby", "worker.rb"), words),
            Program::Php(words) => (script("php", "php-cli", "worker.php"), words),
            Program::Rust(words) => (vec![programs::helper().into_os_string()], words),
        };
        words.extend(arguments.split_whitespace().map(|word| match (word, second) {
            ("SECOND-CGROUP", Some(file)) => {
                let mut joined = OsString::from("join=");
                joined.push(file);
                joined
            }
            _ => word.into(),
        }));
        words
    }
}

impl Program {
    /// Whether it is a shell that says READY and then makes room for another program.
    pub(super) fn is_replaced(self) -> bool {
        match self {
            Self::Shell(_, mode) => matches!(mode, "exec" | "deaf"),
            Self::Line(_, line) => line.contains("exec "),
            _ => false,
        }
    }

    pub(super) const fn needs_second_cgroup(self) -> bool {
        matches!(self, Self::Manager(..))
    }
}

impl Shell {
    fn words(self) -> Vec<OsString> {
        match self {
            Self::Dash => vec![interpreter("dash", "dash").into()],
            Self::Bash => vec![interpreter("bash", "bash").into()],
            Self::Busybox => vec![interpreter("busybox", "busybox-static").into(), "sh".into()],
        }
    }

    fn script(self) -> Vec<OsString> {
        let mut words = self.words();
        words.push(source("entrypoint.sh").into());
        words
    }
}

fn script(name: &str, package: &str, file: &str) -> Vec<OsString> {
    vec![interpreter(name, package).into(), source(file).into()]
}

/// The system's own one: what version managers put into `PATH` before it is often a shell script.
fn interpreter(name: &str, package: &str) -> PathBuf {
    ["/usr/bin", "/bin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| programs::system(name, package))
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(name)
}
