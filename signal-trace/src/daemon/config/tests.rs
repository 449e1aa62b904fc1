//! What the file, the environment and the flags say; what is said of one that is wrong.

use std::fs;

use super::*;

fn of_text(text: &str) -> Result<Config, ConfigError> {
    let path = std::env::temp_dir().join(format!(
        "st-config-{}-{:?}.toml",
        std::process::id(),
        std::thread::current().id()
    ));
    fs::write(&path, text).unwrap();
    let loaded = load(Some(&path), &[]);
    fs::remove_file(&path).unwrap();
    loaded
}

fn with(sources: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = sources.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    load(None, &Source::environment(variables))
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    assert_eq!(of_text(DEFAULT_FILE).unwrap(), Config::default());
    assert_eq!(load(None, &[]).unwrap(), Config::default());
}

#[test]
fn every_key_is_documented() {
    fn keys(table: &toml::Table, prefix: &str, into: &mut Vec<String>) {
        for (key, value) in table {
            match value.as_table().filter(|table| !table.is_empty()) {
                Some(table) => keys(table, &format!("{prefix}{key}."), into),
                None => into.push(format!("{prefix}{key}")),
            }
        }
    }
    // Optional keys are left out by serde unless they are set.
    let filter = Filter {
        min_severity: Some(Severity(signal_trace_core::findings::Severity::Info)),
        ..Filter::default()
    };
    let full = Config {
        node: Some("n".into()),
        grace: Some(Span(Duration::from_secs(1))),
        sinks: Sinks {
            stdout: Stdout { filter: filter.clone(), ..Stdout::default() },
            file: File { filter: filter.clone(), ..File::default() },
            otlp: Otlp { filter: filter.clone(), ..Otlp::default() },
            socket: Socket { filter, ..Socket::default() },
        },
        ..Config::default()
    };
    let mut wanted = vec![];
    keys(&toml::Table::try_from(&full).unwrap(), "", &mut wanted);
    wanted.sort();
    // All comment signs before a key taken away, every key is there once.
    let uncommented: Vec<_> = DEFAULT_FILE
        .lines()
        .map(|line| {
            let key = line.strip_prefix("# ").filter(|rest| {
                rest.split_once(" = ").is_some_and(|(key, _)| {
                    key.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c))
                })
            });
            key.unwrap_or(line)
        })
        .collect();
    let mut documented = vec![];
    keys(&toml::from_str(&uncommented.join("\n")).unwrap(), "", &mut documented);
    documented.sort();
    assert_eq!(documented, wanted);
}

#[test]
fn a_wrong_key_is_told_with_its_place_and_the_nearest_one() {
    let error = |text: &str| {
        let error = of_text(text).unwrap_err().to_string();
        error.split_once(".toml:").expect("the file is named").1.to_owned()
    };
    assert_eq!(
        error("grace = \"3s\"\n[sinks.file]\n  pth = \"/x\"\n"),
        "3:3: there is no key `pth` here; did you mean `path`?"
    );
    assert!(error("zzzzzzzzzzz = 1").contains("there are node, host_proc"));
    assert!(error("[metrics]\nlabels = [\"pid\"]").starts_with("2:1"));
    assert!(error("[metrics]\nlisten = \"x\"").contains("2:10: invalid socket address"));
    assert!(error("grace = \"soon\"").contains("1:9: `soon` cannot be used: write a duration"));
    assert!(error("grace = 3").contains("1:9"));
    assert!(error("[sinks.stdout]\nfilter.types = [\"signals\"]").contains("there is no type"));
    assert!(error("stop_signals = [\"KILL\"]").contains("SIGKILL is no stop signal"));
    assert!(error("runtimes = [\"crio\"]").contains("docker, podman"));
    assert!(error("[sinks.file]\nmax_total = \"1XB\"").contains("write a size as"));
    assert!(error("[sinks\n").starts_with("1:"));
}

#[test]
fn keys_that_do_not_go_together_are_refused() {
    let error = |text: &str| of_text(text).unwrap_err().to_string();
    assert!(error("[metrics]\nlisten = \"0.0.0.0:9464\"").contains("would serve the metrics"));
    assert!(error("[metrics]\nlisten = \"[::]:9464\"").contains("would serve the metrics"));
    assert!(error("[sinks.file]\npath = \"x\"").contains("no absolute path"));
    assert!(error("[sinks.file]\nmax_total = \"1MiB\"").contains("sinks.file.max_total: 1MiB"));
    assert!(error("node = \"\"").contains("node is empty"));
    #[cfg(not(feature = "kube"))]
    assert!(error("kube_api = true").contains("--features kube"));
    assert!(of_text("[metrics]\nenabled = false\nlisten = \"0.0.0.0:1\"").is_ok());
}

#[test]
fn a_queue_in_which_no_line_has_room_is_refused() {
    for wrong in ["size = 0", "size = \"1KiB\"", "lines = 0"] {
        let error = of_text(&format!("[sinks.otlp]\nqueue.{wrong}")).unwrap_err().to_string();
        assert!(error.contains("sinks.otlp.queue has no room"), "{wrong}: {error}");
    }
    assert!(of_text("[sinks.otlp]\nqueue.lines = 1\nqueue.size = \"64KiB\"").is_ok());
}

#[test]
fn the_environment_and_flags_override_the_file() {
    let config = with(&[
        ("SIGNAL_TRACE__NODE", "123"),
        ("SIGNAL_TRACE__SINKS__FILE__ENABLED", "true"),
        ("SIGNAL_TRACE__SINKS__FILE__PATH", "/x y"),
        ("SIGNAL_TRACE__SINKS__STDOUT__FILTER__TYPES", "[\"signal\"]"),
        ("SIGNAL_TRACE__METRICS__LISTEN", "10.0.0.1:9464"),
        ("SIGNAL_TRACE_LOG", "debug"),
        ("HOME", "/"),
    ])
    .unwrap();
    assert_eq!(config.node.as_deref(), Some("123"));
    assert!(config.sinks.file.enabled);
    assert_eq!(config.sinks.file.path, PathBuf::from("/x y"));
    assert_eq!(config.sinks.stdout.filter.types, ["signal"]);
    assert_eq!(config.metrics.listen.to_string(), "10.0.0.1:9464");

    let flags = [Source::flag("grace=3s").unwrap(), Source::flag("grace=4s").unwrap()];
    assert_eq!(load(None, &flags).unwrap().grace, Some(Span(Duration::from_secs(4))));
    assert!(Source::flag("grace").is_err());

    let error = |name: &str, value: &str| with(&[(name, value)]).unwrap_err().to_string();
    assert_eq!(
        error("SIGNAL_TRACE__SINKS__FILE__PTH", "/x"),
        "SIGNAL_TRACE__SINKS__FILE__PTH: there is no key `pth` here; did you mean `path`?"
    );
    assert!(
        error("SIGNAL_TRACE__METRICS__LISTEN", "9464").contains("SIGNAL_TRACE__METRICS__LISTEN")
    );
    assert!(error("SIGNAL_TRACE__NODE__X", "1").contains("SIGNAL_TRACE__NODE__X"));
}

#[test]
fn what_needs_a_restart_is_known() {
    let new = Config {
        grace: Some(Span(Duration::from_secs(1))),
        sinks: Sinks { stdout: Stdout { enabled: false, ..Stdout::default() }, ..Sinks::default() },
        ..Config::default()
    };
    assert_eq!(Config::default().needs_restart(&new), ["grace"]);
}
