//! Capabilities: two are kept, by which other users' processes are looked at; all others, and all
//! ways to get them back, are dropped.

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};

use super::{State, Step};

/// `/proc/PID/root` and wait statuses in `/proc/PID/stat` need the first, folders of others (state
/// files of engines, `/run/user`) the second.
const NEEDED: [Capability; 2] = [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH];

const NAME: &str = "capabilities";

/// Drops them from the calling thread.
pub fn drop_most() -> Step {
    let permitted = match caps::read(None, CapSet::Permitted) {
        Ok(permitted) => permitted,
        Err(error) => return Step::new(NAME, State::Not, format!("cannot be read ({error})")),
    };
    let kept: Vec<_> = NEEDED.into_iter().filter(|one| permitted.contains(one)).collect();
    // Dropping from this set needs CAP_SETPCAP, which the next step drops.
    let bounding = caps::clear(None, CapSet::Bounding);
    if let Err(error) = keep(&kept.iter().copied().collect()) {
        return Step::new(NAME, State::Not, format!("cannot be dropped ({error})"));
    }
    let names = match &*kept {
        [] => "none".to_owned(),
        kept => kept.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    match bounding {
        Ok(()) => Step::new(NAME, State::Done, format!("kept {names}, bounding set empty")),
        Err(_) => Step::new(
            NAME,
            State::Partly,
            format!(
                "kept {names}; the bounding set stays for want of CAP_SETPCAP, but no_new_privs \
                 lets nothing come of it"
            ),
        ),
    }
}

fn keep(kept: &CapsHashSet) -> Result<(), CapsError> {
    // Older kernels have no such set.
    let _none = caps::clear(None, CapSet::Ambient);
    caps::clear(None, CapSet::Inheritable)?;
    // What is effective must be permitted.
    caps::set(None, CapSet::Effective, kept)?;
    caps::set(None, CapSet::Permitted, kept)
}
