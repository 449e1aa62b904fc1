//! Loads the eBPF programs into the kernel and attaches them.

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _},
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, MapError, RingBuf},
    programs::{Program, ProgramError},
};
use aya_log::EbpfLogger;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use signal_trace_common::{
    filter::Filter,
    layout::KernelLayout,
    names::{self, Attach, PROBES, Probe},
};
use zerocopy::IntoBytes as _;

use super::{
    drops::Drops,
    error::LoadError,
    layout, private_tracefs,
    requirements::{self, Paths},
    watch::Watch,
};
use crate::memory;

/// Built by `cargo xtask ebpf`; see `docs/ebpf-object.md`.
static OBJECT: &[u8] =
    aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/ebpf/signal-trace.bpf.o"));

/// How the programs are loaded.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The watched signals: bit `n - 1` stands for signal `n`.
    pub signal_mask: u64,
    /// What the programs log: 0 nothing, else up to 5 as in `aya_log::Level`. At 0 the verifier
    /// removes the code for it.
    pub log_level: u8,
    /// Where the kernel shows what is needed.
    pub paths: Paths,
}

/// The loaded programs. They run until this is dropped.
pub struct Loaded {
    /// Records of exit, free, fork, exec, OOM and cgroups.
    pub lifecycle: RingBuf<MapData>,
    /// Records of signals.
    pub signals: RingBuf<MapData>,
    /// Reads the logs of the programs, if they were asked to write some.
    pub logger: Option<EbpfLogger<&'static dyn log::Log>>,
    /// How many records found their ring full.
    pub drops: Drops,
    /// Watches more signals.
    pub watch: Watch,
    programs: Ebpf,
}

/// Checks what the kernel offers, loads all programs and attaches them.
///
/// Classic tracepoints are found through tracefs. Where nobody mounted it, it is mounted for the
/// time of the load, and seen by nobody else.
pub fn load(options: &LoadOptions) -> Result<Loaded, LoadError> {
    match load_here(options) {
        Err(missing @ LoadError::NoTracefs { .. }) => {
            private_tracefs::with(&options.paths, || load_here(options)).unwrap_or(Err(missing))
        }
        result => result,
    }
}

fn load_here(options: &LoadOptions) -> Result<Loaded, LoadError> {
    let facts = requirements::check(&options.paths)?;
    raise_memory_limit();
    let layout = layout::resolve(&facts.btf, &facts.fork_format, &facts.kernel)?;
    drop(facts);
    let filter = Filter { signal_mask: options.signal_mask };
    let mut programs = load_object(&layout, filter, options.log_level)?;
    for probe in &PROBES {
        load_program(program(&mut programs, probe)?)
            .map_err(|source| LoadError::of_program("load", probe.program, source))?;
    }
    let loaded = Loaded {
        lifecycle: open_map(&mut programs, names::MAP_LIFECYCLE)?,
        signals: open_map(&mut programs, names::MAP_SIGNALS)?,
        drops: Drops::open(&take_map(&mut programs, names::MAP_DROPS)?)?,
        watch: Watch::open(&take_map(&mut programs, names::MAP_WATCH)?)?,
        logger: (options.log_level > 0)
            .then(|| EbpfLogger::init(&mut programs))
            .transpose()
            .map_err(|source| LoadError::Logs { source })?,
        programs,
    };
    let loaded = loaded.attach()?;
    memory::give_back();
    Ok(loaded)
}

impl Loaded {
    fn attach(mut self) -> Result<Self, LoadError> {
        for probe in &PROBES {
            attach_program(program(&mut self.programs, probe)?, probe)
                .map_err(|source| LoadError::of_program("attach", probe.program, source))?;
        }
        Ok(self)
    }

    /// How often each program did not run because it was running on that CPU already; nothing
    /// else shows this loss. `None` where the kernel does not count (before 5.12).
    pub fn recursion_misses(&self) -> io::Result<Vec<(&'static str, Option<u64>)>> {
        let misses = |probe: &Probe| {
            let program = self.programs.program(probe.program);
            let fd = program.and_then(|program| program.fd().ok()).ok_or_else(|| {
                io::Error::other(format!("the program {} is not loaded", probe.program))
            })?;
            let path = format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd());
            let text = fs::read_to_string(path)?;
            Ok((probe.program, parse_misses(&text)))
        };
        PROBES.iter().map(misses).collect()
    }
}

fn load_object(layout: &KernelLayout, filter: Filter, log_level: u8) -> Result<Ebpf, LoadError> {
    EbpfLoader::new()
        .override_global(names::GLOBAL_LAYOUT, layout.as_bytes(), true)
        .override_global(names::GLOBAL_FILTER, filter.as_bytes(), true)
        .override_global(aya_log::LEVEL, &log_level, true)
        .load(OBJECT)
        .map_err(LoadError::of_object)
}

fn program<'a>(programs: &'a mut Ebpf, probe: &Probe) -> Result<&'a mut Program, LoadError> {
    programs.program_mut(probe.program).ok_or(LoadError::Incomplete { part: probe.program })
}

fn load_program(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::RawTracePoint(program) => program.load(),
        Program::TracePoint(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

fn attach_program(program: &mut Program, probe: &Probe) -> Result<(), ProgramError> {
    match (program, probe.attach) {
        (Program::RawTracePoint(program), Attach::Raw) => {
            program.attach(probe.tracepoint).map(drop)
        }
        (Program::TracePoint(program), Attach::Classic) => {
            program.attach(probe.category, probe.tracepoint).map(drop)
        }
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

fn take_map(programs: &mut Ebpf, name: &'static str) -> Result<Map, LoadError> {
    programs.take_map(name).ok_or(LoadError::Incomplete { part: name })
}

fn open_map<T: TryFrom<Map, Error = MapError>>(
    programs: &mut Ebpf,
    name: &'static str,
) -> Result<T, LoadError> {
    T::try_from(take_map(programs, name)?).map_err(|source| LoadError::Map { map: name, source })
}

/// Before 5.11 the kernel counts maps against a limit that is far too low by default. Best
/// effort: later kernels do not need it, and if it was needed, loading fails and says so.
fn raise_memory_limit() {
    if setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY).is_err() {
        // Not ours to lift; but as far as the hard limit it may go.
        let hard = getrlimit(Resource::RLIMIT_MEMLOCK).map(|(_, hard)| hard);
        let _ = hard.and_then(|hard| setrlimit(Resource::RLIMIT_MEMLOCK, hard, hard));
    }
}

fn parse_misses(fdinfo: &str) -> Option<u64> {
    fdinfo.lines().find_map(|line| line.strip_prefix("recursion_misses:")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_are_read_from_fdinfo() {
        assert_eq!(parse_misses("prog_type:\t17\nrecursion_misses:\t42\n"), Some(42));
        assert_eq!(parse_misses("prog_type:\t17\n"), None);
    }
}
