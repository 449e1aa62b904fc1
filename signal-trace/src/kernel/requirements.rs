//! What must be there before the programs can be loaded, checked one by one so that the message
//! names the thing that is missing and not what failed because of it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::sys::utsname::uname;
use signal_trace_common::names::PROBES;

use super::{btf::Btf, error::LoadError};

const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_PERFMON: u64 = 1 << 38;
const CAP_BPF: u64 = 1 << 39;

/// Where the kernel shows what is needed; tests point these elsewhere.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The kernel's type information.
    pub btf: PathBuf,
    /// Where tracefs may be mounted; the first that holds events is used. To attach, `aya` looks
    /// at the default places only.
    pub tracefs: Vec<PathBuf>,
    /// The status file that tells this process' capabilities.
    pub status: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            btf: PathBuf::from("/sys/kernel/btf/vmlinux"),
            tracefs: vec![
                PathBuf::from("/sys/kernel/tracing"),
                PathBuf::from("/sys/kernel/debug/tracing"),
            ],
            status: PathBuf::from("/proc/self/status"),
        }
    }
}

/// What the kernel says about itself.
#[derive(Debug)]
pub struct Facts {
    /// Its type information.
    pub btf: Btf,
    /// The text of `sched_process_fork/format`.
    pub fork_format: String,
    /// Its release.
    pub kernel: String,
}

/// Checks everything and reads what the layout needs.
pub fn check(paths: &Paths) -> Result<Facts, LoadError> {
    if !is_privileged(&read_text(&paths.status)?) {
        return Err(LoadError::NotPrivileged);
    }
    let btf = match fs::read(&paths.btf) {
        Ok(bytes) => Btf::parse(bytes)
            .map_err(|source| LoadError::BadBtf { path: paths.btf.clone(), source })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LoadError::NoBtf { path: paths.btf.clone() });
        }
        Err(source) => return Err(LoadError::Unreadable { path: paths.btf.clone(), source }),
    };
    let events = find_events(&paths.tracefs)?;
    for probe in &PROBES {
        if !events.join(probe.category).join(probe.tracepoint).is_dir() {
            return Err(LoadError::NoTracepoint {
                category: probe.category,
                name: probe.tracepoint,
            });
        }
    }
    Ok(Facts {
        btf,
        fork_format: read_text(&events.join("sched/sched_process_fork/format"))?,
        kernel: kernel_release(),
    })
}

/// The running kernel's release, for messages.
pub fn kernel_release() -> String {
    uname().map_or_else(
        |_| "(of unknown release)".to_owned(),
        |name| name.release().to_string_lossy().into_owned(),
    )
}

/// Whether `CapEff` in a status file allows to load and attach the programs.
fn is_privileged(status: &str) -> bool {
    let effective = status
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok())
        .unwrap_or(0);
    let tracing = CAP_BPF | CAP_PERFMON;
    effective & CAP_SYS_ADMIN != 0 || effective & tracing == tracing
}

fn find_events(tracefs: &[PathBuf]) -> Result<PathBuf, LoadError> {
    for mount in tracefs {
        let events = mount.join("events");
        match fs::read_dir(&events) {
            Ok(_) => return Ok(events),
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Err(LoadError::Unreadable { path: events, source });
            }
            Err(_) => {}
        }
    }
    Err(LoadError::NoTracefs { paths: tracefs.to_vec() })
}

fn read_text(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path)
        .map_err(|source| LoadError::Unreadable { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a status file, and nothing else, until it is dropped.
    struct System {
        root: PathBuf,
        paths: Paths,
    }

    impl System {
        fn new(name: &str, capabilities: u64) -> Self {
            let name = format!("signal-trace-{}-{name}", std::process::id());
            let root = std::env::temp_dir().join(name);
            fs::create_dir_all(&root).unwrap();
            let status = root.join("status");
            fs::write(&status, format!("Name:\tx\nCapEff:\t{capabilities:016x}\n")).unwrap();
            let paths = Paths { btf: root.join("vmlinux"), tracefs: vec![root.join("t")], status };
            Self { root, paths }
        }
    }

    impl Drop for System {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.root);
        }
    }

    #[test]
    fn too_few_capabilities_are_named() {
        for capabilities in [0, CAP_BPF, CAP_PERFMON] {
            let error = check(&System::new("capabilities", capabilities).paths).unwrap_err();
            assert!(matches!(error, LoadError::NotPrivileged), "{error}");
            assert!(error.to_string().contains("CAP_BPF and CAP_PERFMON"), "{error}");
        }
    }

    #[test]
    fn missing_type_information_is_named() {
        let error = check(&System::new("btf", CAP_SYS_ADMIN).paths).unwrap_err();
        assert!(matches!(error, LoadError::NoBtf { .. }), "{error}");
        assert!(error.to_string().contains("CONFIG_DEBUG_INFO_BTF"), "{error}");
    }

    #[test]
    fn unusable_type_information_is_named() {
        let system = System::new("bad-btf", CAP_SYS_ADMIN);
        fs::write(&system.paths.btf, "this is not BTF").unwrap();
        let error = check(&system.paths).unwrap_err();
        assert!(matches!(error, LoadError::BadBtf { .. }), "{error}");
    }

    #[test]
    fn a_missing_tracefs_is_named() {
        let mut system = System::new("tracefs", CAP_BPF | CAP_PERFMON);
        system.paths.btf = Paths::default().btf;
        let error = check(&system.paths).unwrap_err();
        assert!(matches!(error, LoadError::NoTracefs { .. }), "{error}");
        assert!(error.to_string().contains("mount -t tracefs"), "{error}");
    }

    #[test]
    fn a_missing_tracepoint_is_named() {
        let mut system = System::new("tracepoint", CAP_SYS_ADMIN);
        system.paths.btf = Paths::default().btf;
        fs::create_dir_all(system.paths.tracefs[0].join("events/sched/sched_process_exit"))
            .unwrap();
        let error = check(&system.paths).unwrap_err();
        assert!(error.to_string().contains("sched:sched_process_free"), "{error}");
    }
}
