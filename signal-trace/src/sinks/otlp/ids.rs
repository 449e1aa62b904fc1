//! Ids of traces, spans and log records: hashes of what they stand for, so that a batch that is sent
//! twice makes nothing twice.
//!
//! The hash is FNV-1a of 128 bits (RFC 9923), of parts that are each led by their length, with both
//! halves mixed in the end by the finalizer of `SplitMix64`: FNV alone leaves the low bits, which samplers
//! look at, too much alike. It is a name, not a protection: whoever can choose a container's name
//! cannot choose the node, the boot or the time.

use super::super::schema::{Process, Time};

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// Makes the ids of one boot of one node.
#[derive(Clone, Copy, Debug)]
pub struct Ids(Hash);

impl Ids {
    /// Those of the node of this name, from one start of the machine to the next.
    pub fn new(node: &str, boot_id: &str) -> Self {
        Self(Hash(OFFSET).text("signal-trace").text(node).text(boot_id))
    }

    /// Of this boot of this node, as a UUID (RFC 9562, version 8: of our own making).
    pub fn instance(&self) -> String {
        uuid(self.0.text("instance").finish())
    }

    /// Of the trace of a report.
    pub fn trace(&self, shutdown_id: &str) -> [u8; 16] {
        valid(self.0.text("trace").text(shutdown_id).finish()).to_be_bytes()
    }

    /// Of its root span.
    pub fn root(&self, shutdown_id: &str) -> [u8; 8] {
        self.span(shutdown_id, Hash::text, "root")
    }

    /// Of the span of a process in it.
    pub fn process(&self, shutdown_id: &str, process: &Process) -> [u8; 8] {
        self.span(shutdown_id, Hash::process, process)
    }

    /// Of the span of a preStop hook before it.
    pub fn hook(&self, shutdown_id: &str, process: &Process) -> [u8; 8] {
        self.span(shutdown_id, |hash, process| hash.text("hook").process(process), process)
    }

    /// Of log record number `index` of a line, as a UUID.
    pub fn record(&self, time: Time, seq: u64, index: usize) -> String {
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        // Numbers begin anew with each session.
        uuid(
            self.0.text("record").number(time.0.cast_unsigned()).number(seq).number(index).finish(),
        )
    }

    fn span<T: ?Sized>(&self, shutdown_id: &str, add: fn(Hash, &T) -> Hash, what: &T) -> [u8; 8] {
        let id = add(self.0.text("span").text(shutdown_id), what).finish();
        let [_, _, _, _, _, _, _, _, low @ ..] = valid(id).to_be_bytes();
        if low == [0; 8] { [0, 0, 0, 0, 0, 0, 0, 1] } else { low }
    }
}

/// All zeros is no id (W3C Trace Context, section 2.2.2.3).
const fn valid(id: u128) -> u128 {
    if id == 0 { 1 } else { id }
}

fn uuid(id: u128) -> String {
    let mut text =
        format!("{:032x}", (id & !(0xf << 76) & !(0b11 << 62)) | (8 << 76) | (0b10 << 62));
    for hyphen in [20, 16, 12, 8] {
        text.insert(hyphen, '-');
    }
    text
}

#[derive(Clone, Copy, Debug)]
struct Hash(u128);

impl Hash {
    fn text(self, text: &str) -> Self {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.number(length).bytes(text.as_bytes())
    }

    /// Pid and start: what makes a process the same one.
    fn process(self, process: &Process) -> Self {
        self.text("process").number(process.pid.into()).number(process.start_time.0.cast_unsigned())
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        let step = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        Self(bytes.iter().fold(self.0, step))
    }

    fn finish(self) -> u128 {
        const LOW: u128 = u64::MAX as u128;
        let high = mix(((self.0 >> 64) & LOW) as u64 ^ (self.0 & LOW) as u64);
        let low = mix(high ^ (self.0 & LOW) as u64);
        u128::from(high) << 64 | u128::from(low)
    }
}

/// The finalizer of `SplitMix64`; loses nothing.
const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vectors of RFC 9923, 128 bits: the empty string, "a", "foobar".
    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(Hash(OFFSET).bytes(b"").0, 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(Hash(OFFSET).bytes(b"a").0, 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(Hash(OFFSET).bytes(b"foobar").0, 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    /// Ids are a contract with what has been sent: another version must not make others. These were
    /// computed by other means.
    #[test]
    fn ids_stay_what_they_were() {
        let ids = Ids::new("n1", "b0071d");
        assert_eq!(
            u128::from_be_bytes(ids.trace("77-1")),
            0x4a02_dc3d_82ec_a81b_dcc8_6e1a_7465_076e
        );
        assert_eq!(u64::from_be_bytes(ids.root("77-1")), 0xbc4f_5532_99c7_8203);
        assert_eq!(ids.instance(), "b1db0254-8327-8aeb-9c34-0bc1183ead23");
        assert_eq!(ids.record(Time(1), 2, 3), "39ad3dc8-e7f1-80b4-9008-c62238876912");
    }

    #[test]
    fn other_things_have_other_ids() {
        let ids = Ids::new("n1", "b");
        let traces = [
            ids.trace("77-1"),
            ids.trace("77-2"),
            Ids::new("n2", "b").trace("77-1"),
            Ids::new("n1", "c").trace("77-1"),
            Ids::new("n", "1b").trace("77-1"),
        ];
        let different = std::collections::BTreeSet::from(traces);
        assert_eq!(different.len(), traces.len());
        let low_bits: std::collections::BTreeSet<_> =
            (0..64).map(|n| ids.trace(&format!("77-{n}"))[15]).collect();
        assert!(low_bits.len() > 48, "{low_bits:?}");
    }
}
