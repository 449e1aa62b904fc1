//! Renders the Helm chart to the plain manifests that are committed beside it.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

use crate::tools::Tools;

const CHART: &str = "deploy/helm/signal-trace";
const MANIFESTS: &str = "deploy/kubernetes/signal-trace.yaml";
/// Helm has no cluster to ask when it renders: the newest that its own libraries know.
const KUBERNETES: &str = "1.35.0";
const HEAD: &str = "\
# The node agent of signal-trace, for `kubectl apply -f`.
#
# Made by `cargo xtask manifests` from deploy/helm/signal-trace with its default values and
# `namespace.create=true`: change that, not this. `docs/deployment.md` tells what it is given and why.
";

/// Renders, and writes the manifests; or only compares, and fails if they differ.
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let rendered = render(root)?;
    let path = root.join(MANIFESTS);
    if check {
        let committed =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if let Some(difference) = difference(&committed, &rendered) {
            bail!(
                "{MANIFESTS} is not what {CHART} gives: run `cargo xtask manifests` and commit it\n\
                 {difference}"
            );
        }
        say(&format!("{MANIFESTS} is what the chart gives"));
        return Ok(());
    }
    fs::write(&path, &rendered).with_context(|| format!("cannot write {}", path.display()))?;
    say(&format!("{MANIFESTS}: {} lines", rendered.lines().count()));
    Ok(())
}

fn render(root: &Path) -> anyhow::Result<String> {
    let tools = Tools::find_or_install()?;
    let helm = tools.helm();
    let shell = Shell::new()?;
    shell.change_dir(root);
    cmd!(shell, "{helm} lint --quiet --strict {CHART}")
        .env("HELM_CONFIG_HOME", root.join("target/no-helm-config"))
        .run()
        .context("Helm finds fault with the chart; its message is above")?;
    let arguments = ["--namespace", "signal-trace", "--set", "namespace.create=true"];
    let text = cmd!(
        shell,
        "{helm} template signal-trace {CHART} --kube-version {KUBERNETES} {arguments...}"
    )
    .env("HELM_CONFIG_HOME", root.join("target/no-helm-config"))
    .quiet()
    .read()
    .context("Helm cannot render the chart; its message is above")?;
    Ok(format!("{HEAD}{}\n", text.trim_end()))
}

/// The first line that differs, of both.
fn difference(committed: &str, rendered: &str) -> Option<String> {
    if committed == rendered {
        return None;
    }
    let mut lines = 0;
    for (old, new) in committed.lines().zip(rendered.lines()) {
        lines += 1;
        if old != new {
            return Some(format!("line {lines}: committed `{old}`, rendered `{new}`"));
        }
    }
    Some(format!("one of them ends after line {lines}"))
}

#[expect(clippy::print_stderr, reason = "a task tells its user what it did")]
fn say(message: &str) {
    eprintln!("manifests: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found_and_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let found = difference("a\nb\n", "a\nc\n");
        assert_eq!(found.as_deref(), Some("line 2: committed `b`, rendered `c`"));
        assert_eq!(difference("a\n", "a\nb\n").as_deref(), Some("one of them ends after line 1"));
    }
}
