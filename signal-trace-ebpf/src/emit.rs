//! Writes records to the rings, and counts the ones that found no room.

use crate::common::wire::{DROP_CPUS, Header, Kind};
use aya_ebpf::{
    bindings::{
        BPF_F_MMAPABLE, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE,
    },
    helpers::generated::{bpf_get_smp_processor_id, bpf_ktime_get_boot_ns},
    macros::map,
    maps::{Array, PerCpuArray, RingBuf},
};
use zerocopy::FromBytes;

/// Process records, 8 MiB. Signals have a ring of their own, so that a storm of them does not
/// cost the exits that decide verdicts.
#[map]
static LIFECYCLE: RingBuf = RingBuf::with_byte_size(8 << 20, 0);

/// Signal records, 16 MiB.
#[map]
static SIGNALS: RingBuf = RingBuf::with_byte_size(16 << 20, 0);

/// Records that found their ring full, by CPU and kind. User space maps it: `bpf(2)` would hold off
/// the programs on classic tracepoints while it copies a value.
#[map]
static DROPS: Array<[u64; Kind::SLOTS as usize]> =
    Array::with_max_entries(DROP_CPUS, BPF_F_MMAPABLE);

/// The number of the next record of this CPU.
#[map]
static SEQUENCE: PerCpuArray<u32> = PerCpuArray::with_max_entries(1, 0);

/// A record type: which kind it is, where it goes, and where its header is.
pub trait Record: FromBytes + 'static {
    /// Its number on the wire.
    const KIND: Kind;
    /// Its header, which [`emit`] fills.
    fn header(&mut self) -> &mut Header;
}

macro_rules! records {
    ($($record:ident = $kind:ident),+ $(,)?) => {
        $(impl Record for crate::common::wire::$record {
            const KIND: Kind = Kind::$kind;

            fn header(&mut self) -> &mut Header {
                &mut self.header
            }
        })+
    };
}

records! {
    SignalGenerate = Generate,
    SignalDeliver = Deliver,
    ProcessExit = Exit,
    ProcessFree = Free,
    ProcessFork = Fork,
    ProcessExec = Exec,
    OomVictim = Oom,
    CgroupMkdir = CgroupMkdir,
    CgroupAttach = CgroupAttach,
}

/// Reserves a record in its ring, lets `fill` write it there and hands it to user space.
///
/// `fill` must write every field but the header: the slot holds what an older record left there.
#[inline(always)]
pub fn emit<T: Record>(fill: impl FnOnce(&mut T)) {
    let ring = match T::KIND {
        Kind::Generate | Kind::Deliver => &SIGNALS,
        _ => &LIFECYCLE,
    };
    let Some(mut entry) = ring.reserve::<T>(0) else {
        count_drop(T::KIND);
        return;
    };
    // SAFETY: the kernel zeroed the ring when it was made and records have been written to it
    // since, so the slot has bytes, and any bytes are a valid `T`.
    let record = unsafe { entry.assume_init_mut() };
    fill_header::<T>(record.header());
    fill(record);
    entry.submit(wake_up(ring));
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a record is a few hundred bytes")]
fn fill_header<T: Record>(header: &mut Header) {
    let Header { boot_ns, cpu, cpu_seq, kind, size } = header;
    // SAFETY: the helper takes nothing and has no precondition.
    *boot_ns = unsafe { bpf_ktime_get_boot_ns() };
    // SAFETY: the same.
    *cpu = unsafe { bpf_get_smp_processor_id() };
    *cpu_seq = next_number();
    *kind = T::KIND as u32;
    *size = size_of::<T>() as u32;
}

/// Two programs that interrupt each other may get the same number: it only breaks ties.
#[inline(always)]
fn next_number() -> u32 {
    let Some(next) = SEQUENCE.get_ptr_mut(0) else { return 0 };
    // SAFETY: the map lookup gave a valid pointer to this CPU's value, and whole words are read
    // and written, so that a program that interrupts this one does no harm.
    unsafe {
        let number = next.read_volatile();
        next.write_volatile(number.wrapping_add(1));
        number
    }
}

/// On Linux 7.x a program can be preempted by another on the same CPU, and one of two drops then
/// goes uncounted; that there was a loss is known all the same.
#[inline(always)]
fn count_drop(kind: Kind) {
    // SAFETY: the helper takes nothing and has no precondition.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    let Some(row) = DROPS.get_ptr_mut(cpu % DROP_CPUS) else { return };
    // SAFETY: as in `next_number`; every kind is below `SLOTS`, the length of a row.
    unsafe {
        let drops = row.cast::<u64>().add(kind as usize);
        drops.write_volatile(drops.read_volatile().wrapping_add(1));
    }
}

/// User space polls on a short timer, so a wake-up is only worth its price when the ring fills
/// faster than that. The kernel's own rule (wake when the reader has caught up) would not do: the
/// reader is behind then.
#[inline(always)]
fn wake_up(ring: &RingBuf) -> u64 {
    let waiting = ring.query(u64::from(BPF_RB_AVAIL_DATA));
    let size = ring.query(u64::from(BPF_RB_RING_SIZE));
    u64::from(if waiting > size / 4 { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP })
}
