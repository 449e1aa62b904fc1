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
use xshell::Shell;

pub use self::kernels::Kernel;
use self::{boot::Machine, console::Run, initramfs::File};
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

/// Boots them all, and prints one table. Fails if anything was wrong.
pub fn run(root: &Path, wanted: Vec<Kernel>, update: bool) -> anyhow::Result<()> {
    let wanted = if wanted.is_empty() { Kernel::ALL.to_vec() } else { wanted };
    let shell = Shell::new()?;
    shell.change_dir(root);
    test::install_missing(&shell, NEEDED)?;
    let folder = root.join("target/vm");
    let found: Vec<_> = wanted
        .iter()
        .map(|kernel| kernel.find_or_fetch(&shell, &folder, update))
        .collect::<anyhow::Result<_>>()?;
    let initrd = folder.join("initramfs.cpio");
    fs::write(&initrd, initramfs::archive(&files(root)?))
        .with_context(|| format!("cannot write {}", initrd.display()))?;
    let runs = found
        .into_iter()
        .map(|kernel| boots(&Machine { kernel, initrd: initrd.clone(), init: INIT }))
        .collect::<anyhow::Result<Vec<_>>>()?
        .concat();
    show(&runs)?;
    let wrong = runs.iter().filter(|run| !run.is_right()).count();
    ensure!(wrong == 0, "{wrong} of {} boots were not right: see above", runs.len());
    Ok(())
}

/// With the preemption that the kernel prefers, and with the fullest, if it leaves that to us.
fn boots(machine: &Machine) -> anyhow::Result<Vec<Run>> {
    let first = boot(machine, "")?;
    if !first.has_dynamic_preemption() {
        return Ok(vec![first]);
    }
    let mut full = boot(machine, "preempt=full")?;
    full.must_preempt("full");
    Ok(vec![first, full])
}

fn boot(machine: &Machine, parameter: &str) -> anyhow::Result<Run> {
    /// Under emulation, a kernel crashes at times while it patches its own code at boot: about one
    /// in twenty boots of 7.2. What happens once our init runs is never tried again.
    const ATTEMPTS: usize = 3;
    let name = machine.kernel.display();
    let mut attempt = 1;
    loop {
        say(&format!("booting {name} {parameter}"));
        let ended = machine.boot(parameter)?;
        let run = console::parse(&ended);
        if !run.began() && attempt < ATTEMPTS {
            say(&format!("it came to an end before our init ran, attempt {attempt}: again"));
            attempt += 1;
            continue;
        }
        let (right, all) = run.counts();
        say(&format!("{right} of {all} cases are right, after {} s", ended.seconds));
        return Ok(run);
    }
}

/// Builds all that a guest has.
fn files(root: &Path) -> anyhow::Result<Vec<File>> {
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
    let read = |name: &str| {
        let path: PathBuf = built.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(vec![
        File { path: INIT, content: read("st-guest")? },
        File { path: "st/st-proc", content: read("st-proc")? },
        File { path: "st/signal-trace", content: image::build(root)? },
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
