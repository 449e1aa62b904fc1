//! What the agent itself uses, as the kernel says when it is asked.

use std::{fs, time::Duration};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};

/// What is not known is `None`, and not told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct OwnUsage {
    /// User and system time of all threads.
    pub cpu_seconds: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub open_fds: Option<u64>,
}

impl OwnUsage {
    /// Now. Our own `/proc`, wherever that of the host is.
    pub(super) fn read() -> Self {
        let seconds = |time: TimeVal| {
            let micros = u32::try_from(time.tv_usec()).unwrap_or_default();
            let whole = u64::try_from(time.tv_sec()).unwrap_or_default();
            Duration::new(whole, micros.saturating_mul(1000)).as_secs_f64()
        };
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let entries = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
        Self {
            cpu_seconds: usage
                .map(|usage| seconds(usage.user_time()) + seconds(usage.system_time())),
            resident_bytes: resident(&status),
            // One of them is the folder itself.
            open_fds: entries.and_then(|count| u64::try_from(count).ok()?.checked_sub(1)),
        }
    }
}

/// `VmRSS:     1234 kB`
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_uses_something() {
        let before = OwnUsage::read();
        let _file = fs::File::open("/proc/self/status").unwrap();
        let after = OwnUsage::read();
        assert!(before.resident_bytes.unwrap() > 100_000, "{before:?}");
        assert!(after.cpu_seconds.unwrap() >= before.cpu_seconds.unwrap());
        // Other tests in this process open files too.
        assert!(after.open_fds.unwrap() > 3, "{after:?}");
    }

    #[test]
    fn what_is_not_as_expected_is_not_told() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    1234 kB\n"), Some(1234 * 1024));
        for odd in ["", "VmRSS: x kB", "VmRSS: 12", "VmRSS: 18446744073709551615 kB"] {
            assert_eq!(resident(odd), None, "{odd}");
        }
    }
}
