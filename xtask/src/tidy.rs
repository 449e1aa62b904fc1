//! Checks the rules that neither the compiler nor clippy knows.

mod core_crate;
mod docs;
mod sources;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

/// Runs all checks and reports all faults, not only the first.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(root);
    let files = files(&shell)?;
    let mut report = Report::default();
    sources::check(root, &files, &mut report)?;
    docs::check(root, &files, &mut report)?;
    core_crate::check(root, &shell, &mut report)?;
    report.finish()
}

/// Faults fail the task; warnings do not.
#[derive(Default)]
pub struct Report {
    faults: Vec<String>,
    warnings: Vec<String>,
}

impl Report {
    pub fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    pub fn warning(&mut self, text: String) {
        self.warnings.push(text);
    }

    #[expect(clippy::print_stderr, reason = "a task tells its user what it found")]
    fn finish(self) -> anyhow::Result<()> {
        for warning in &self.warnings {
            eprintln!("tidy: warning: {warning}");
        }
        for fault in &self.faults {
            eprintln!("tidy: {fault}");
        }
        match self.faults.len() {
            0 => {
                eprintln!("tidy: everything in order");
                Ok(())
            }
            n => bail!("{n} faults, listed above"),
        }
    }
}

/// Every file that is or would be committed, relative to the root.
fn files(shell: &Shell) -> anyhow::Result<Vec<PathBuf>> {
    let list = cmd!(shell, "git ls-files --cached --others --exclude-standard")
        .quiet()
        .read()
        .context("cannot list the files: is this a git clone?")?;
    // Removed files stay in the list until that is committed.
    let there = |path: &PathBuf| shell.path_exists(path);
    Ok(list.lines().map(PathBuf::from).filter(there).collect())
}
