//! System calls that are refused from now on, by seccomp.

mod calls;

use std::{collections::BTreeMap, env::consts::ARCH};

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::{State, Step};

const NAME: &str = "seccomp";

/// Refuses them to the calling thread with `EPERM`.
pub fn refuse() -> Step {
    let Ok(arch) = TargetArch::try_from(ARCH) else {
        return Step::new(NAME, State::Not, format!("there is no filter for {ARCH}"));
    };
    let applied = programs(arch).and_then(|(refused, programs)| {
        programs.iter().try_for_each(|program| apply_filter(program)).map(|()| refused)
    });
    match applied {
        Ok(refused) => Step::new(NAME, State::Done, format!("{refused} system calls refused")),
        // `Display` of the crate tells the cause.
        Err(error) => Step::new(NAME, State::Not, format!("not possible here ({error})")),
    }
}

/// How many system calls they refuse in all cases, and the filters.
fn programs(arch: TargetArch) -> seccompiler::Result<(usize, [BpfProgram; 2])> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in calls::refused() {
        // No condition: always.
        rules.insert(call, Vec::new());
    }
    let refused = rules.len();
    for (call, alternatives) in calls::refused_if() {
        let mut made = Vec::new();
        for conditions in alternatives {
            let made_conditions = conditions
                .into_iter()
                .map(|(argument, op, value)| SeccompCondition::new(argument, Dword, op, value))
                .collect::<Result<_, _>>()?;
            made.push(SeccompRule::new(made_conditions)?);
        }
        rules.insert(call, made);
    }
    #[cfg(target_arch = "x86_64")]
    calls::add_x32(&mut rules);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?;
    // Its flags lie in memory, where no filter looks. The C library takes `clone` instead.
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let clone3 = SeccompFilter::new(clone3, SeccompAction::Allow, unknown, arch)?;
    Ok((refused, [filter.try_into()?, clone3.try_into()?]))
}

/// Number of the argument, how it is compared, and with what.
type Condition = (u8, SeccompCmpOp, u64);

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel takes 4096 instructions (`BPF_MAXINSNS`).
    #[test]
    fn filters_are_made_for_both_architectures() {
        for arch in [TargetArch::x86_64, TargetArch::aarch64] {
            let (refused, programs) = programs(arch).unwrap();
            assert!(refused > 60, "{refused}");
            assert!(programs.iter().all(|program| (1..=4096).contains(&program.len())));
        }
    }
}
