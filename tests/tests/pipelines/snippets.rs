//! Snippets for programs that cannot be run here: they are at least what they look like.

use std::{fs, process::Command};

use signal_trace_tests::tools;

#[test]
fn yaml_is_yaml() {
    let folder = tools::repository().join("deploy/pipelines");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("it is there").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|end| end == "yaml") {
            let text = fs::read_to_string(&path).expect("it can be read");
            let script = "import sys, yaml; assert isinstance(yaml.safe_load(sys.stdin), dict)";
            tools::feed(Command::new(tools::python()).args(["-c", script]), &text);
            seen += 1;
        }
    }
    assert!(seen >= 3, "{} holds {seen} files of YAML", folder.display());
}
