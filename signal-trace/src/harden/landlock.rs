//! Files and ports, by Landlock: all is read, little is written, nothing is executed.

use std::{env, path::PathBuf, thread};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope,
};

use super::{Plan, State, Step};
use crate::capture::procfs::Root;

const NAME: &str = "landlock";

/// The newest interface of which we use something. Of later ones we would not know what they refuse;
/// to connect to Unix sockets must stay possible.
const KNOWN: ABI = ABI::V6;

/// What is going to be restricted.
pub struct Restriction {
    writable: Vec<PathBuf>,
    /// Not there, so they get no rights.
    missing: Vec<PathBuf>,
    ports: Vec<u16>,
    abstract_sockets: bool,
    /// Why it must not be, if so.
    obstacle: Option<String>,
}

impl Restriction {
    /// As the plan has it; whether it would work here is tried.
    pub fn new(plan: &Plan) -> Self {
        let (writable, missing) = plan.writable.iter().cloned().partition(|path| path.exists());
        // A service manager may listen there for our state.
        let notified = env::var_os("NOTIFY_SOCKET");
        let abstract_sockets =
            notified.is_some_and(|name| name.as_encoded_bytes().starts_with(b"@"));
        let ports = plan.connect_ports.clone();
        let mut new = Self { writable, missing, ports, abstract_sockets, obstacle: None };
        new.obstacle = new.try_out(&plan.proc);
        new
    }

    /// Whether there is nothing against it.
    pub const fn works(&self) -> bool {
        self.obstacle.is_none()
    }

    /// Restricts the calling thread; `blind` if nobody can look at other processes for us then.
    pub fn apply(self, blind: bool) -> Step {
        if let Some(obstacle) = self.obstacle {
            return Step::new(NAME, State::Not, obstacle);
        }
        let status = match self.restrict() {
            Ok(status) => status,
            Err(error) => return Step::new(NAME, State::Not, format!("not possible ({error})")),
        };
        let mut gaps = Vec::new();
        if status.ruleset != RulesetStatus::FullyEnforced {
            gaps.push("this kernel cannot restrict all of it: newer ones can".to_owned());
        }
        for path in &self.missing {
            gaps.push(format!("{} is not there, so nothing can be written in it", path.display()));
        }
        if self.abstract_sockets {
            gaps.push("abstract sockets stay open for NOTIFY_SOCKET".to_owned());
        }
        if blind {
            gaps.push("managers in containers cannot be asked: no process was left".to_owned());
        }
        let writes = if self.writable.is_empty() {
            "writes nowhere".to_owned()
        } else {
            let paths = self.writable.iter().map(|path| path.display().to_string());
            format!("writes below {} only", paths.collect::<Vec<_>>().join(", "))
        };
        let connects = if self.ports.is_empty() {
            "connects to no TCP port".to_owned()
        } else {
            let ports = self.ports.iter().map(ToString::to_string).collect::<Vec<_>>();
            format!("connects to TCP port {} only", ports.join(", "))
        };
        let state = if gaps.is_empty() { State::Done } else { State::Partly };
        let gaps = if gaps.is_empty() { String::new() } else { format!(" ({})", gaps.join("; ")) };
        Step::new(NAME, state, format!("{writes}, {connects}, executes nothing{gaps}"))
    }

    /// Tries it on a thread of its own: why it must not be applied here, if so.
    fn try_out(&self, proc: &Root) -> Option<String> {
        let visible = || proc.pids().map_or(0, |pids| pids.len());
        let before = visible();
        let work = || match self.restrict() {
            Err(error) => Some(format!("not possible ({error})")),
            Ok(status) if status.ruleset == RulesetStatus::NotEnforced => {
                Some("this kernel has none, or it is switched off (`lsm=` without landlock)".into())
            }
            // Some end meanwhile, but not most.
            Ok(_) if visible() < before / 2 => Some(format!(
                "left out: with it, {} would hide the node's processes from us (`hidepid`)",
                proc.path().display()
            )),
            Ok(_) => None,
        };
        let tried = thread::scope(|scope| {
            thread::Builder::new().spawn_scoped(scope, work).ok()?.join().ok()
        });
        tried.unwrap_or_else(|| Some("cannot be tried: there is no thread left".into()))
    }

    fn restrict(&self) -> Result<RestrictionStatus, RulesetError> {
        let all = AccessFs::from_all(KNOWN);
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        // Devices are nobody's log files.
        let write = all
            & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
        let mut scopes: BitFlags<Scope> = Scope::Signal.into();
        if !self.abstract_sockets {
            scopes |= Scope::AbstractUnixSocket;
        }
        let mut rules = Ruleset::default()
            .handle_access(all)?
            .handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?
            .scope(scopes)?
            .create()?;
        rules = allow(rules, &PathBuf::from("/"), read)?;
        for path in &self.writable {
            rules = allow(rules, path, write)?;
        }
        for port in &self.ports {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        rules.restrict_self()
    }
}

/// What has gone meanwhile gets no rights.
fn allow(
    rules: RulesetCreated,
    path: &PathBuf,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(fd) = PathFd::new(path) else { return Ok(rules) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(KNOWN) };
    rules.add_rule(PathBeneath::new(fd, access))
}
