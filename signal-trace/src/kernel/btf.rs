//! A small reader for the kernel's type information (BTF): just what the layout needs.
//!
//! `aya` keeps its own reader private. This one is total: any bytes give an answer or an error,
//! in bounded time, and an unclear answer is `None`.

use std::iter;

/// Why bytes are not usable BTF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// The header is missing or is not one of this machine's byte order.
    #[error("it does not begin with a BTF header")]
    NotBtf,
    /// A section or a type goes beyond the end.
    #[error("it is cut short")]
    CutShort,
    /// A type of a kind that this reader cannot step over.
    #[error("it holds a type of unknown kind {0}")]
    UnknownKind(u32),
}

/// Parsed BTF.
#[derive(Debug)]
pub struct Btf {
    data: Vec<u8>,
    /// Where in `data` each type begins; type ids count from 1.
    types: Vec<usize>,
    strings: usize,
}

/// A structure or union: all lookups with one value are about one and the same definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure(u32);

/// What the argument of a tracepoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Some pointer.
    Pointer,
    /// Anything else.
    Value,
}

const MAGIC: u16 = 0xeb9f;
const TYPE_SIZE: usize = 12;
/// How many type records one lookup may visit. The kernel's need some hundreds; made-up ones may
/// refer to each other in circles.
const FUEL: u32 = 100_000;

mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const FWD: u32 = 7;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const FLOAT: u32 = 16;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// `struct btf_type`, and where what follows it begins.
#[derive(Clone, Copy)]
struct Type {
    kind: u32,
    count: usize,
    /// `kind_flag`: member offsets carry a bit-field size.
    flag: bool,
    /// What it is depends on the kind: a size, or the id of another type.
    size_or_ref: u32,
    rest: usize,
}

impl Btf {
    /// Reads the type table.
    pub fn parse(data: Vec<u8>) -> Result<Self, BtfError> {
        let word =
            |at: usize| read_u32(&data, at).ok_or(BtfError::NotBtf).map(|word| word as usize);
        let magic = data.first_chunk().ok_or(BtfError::NotBtf)?;
        if u16::from_ne_bytes(*magic) != MAGIC {
            return Err(BtfError::NotBtf);
        }
        let [header, types, types_size, strings, strings_size] =
            [word(4)?, word(8)?, word(12)?, word(16)?, word(20)?];
        let section = |offset: usize, length: usize| {
            let start = header.checked_add(offset).ok_or(BtfError::CutShort)?;
            let end = start.checked_add(length).ok_or(BtfError::CutShort)?;
            if end > data.len() { Err(BtfError::CutShort) } else { Ok((start, end)) }
        };
        let (mut at, end) = section(types, types_size)?;
        let (strings, _) = section(strings, strings_size)?;
        let mut types = Vec::new();
        while at < end {
            let record = read_type(&data, at).ok_or(BtfError::CutShort)?;
            types.push(at);
            at = record.rest.checked_add(trailer(&record)?).ok_or(BtfError::CutShort)?;
        }
        if at > end { Err(BtfError::CutShort) } else { Ok(Self { data, types, strings }) }
    }

    /// The definitions of `struct name`; there can be more than one.
    pub fn structures(&self, name: &str) -> impl Iterator<Item = Structure> {
        self.named(name, |kind| kind == kind::STRUCT).map(|(id, _)| Structure(id))
    }

    /// `sizeof` a structure.
    pub fn size(&self, structure: Structure) -> Option<u32> {
        self.get(structure.0).map(|record| record.size_or_ref)
    }

    /// Offset in bytes of the member at a dotted path. Members of unnamed structures and unions
    /// are found without naming those; a bit-field has no offset in bytes and is not found.
    pub fn member(&self, structure: Structure, path: &str) -> Option<u32> {
        let mut fuel = FUEL;
        let mut at = structure.0;
        let mut bits = 0_u32;
        for name in path.split('.') {
            let (offset, member_type) = self.find_member(at, name, &mut fuel)?;
            bits = bits.checked_add(offset)?;
            at = member_type;
        }
        bits.is_multiple_of(8).then_some(bits / 8)
    }

    /// The value of an enumerator of `enum name`.
    pub fn enumerator(&self, name: &str, enumerator: &str) -> Option<u32> {
        self.named(name, |kind| kind == kind::ENUM || kind == kind::ENUM64).find_map(
            |(_, record)| {
                let entry = if record.kind == kind::ENUM { 8 } else { 12 };
                let mut entries = (0..record.count).map(|index| record.rest + index * entry);
                // The low word of a 64-bit value comes first, in the place of a 32-bit one.
                entries.find(|&at| self.name_is(at, enumerator)).and_then(|at| self.word(at + 4))
            },
        )
    }

    /// The arguments of a tracepoint, from its `btf_trace_NAME` function type.
    pub fn tracepoint(&self, name: &str) -> Option<Vec<Argument>> {
        let callback = format!("btf_trace_{name}");
        let (_, typedef) = self.named(&callback, |kind| kind == kind::TYPEDEF).next()?;
        let pointer = self.strip(typedef.size_or_ref, &mut FUEL.clone())?;
        let prototype = self.strip(pointer.size_or_ref, &mut FUEL.clone())?;
        if pointer.kind != kind::PTR || prototype.kind != kind::FUNC_PROTO {
            return None;
        }
        // The first one is the `void *` of whoever registered the callback.
        (1..prototype.count)
            .map(|index| {
                let argument = self.word(prototype.rest + index * 8 + 4)?;
                let argument = self.strip(argument, &mut FUEL.clone())?;
                Some(match argument.kind {
                    kind::PTR => Argument::Pointer,
                    _ => Argument::Value,
                })
            })
            .collect()
    }

    /// The offset in bits and the type of a member, looked for in unnamed members too.
    fn find_member(&self, structure: u32, name: &str, fuel: &mut u32) -> Option<(u32, u32)> {
        let mut open = vec![(structure, 0_u32)];
        while let Some((id, base)) = open.pop() {
            let record = self.strip(id, fuel)?;
            if record.kind != kind::STRUCT && record.kind != kind::UNION {
                continue;
            }
            for index in 0..record.count {
                *fuel = fuel.checked_sub(1)?;
                let at = record.rest + index * 12;
                let (member_type, offset) = (self.word(at + 4)?, self.word(at + 8)?);
                let bit_field = record.flag && offset >> 24 != 0;
                let offset = if record.flag { offset & 0x00ff_ffff } else { offset };
                let offset = base.checked_add(offset)?;
                if self.name_is(at, name) {
                    return (!bit_field).then_some((offset, member_type));
                }
                if self.name_is(at, "") {
                    open.push((member_type, offset));
                }
            }
        }
        None
    }

    /// The type behind typedefs and qualifiers.
    fn strip(&self, mut id: u32, fuel: &mut u32) -> Option<Type> {
        loop {
            *fuel = fuel.checked_sub(1)?;
            let record = self.get(id)?;
            match record.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = record.size_or_ref;
                }
                _ => return Some(record),
            }
        }
    }

    fn named(&self, name: &str, kinds: impl Fn(u32) -> bool) -> impl Iterator<Item = (u32, Type)> {
        iter::zip(1.., &self.types).filter_map(move |(id, &at)| {
            let record = read_type(&self.data, at)?;
            (kinds(record.kind) && self.name_is(at, name)).then_some((id, record))
        })
    }

    fn get(&self, id: u32) -> Option<Type> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        read_type(&self.data, *self.types.get(index)?)
    }

    /// Whether the name of the type, member or enumerator at `at` (its first word) is `name`.
    fn name_is(&self, at: usize, name: &str) -> bool {
        let text = self
            .word(at)
            .and_then(|offset| self.strings.checked_add(offset as usize))
            .and_then(|start| self.data.get(start..));
        text.and_then(|text| text.strip_prefix(name.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    fn word(&self, at: usize) -> Option<u32> {
        read_u32(&self.data, at)
    }
}

fn read_u32(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn read_type(data: &[u8], at: usize) -> Option<Type> {
    let info = read_u32(data, at.checked_add(4)?)?;
    Some(Type {
        kind: info >> 24 & 0x1f,
        count: (info & 0xffff) as usize,
        flag: info >> 31 == 1,
        size_or_ref: read_u32(data, at + 8)?,
        rest: at + TYPE_SIZE,
    })
}

/// How many bytes follow a type record.
fn trailer(record: &Type) -> Result<usize, BtfError> {
    let entry = match record.kind {
        kind::PTR
        | kind::FWD
        | kind::TYPEDEF
        | kind::VOLATILE
        | kind::CONST
        | kind::RESTRICT
        | kind::FUNC
        | kind::FLOAT
        | kind::TYPE_TAG => return Ok(0),
        kind::INT | kind::VAR | kind::DECL_TAG => return Ok(4),
        kind::ARRAY => return Ok(12),
        kind::ENUM | kind::FUNC_PROTO => 8,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12,
        unknown => return Err(BtfError::UnknownKind(unknown)),
    };
    Ok(record.count * entry)
}

#[cfg(test)]
#[path = "btf_tests.rs"]
mod tests;
