//! The Helm chart: what it renders to, read back, and held against the schemas of Kubernetes.

use std::{fs, process::Command};

use serde_json::Value;

use crate::{folder::Folder, tools};

/// Reads YAML and knows the schemas.
const SCRIPT: &str = include_str!("../programs/manifests.py");
/// The newest version that Helm's own libraries know.
pub const KUBERNETES: &str = "1.35";

/// Renders it with these `KEY=VALUE` for a version of Kubernetes; what Helm says if it refuses.
pub fn try_render(version: &str, values: &[&str]) -> Result<String, String> {
    let folder = Folder::new();
    let mut helm = Command::new(tools::helm());
    helm.arg("template")
        .arg("signal-trace")
        .arg(tools::repository().join("deploy/helm/signal-trace"))
        .args(["--namespace", "signal-trace", "--kube-version", &format!("{version}.0")])
        // No settings of who runs the tests.
        .env("HELM_CONFIG_HOME", folder.path());
    for value in values {
        helm.args(["--set", value]);
    }
    let output = tools::try_feed(&mut helm, "");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8(output.stdout).expect("Helm prints UTF-8"))
}

/// The same; panics if Helm refuses.
pub fn render(version: &str, values: &[&str]) -> String {
    try_render(version, values).unwrap_or_else(|error| panic!("{values:?}: {error}"))
}

/// What differs between a rendered text and the schemas of that version, of Kubernetes and of the
/// Prometheus operator.
pub fn faults(version: &str, manifests: &str) -> String {
    let mut python = Command::new(tools::python());
    tools::feed(python.args(["-c", SCRIPT, "check", version]), manifests)
}

/// The objects of a YAML text.
pub fn objects(manifests: &str) -> Vec<Value> {
    let mut python = Command::new(tools::python());
    let json = tools::feed(python.args(["-c", SCRIPT, "json"]), manifests);
    serde_json::from_str(&json).expect("Python prints JSON")
}

/// The one object of that kind.
pub fn object<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut all = objects.iter().filter(|object| object["kind"] == kind);
    let object = all.next().unwrap_or_else(|| panic!("the chart renders no {kind}"));
    assert!(all.next().is_none(), "the chart renders more than one {kind}");
    object
}

/// The manifests that are committed for those without Helm.
pub fn committed() -> String {
    let path = tools::repository().join("deploy/kubernetes/signal-trace.yaml");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
