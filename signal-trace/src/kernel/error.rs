//! Why the programs could not be loaded: one sentence each that names what is missing and what
//! to do about it.

use std::{io, path::PathBuf};

use aya::{EbpfError, maps::MapError, programs::ProgramError};

use nix::sys::resource::{Resource, getrlimit};

use super::{btf::BtfError, requirements::kernel_release};

/// Why the programs could not be loaded or attached.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The process lacks the capabilities.
    #[error(
        "tracing needs root, or the capabilities CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before \
         Linux 5.8), and this process has neither: run it with sudo, or give it them"
    )]
    NotPrivileged,
    /// `EPERM` in spite of the capabilities.
    #[error(
        "the kernel refuses {call} although the capabilities are there: a seccomp filter, a \
         security module or a user namespace forbids it, so run signal-trace on the host or in a \
         privileged container"
    )]
    Refused {
        /// What was refused.
        call: &'static str,
    },
    /// `EPERM` because of the limit that old kernels count maps against.
    #[error(
        "the limit on locked memory (RLIMIT_MEMLOCK) is {limit} bytes, too low for the eBPF maps \
         of this kernel: run `ulimit -l unlimited` as root first (systemd: LimitMEMLOCK=infinity)"
    )]
    MemlockTooLow {
        /// The soft limit.
        limit: u64,
    },
    /// The kernel does not carry its type information.
    #[error(
        "{path} is missing, so this kernel was built without its type information \
         (CONFIG_DEBUG_INFO_BTF): use a kernel that has it, as all current distributions do"
    )]
    NoBtf {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The type information cannot be understood.
    #[error(
        "the kernel's type information in {path} cannot be used: {source}; please report this \
         with the kernel's version"
    )]
    BadBtf {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        source: BtfError,
    },
    /// No tracefs is mounted.
    #[error(
        "tracefs is not mounted at {}: run `mount -t tracefs tracefs /sys/kernel/tracing` as root \
         (in a container, mount the host's there)",
        list(paths)
    )]
    NoTracefs {
        /// Where it was looked for.
        paths: Vec<PathBuf>,
    },
    /// A file of the kernel exists and cannot be read.
    #[error("cannot read {path}: {source}; run signal-trace as root or with CAP_DAC_READ_SEARCH")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A structure lacks a member that verdicts hang on.
    #[error(
        "Linux {kernel} has no {member}, which signal-trace must read: this kernel is newer or \
         older than signal-trace knows, so look for a newer release or report it"
    )]
    MissingMember {
        /// The member, as `structure.path`.
        member: String,
        /// The kernel's release.
        kernel: String,
    },
    /// The kernel has no such tracepoint.
    #[error(
        "this kernel has no tracepoint {category}:{name}: use one that is built with \
         CONFIG_TRACEPOINTS and CONFIG_EVENT_TRACING"
    )]
    NoTracepoint {
        /// The tracepoint's category.
        category: &'static str,
        /// The tracepoint's name.
        name: &'static str,
    },
    /// The verifier did not accept a program.
    #[error(
        "the kernel's verifier does not accept the program {program}: {log}; please report this \
         with the kernel's version"
    )]
    Rejected {
        /// The program.
        program: &'static str,
        /// The last lines of the verifier's log.
        log: String,
    },
    /// A program could not be loaded or attached for another reason.
    #[error(
        "cannot {action} the program {program}: {}; please report this with the kernel's version",
        chain(source)
    )]
    Program {
        /// What was tried: load or attach.
        action: &'static str,
        /// The program.
        program: &'static str,
        /// Why.
        source: ProgramError,
    },
    /// The object could not be loaded for another reason.
    #[error(
        "cannot load the eBPF object: {}; please report this with the kernel's version",
        chain(source)
    )]
    Object {
        /// Why.
        source: EbpfError,
    },
    /// A map could not be used.
    #[error(
        "cannot use the eBPF map {map}: {}; please report this with the kernel's version",
        chain(source)
    )]
    Map {
        /// The map.
        map: &'static str,
        /// Why.
        source: MapError,
    },
    /// The logs of the programs could not be read.
    #[error(
        "cannot read the logs of the eBPF programs: {}; leave out the debug level",
        chain(source)
    )]
    Logs {
        /// Why.
        source: aya_log::Error,
    },
    /// The object does not hold what this program expects in it.
    #[error(
        "this build is broken: its eBPF object has no {part}; build it again from clean sources"
    )]
    Incomplete {
        /// Name of the program or map.
        part: &'static str,
    },
}

impl LoadError {
    /// What went wrong when a program was loaded or attached.
    pub(super) fn of_program(
        action: &'static str,
        program: &'static str,
        source: ProgramError,
    ) -> Self {
        match &source {
            ProgramError::LoadError { io_error, .. } if is_refusal(io_error) => {
                Self::Refused { call: "to load eBPF programs" }
            }
            ProgramError::LoadError { verifier_log, .. } => {
                Self::Rejected { program, log: last_lines(&verifier_log.to_string()) }
            }
            ProgramError::SyscallError(error) if is_refusal(&error.io_error) => {
                Self::Refused { call: "to attach eBPF programs" }
            }
            _ => Self::Program { action, program, source },
        }
    }

    /// What went wrong when the maps were made.
    pub(super) fn of_object(source: EbpfError) -> Self {
        let EbpfError::MapError(MapError::CreateError { io_error, .. }) = &source else {
            return Self::Object { source };
        };
        if !is_refusal(io_error) {
            return Self::Object { source };
        }
        match getrlimit(Resource::RLIMIT_MEMLOCK) {
            Ok((limit, _)) if counts_locked_memory(&kernel_release()) && limit < MAP_MEMORY => {
                Self::MemlockTooLow { limit }
            }
            _ => Self::Refused { call: "to make eBPF maps" },
        }
    }
}

/// More than all maps take.
const MAP_MEMORY: u64 = 64 << 20;

fn is_refusal(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Whether the kernel counts maps against `RLIMIT_MEMLOCK`: before 5.11. Only a message hangs on
/// this comparison of versions.
fn counts_locked_memory(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (5, 11),
        _ => false,
    }
}

/// The end of a verifier log, where the reason is, on one line.
fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(4)..].join(" | ")
}

/// An error with its causes: those of `aya` leave theirs to `source()`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Transparent errors repeat what they wrap.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    names.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kernels_before_5_11_count_locked_memory() {
        assert!(counts_locked_memory("5.10.0-30-amd64"));
        assert!(!counts_locked_memory("5.11"));
        assert!(!counts_locked_memory("6.1.0"));
        assert!(!counts_locked_memory("linux"));
    }

    #[test]
    fn the_end_of_a_verifier_log_is_kept() {
        assert_eq!(last_lines("1\n2\n3\n\n 4 \n5\n"), "2 | 3 | 4 | 5");
        assert_eq!(last_lines(""), "");
    }

    #[test]
    fn causes_are_told_once() {
        let error = LoadError::Program {
            action: "attach",
            program: "process_exit",
            source: ProgramError::from(io::Error::other("no such thing")),
        };
        assert_eq!(
            error.to_string(),
            "cannot attach the program process_exit: no such thing; please report this with the \
             kernel's version"
        );
    }
}
