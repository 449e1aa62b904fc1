//! One virtual machine, from its start to its end, and what it wrote to its console.

use std::{
    io::Read as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};

/// One that is alive then hangs.
const PATIENCE: Duration = Duration::from_secs(240);

/// What to boot.
#[derive(Debug)]
pub struct Machine {
    pub kernel: PathBuf,
    pub initrd: PathBuf,
    /// The first process, without the leading slash.
    pub init: &'static str,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// All that came on its console, without carriage returns.
    pub console: String,
    /// Whether it had to be ended.
    pub hung: bool,
    pub seconds: u64,
}

impl Machine {
    /// Boots it with a further kernel parameter, and waits for its end.
    pub fn boot(&self, parameter: &str) -> anyhow::Result<Ended> {
        let begin = now();
        let mut command = self.command(parameter);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut emulator = Emulator(child.context("cannot start qemu-system-x86_64")?);
        let mut output = emulator.0.stdout.take().context("its output is no pipe")?;
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).map(|_| bytes)
        });
        let hung = loop {
            if emulator.0.try_wait().context("cannot wait for the virtual machine")?.is_some() {
                break false;
            }
            if begin.elapsed() > PATIENCE {
                break true;
            }
            thread::sleep(Duration::from_millis(100));
        };
        // Ends it if it hangs; the reader comes to its end then.
        drop(emulator);
        let bytes = reader.join().map_err(|_| anyhow!("the reader of a console panicked"))?;
        let bytes = bytes.context("cannot read the console of the virtual machine")?;
        let console = String::from_utf8_lossy(&bytes).replace('\r', "");
        Ok(Ended { console, hung, seconds: begin.elapsed().as_secs() })
    }

    fn command(&self, parameter: &str) -> Command {
        // Emulated, as KVM is not to be had everywhere. Without `cmpxchg16b`, which QEMU 7.2
        // emulates badly with more than one processor: 6.12 crashes with it.
        const MACHINE: [&str; 10] = [
            "-accel",
            "tcg,thread=multi",
            "-cpu",
            "max,-cx16",
            "-m",
            "1024",
            "-smp",
            "2",
            "-nographic",
            "-no-reboot",
        ];
        let mut command = Command::new("qemu-system-x86_64");
        // A panic ends it at once. Only errors of the kernel come between our lines.
        let line =
            format!("console=ttyS0 quiet loglevel=3 panic=-1 rdinit=/{} {parameter}", self.init);
        command.args(MACHINE).arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initrd);
        command.arg("-append").arg(line);
        command
    }
}

#[expect(clippy::disallowed_methods, reason = "no result depends on it, but when to give up")]
fn now() -> Instant {
    Instant::now()
}

/// Ended and reaped with its owner.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        // It has ended already, unless it hangs.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
