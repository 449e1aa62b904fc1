//! The unit of systemd: what systemd itself says of it.

use std::{fs, io::Write as _, process::Command};

use signal_trace_tests::{folder::Folder, programs, tools};

/// Tenths of systemd's "exposure level": 0 is none, 100 all. Root, four capabilities, the network
/// and all processes are needed.
const MOST_EXPOSURE: u32 = 30;

fn unit() -> String {
    let path = tools::repository().join("deploy/systemd/signal-trace.service");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn analyze(arguments: &[&str], unit: &str) -> (bool, String) {
    let folder = Folder::new();
    let path = folder.file("signal-trace.service");
    fs::write(&path, unit).expect("the folder is ours");
    let output = Command::new(programs::system("systemd-analyze", "systemd"))
        .args(arguments)
        .arg(&path)
        .output()
        .expect("systemd-analyze can be started");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn systemd_accepts_every_line() {
    // The program has to be where the unit says.
    let here = programs::signal_trace();
    let unit = unit().replace("/usr/bin/signal-trace", &here.display().to_string());
    let (good, said) = analyze(&["verify", "--man=no", "--recursive-errors=no"], &unit);
    assert!(good && said.is_empty(), "systemd-analyze verify: {said}");

    let wrong = unit.replace("ProtectSystem=", "ProtectSytem=");
    let (_, said) = analyze(&["verify", "--man=no", "--recursive-errors=no"], &wrong);
    assert!(said.contains("ProtectSytem"), "a wrong line is not told of: {said}");
}

#[test]
fn daemon_takes_its_configuration() {
    let checked = Command::new(programs::signal_trace())
        .args(["daemon", "--check-config", "--config"])
        .arg(tools::repository().join("deploy/systemd/signal-trace.toml"))
        .output()
        .expect("it can be started");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
}

#[test]
fn exposure_stays_low() {
    let threshold = format!("--threshold={MOST_EXPOSURE}");
    let arguments = ["security", "--offline=yes", "--no-pager", &threshold];
    let (good, said) = analyze(&arguments, &unit());
    let overall = said.lines().find(|line| line.contains("Overall exposure level"));
    let overall_text = overall.unwrap_or("systemd-analyze tells no exposure");
    writeln!(std::io::stdout(), "{}", overall_text.trim()).expect("somebody reads");
    assert!(good && overall.is_some(), "systemd-analyze security: {said}");
}
