//! Works out the kernel layout from the kernel's type information and a tracepoint's format.

use signal_trace_common::layout::{ABSENT, KernelLayout, MEMBERS, Member, Need};

use super::{
    btf::{Argument, Btf, Structure},
    error::LoadError,
};

/// Fills a layout. `fork_format` is the text of tracefs' `sched_process_fork/format`, and
/// `kernel` the release that a message shall name.
pub fn resolve(btf: &Btf, fork_format: &str, kernel: &str) -> Result<KernelLayout, LoadError> {
    let missing = |member: String| LoadError::MissingMember { member, kernel: kernel.to_owned() };
    let mut layout = KernelLayout::ABSENT;
    let mut known: Option<(&str, Option<Structure>)> = None;
    for (member, slot) in MEMBERS.iter().zip(layout.members_mut()) {
        // `MEMBERS` lists a structure's members together.
        let structure = match known {
            Some((name, structure)) if name == member.structure => structure,
            _ => choose(btf, member.structure),
        };
        known = Some((member.structure, structure));
        match structure.and_then(|structure| offset(btf, structure, member)) {
            Some(found) => *slot = found,
            None if member.need == Need::Optional => {}
            None => {
                return Err(missing(format!("{}.{}", member.structure, member.paths.join(" or "))));
            }
        }
    }
    let size = |name: &str| {
        let structure = btf.structures(name).next();
        structure
            .and_then(|structure| btf.size(structure))
            .ok_or_else(|| missing(format!("struct {name}")))
    };
    layout.k_sigaction_size = size("k_sigaction")?;
    layout.upid_size = size("upid")?;
    layout.cgroup_v1_subsys = ["pids_cgrp_id", "memory_cgrp_id"]
        .into_iter()
        .find_map(|name| btf.enumerator("cgroup_subsys_id", name))
        .unwrap_or(ABSENT);
    layout.pidtype_pgid = btf.enumerator("pid_type", "PIDTYPE_PGID").unwrap_or(ABSENT);
    // A backport changed this one within a stable series: only the prototype tells.
    let victim = btf.tracepoint("mark_victim").and_then(|arguments| arguments.first().copied());
    layout.mark_victim_has_task = u32::from(victim == Some(Argument::Pointer));
    layout.fork_record_child_pid = field_offset(fork_format, "child_pid").unwrap_or(ABSENT);
    Ok(layout)
}

/// The definition of a structure to use for all its members: the first that has all that are
/// required, else the first, so that the message names what it lacks.
fn choose(btf: &Btf, name: &str) -> Option<Structure> {
    let mut required = MEMBERS
        .iter()
        .filter(|member| member.structure == name && member.need == Need::Required)
        .collect::<Vec<_>>();
    // Without a required one, prefer a definition that has anything at all.
    if required.is_empty() {
        required.extend(MEMBERS.iter().find(|member| member.structure == name));
    }
    btf.structures(name)
        .find(|&structure| required.iter().all(|member| offset(btf, structure, member).is_some()))
        .or_else(|| btf.structures(name).next())
}

fn offset(btf: &Btf, structure: Structure, member: &Member) -> Option<u32> {
    member.paths.iter().find_map(|path| btf.member(structure, path))
}

/// Offset of a field in a tracepoint's record, from lines like
/// `field:pid_t child_pid;  offset:44;  size:4;  signed:1;`.
fn field_offset(format: &str, field: &str) -> Option<u32> {
    let line = format.lines().find_map(|line| {
        let (declaration, rest) = line.trim().strip_prefix("field:")?.split_once(';')?;
        (declaration.split_whitespace().last()? == field).then_some(rest)
    })?;
    line.split(';').find_map(|part| part.trim().strip_prefix("offset:")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_offsets_are_read_from_both_forms_of_the_fork_record() {
        let old = "name: sched_process_fork\nID: 300\nformat:\n\
                   \tfield:char parent_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n\
                   \tfield:pid_t parent_pid;\toffset:24;\tsize:4;\tsigned:1;\n\
                   \tfield:char child_comm[16];\toffset:28;\tsize:16;\tsigned:0;\n\
                   \tfield:pid_t child_pid;\toffset:44;\tsize:4;\tsigned:1;\n";
        let new = "\tfield:__data_loc char[] child_comm;\toffset:16;\tsize:4;\tsigned:0;\n\
                   \tfield:pid_t child_pid;\toffset:20;\tsize:4;\tsigned:1;\n";

        assert_eq!(field_offset(old, "child_pid"), Some(44));
        assert_eq!(field_offset(new, "child_pid"), Some(20));
    }

    #[test]
    fn a_field_that_is_not_there_has_no_offset() {
        assert_eq!(field_offset("field:pid_t my_child_pid;\toffset:4;", "child_pid"), None);
        assert_eq!(field_offset("field:pid_t child_pid;\toffset:x;", "child_pid"), None);
        assert_eq!(field_offset("field:pid_t child_pid", "child_pid"), None);
        assert_eq!(field_offset("", "child_pid"), None);
    }

    #[test]
    fn the_members_of_a_structure_are_listed_together() {
        let mut seen = Vec::new();
        for member in MEMBERS {
            if seen.last() != Some(&member.structure) {
                assert!(!seen.contains(&member.structure), "{} is split", member.structure);
                seen.push(member.structure);
            }
        }
    }
}
