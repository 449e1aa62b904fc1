//! Containers of runc alone, with bundles made by hand.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Mutex,
};

use serde_json::{Value, json};

use crate::{daemon, folder::Folder, image, inside, process::Proc, programs};

/// runc with its state in a temporary folder.
#[derive(Debug)]
pub struct Runc {
    started: Mutex<Vec<String>>,
    root: PathBuf,
    folder: Folder,
}

impl Runc {
    /// Makes the root file system. Containers become our children: runc leaves them alone.
    pub fn new() -> Self {
        nix::sys::prctl::set_child_subreaper(true).expect("any process may be a subreaper");
        daemon::remove_leftovers();
        let folder = Folder::new();
        let root = image::busybox_root(&folder);
        Self { started: Mutex::default(), root, folder }
    }

    /// `oci=FOLDER`, for `--runtime`.
    pub fn runtime_argument(&self) -> String {
        format!("oci={}", self.state().display())
    }

    /// runc's `--root`: a folder for each container, with `state.json`.
    pub fn state(&self) -> PathBuf {
        self.folder.file("state")
    }

    /// Starts a container in a cgroup that runs `sh -c SCRIPT`; its PID 1. The script runs
    /// [`inside::UP`] when its signal handling is in place.
    pub fn start_shell(&self, id: &str, cgroup: &str, annotations: &Value, script: &str) -> Proc {
        let bundle = self.folder.file(&format!("bundle-{id}"));
        fs::create_dir(&bundle).expect("the folder is ours");
        let namespaces = ["pid", "mount", "ipc", "uts"].map(|kind| json!({ "type": kind }));
        let mounts = [("/proc", "proc"), ("/dev", "tmpfs"), ("/tmp", "tmpfs")].map(
            |(destination, kind)| {
                json!({ "destination": destination, "type": kind, "source": kind })
            },
        );
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": 0, "gid": 0 },
                "args": ["sh", "-c", script],
                "env": ["PATH=/bin"],
                "cwd": "/",
            },
            "root": { "path": self.root, "readonly": true },
            "mounts": mounts,
            "annotations": annotations,
            "linux": { "cgroupsPath": cgroup, "namespaces": namespaces },
        });
        fs::write(bundle.join("config.json"), config.to_string()).expect("the folder is ours");
        let bundle = bundle.display().to_string();
        self.started.lock().expect("nobody panicked").push(id.to_owned());
        self.run(&["run", "--detach", "--bundle", &bundle, id]);
        let state: Value = serde_json::from_str(&self.run(&["state", id])).expect("it is JSON");
        let pid = i32::try_from(state["pid"].as_i64().expect("it runs")).expect("a pid");
        inside::wait_until_up(pid);
        Proc::adopt(pid)
    }

    /// Runs `runc ARGUMENTS`; what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments).unwrap_or_else(|error| panic!("runc {arguments:?}: {error}"))
    }

    fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        // A detached container keeps them open.
        let names = ["output", "errors"].map(|name| self.folder.file(name));
        let files = names.clone().map(|name| fs::File::create(name).expect("the folder is ours"));
        let [output, errors] = files;
        let status = Command::new(programs::system("runc", "runc"))
            .arg("--root")
            .arg(self.state())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .status()
            .map_err(|error| error.to_string())?;
        let [output, errors] = names.map(|name| fs::read_to_string(name).unwrap_or_default());
        if status.success() { Ok(output) } else { Err(errors) }
    }
}

impl Default for Runc {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Runc {
    fn drop(&mut self) {
        // Best effort: a test that failed has already said why.
        for id in std::mem::take(&mut *self.started.lock().expect("nobody panicked")) {
            let _removed = self.try_run(&["delete", "--force", &id]);
        }
        daemon::clear(self.folder.path());
    }
}
