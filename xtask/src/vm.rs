//! Runs the core cases on kernels of Debian's, in virtual machines: `cargo xtask vm`.
//!
//! QEMU emulates the processor, so no hardware support is needed. All that a guest has is an
//! initramfs with two static programs of the harness and the `signal-trace` of the image.

mod boot;
mod console;
mod initramfs;
mod kernels;
mod table;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use xshell::Shell;

use self::{boot::Machine, console::Run, initramfs::File, kernels::Kernel};
use crate::{image, test};

/// See [`test::install_missing`].
const NEEDED: &[(&str, &str)] = &[
    ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
    ("apt-get", "apt"),
    ("cc", "gcc"),
    ("dpkg-deb", "dpkg"),
    ("qemu-system-x86_64", "qemu-system-x86"),
];
/// How the first process of a guest is called there; it looks for the others beside its folder, as
/// tests do.
const INIT: &str = "st/deps/st-guest";

/// What to run.
#[derive(Args)]
pub struct Options {
    /// Which lines of Linux [default: all].
    #[arg(value_name = "KERNEL")]
    kernels: Vec<Kernel>,
    /// Fetch the kernels again: newer ones, if there are.
    #[arg(long)]
    update: bool,
    /// A static `signal-trace` [default: that of the image, built for this].
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// Boots them all, and prints one table. Fails if anything was wrong.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let wanted = if options.kernels.is_empty() { &Kernel::ALL[..] } else { &options.kernels };
    let shell = Shell::new()?;
    shell.change_dir(root);
    test::install_missing(&shell, NEEDED)?;
    let folder = root.join("target/vm");
    let found: Vec<_> = wanted
        .iter()
        .map(|kernel| kernel.find_or_fetch(&shell, &folder, options.update))
        .collect::<anyhow::Result<_>>()?;
    let initrd = folder.join("initramfs.cpio");
    fs::write(&initrd, initramfs::archive(&files(root, options.binary.as_deref())?))
        .with_context(|| format!("cannot write {}", initrd.display()))?;
    let runs = found
        .into_iter()
        .zip(wanted)
        .map(|(kernel, which)| {
            let machine = Machine { kernel, initrd: initrd.clone(), init: INIT };
            boots(which.release(), &machine)
        })
        .collect::<anyhow::Result<Vec<_>>>()?
        .concat();
    show(&runs)?;
    let wrong = runs.iter().filter(|run| !run.is_right()).count();
    ensure!(wrong == 0, "{wrong} of {} boots were not right: see above", runs.len());
    Ok(())
}

/// With the preemption that the kernel prefers, and with the fullest, if it leaves that to us.
fn boots(name: &str, machine: &Machine) -> anyhow::Result<Vec<Run>> {
    let first = boot(name, machine, "")?;
    if ["", "full"].contains(&first.preemption()) {
        return Ok(vec![first]);
    }
    let mut full = boot(name, machine, "preempt=full")?;
    full.must_preempt("full");
    Ok(vec![first, full])
}

fn boot(name: &str, machine: &Machine, parameter: &str) -> anyhow::Result<Run> {
    /// Under emulation, a kernel crashes at times while it patches its own code at boot: about one
    /// in twenty boots of 7.2. What happens once our init runs is never tried again.
    const ATTEMPTS: usize = 3;
    let mut attempt = 1;
    loop {
        say(format!("booting the kernel of {name} {parameter}").trim_end());
        let ended = machine.boot(parameter)?;
        let run = console::parse(&ended);
        if !run.began() && attempt < ATTEMPTS {
            say(&format!("it came to an end before our init ran, attempt {attempt}: again"));
            attempt += 1;
            continue;
        }
        let (right, all) = run.counts();
        say(&format!(
            "{right} of {all} cases that came to an end are right, after {} s",
            ended.seconds
        ));
        return Ok(run);
    }
}

/// Builds all that a guest has, but for a binary that is there.
fn files(root: &Path, binary: Option<&Path>) -> anyhow::Result<Vec<File>> {
    let folder = root.join("target/guest");
    let what = [
        "--profile",
        "guest",
        "--package",
        "signal-trace-tests",
        "--bin",
        "st-guest",
        "--bin",
        "st-proc",
    ];
    let built = image::build_static(root, &folder, &what)?.join("guest");
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let tracer = binary.map_or_else(|| image::build(root), read)?;
    Ok(vec![
        File { path: INIT, content: read(&built.join("st-guest"))? },
        File { path: "st/st-proc", content: read(&built.join("st-proc"))? },
        File { path: "st/signal-trace", content: tracer },
    ])
}

fn show(runs: &[Run]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    write!(out, "{}", table::render(runs)).context("cannot write the table")?;
    for run in runs {
        for fault in run.faults() {
            writeln!(out, "{}: {fault}", run.title()).context("cannot write the faults")?;
        }
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a task tells its user what it does")]
fn say(message: &str) {
    eprintln!("vm: {message}");
}
