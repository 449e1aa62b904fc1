//! What several systems need and what takes long to make: a compiled program, an empty database.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use crate::{
    folder::Folder,
    launch::{Launch, program_path},
};

/// Made once for all systems and rounds.
#[derive(Debug)]
pub struct Workshop(Folder);

/// A folder for one run of one system, and the workshop.
#[derive(Debug)]
pub struct Site<'a> {
    /// Its state, its configuration, its log.
    pub folder: Folder,
    workshop: &'a Workshop,
}

impl Workshop {
    /// With nothing in it.
    pub fn new() -> Self {
        let folder = Folder::new();
        // The database runs as another user than root, who owns the folder.
        open_to_all(folder.path());
        Self(folder)
    }

    /// Compiles a C program.
    pub fn compile_c(&self, name: &str, source: &str) {
        let file = self.0.file(&format!("{name}.c"));
        fs::write(&file, source).expect("the folder is ours");
        run(Command::new(program_path("cc", "gcc"))
            .args(["-O1", "-pthread", "-o"])
            .args([&self.0.file(name), &file]));
    }

    /// Compiles a Java class, with the compiler that is part of the runtime's modules.
    pub fn compile_java(&self, name: &str, source: &str) {
        let file = self.0.file(&format!("{name}.java"));
        fs::write(&file, source).expect("the folder is ours");
        run(Command::new(program_path("java", "default-jre-headless"))
            .args(["--module", "jdk.compiler/com.sun.tools.javac.Main", "-d"])
            .args([self.0.path(), &file]));
    }

    /// Makes an empty database cluster.
    pub fn make_database(&self) {
        let data = self.0.file("database");
        fs::create_dir(&data).expect("the folder is ours");
        give_to_postgres(&data);
        run(as_postgres(&mut Command::new(program_path("setpriv", "util-linux")))
            .arg(postgres_program("initdb"))
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--pgdata"])
            .arg(data));
    }
}

impl Default for Workshop {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Site<'a> {
    /// An empty folder.
    pub fn new(workshop: &'a Workshop) -> Self {
        Self { folder: Folder::new(), workshop }
    }

    /// Writes a file; its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.folder.file(name), text).expect("the folder is ours");
        self.path(name)
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> String {
        self.folder.file(name).display().to_string()
    }

    /// What the workshop has made.
    pub fn made(&self, name: &str) -> PathBuf {
        self.workshop.0.file(name)
    }

    /// `postgres` with a copy of the database, as the user postgres, without arguments.
    pub fn postgres(&self) -> Launch {
        open_to_all(self.folder.path());
        let data = self.folder.file("data");
        run(Command::new(program_path("cp", "coreutils"))
            .arg("--archive")
            .args([&self.made("database"), &data]));
        let sockets = self.folder.file("run");
        fs::create_dir(&sockets).expect("the folder is ours");
        give_to_postgres(&sockets);
        let user = "--reuid=postgres --regid=postgres --clear-groups";
        Launch::new("setpriv", "util-linux")
            .args(user)
            .arg(postgres_program("postgres"))
            .arg("-D")
            .arg(data)
            .arg("-k")
            .arg(sockets)
    }
}

/// A port of 127.0.0.1 that nobody uses: below those that the kernel gives to connections.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 10_000).expect("small");
    for _ in 0..10_000 {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free on 127.0.0.1");
}

/// Debian keeps the server's programs out of `PATH`, by version.
pub fn postgres_program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin").join(name));
    programs
        .filter(|path| path.is_file())
        .max()
        .unwrap_or_else(|| panic!("{name} is not installed: apt-get install postgresql-15"))
}

fn as_postgres(command: &mut Command) -> &mut Command {
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).current_dir("/")
}

fn give_to_postgres(folder: &Path) {
    let user = nix::unistd::User::from_name("postgres").expect("the users can be read");
    let user = user.expect("no user postgres: apt-get install postgresql-15");
    nix::unistd::chown(folder, Some(user.uid), Some(user.gid)).expect("the tests run as root");
}

fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("the folder is ours");
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {said}", output.status);
}
