//! Reads the file, then lays the environment and the flags over it.

use std::{fs, path::Path};

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Config, ConfigError, Queue, Sinks};
use crate::cli::size::ByteSize;
use crate::metrics::server;
use crate::sinks::otlp::Target;

/// Environment variables of the configuration begin with this; `__` stands for a dot.
const PREFIX: &str = "SIGNAL_TRACE__";

/// Less has no room for one line: every one would be dropped.
const LEAST_QUEUE: ByteSize = ByteSize(64 << 10);

/// A key and its value from outside the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// How the user gave it, for messages: `--set a.b=c`, `SIGNAL_TRACE__A__B`.
    pub origin: String,
    /// `sinks.file.path`.
    pub key: String,
    /// As TOML writes it; what is no TOML is a string.
    pub value: String,
}

impl Source {
    /// `--set KEY=VALUE`.
    ///
    /// # Errors
    /// There is no `=` in it.
    pub fn flag(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
        Ok(Self {
            origin: format!("--set {text}"),
            key: key.trim().to_owned(),
            value: value.to_owned(),
        })
    }

    /// Those of the environment, in the order of their names.
    pub fn environment(variables: impl Iterator<Item = (String, String)>) -> Vec<Self> {
        let mut found: Vec<_> = variables
            .filter_map(|(name, value)| {
                let key = name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
                Some(Self { origin: name, key, value })
            })
            .collect();
        found.sort_by(|a, b| a.origin.cmp(&b.origin));
        found
    }
}

/// Reads `file`, if there is one, and lays `over` over it, the later over the earlier.
///
/// # Errors
/// The file cannot be read, or a key or value is wrong: said with its place.
pub fn load(file: Option<&Path>, over: &[Source]) -> Result<Config, ConfigError> {
    let text = match file {
        Some(path) => fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?,
        None => String::new(),
    };
    // First for itself: errors then have a line.
    let mut config: Config = toml::from_str(&text)
        .map_err(|error| ConfigError::in_file(file.unwrap_or(Path::new("")), &text, &error))?;
    let mut table: Table = toml::from_str(&text).unwrap_or_default();
    for source in over {
        config = lay(&mut table, source)?;
    }
    config.check()?;
    Ok(config)
}

/// Sets the key; what cannot be used as TOML is used as text.
fn lay(table: &mut Table, source: &Source) -> Result<Config, ConfigError> {
    let as_text = Value::String(source.value.clone());
    let as_toml = toml::from_str::<Table>(&format!("v = {}", source.value))
        .ok()
        .and_then(|mut table| table.remove("v"));
    let mut first_error = None;
    for value in as_toml.into_iter().chain([as_text]) {
        let mut tried = table.clone();
        set(&mut tried, &source.key, value)
            .ok_or_else(|| ConfigError::override_key(&source.origin, &source.key))?;
        match Config::deserialize(tried.clone()) {
            Ok(config) => {
                *table = tried;
                return Ok(config);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let message = first_error.map(|error| error.message().to_owned()).unwrap_or_default();
    Err(ConfigError::override_value(&source.origin, &message))
}

/// `None` if a part of the key is no table.
fn set(table: &mut Table, key: &str, value: Value) -> Option<()> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Some(())
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Table::new().into());
            set(inner.as_table_mut()?, rest, value)
        }
    }
}

impl Config {
    /// What no single key shows.
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: &str| Err(ConfigError::Wrong { problem: text.to_owned() });
        if self.metrics.enabled {
            server::check(self.metrics.listen).or_else(|error| wrong(&error.to_string()))?;
        }
        let absolute =
            [("sinks.socket.path", &self.sinks.socket.path), ("host_proc", &self.host_proc)];
        if let Some((key, path)) = absolute.into_iter().find(|(_, path)| !path.is_absolute()) {
            return wrong(&format!("{key} = \"{}\" is no absolute path", path.display()));
        }
        if self.node.as_ref().is_some_and(String::is_empty) {
            return wrong("node is empty: leave it out, to have the name of the host");
        }
        if self.kube_api && !cfg!(feature = "kube") {
            return wrong("kube_api needs a build of signal-trace with `--features kube`");
        }
        let Sinks { stdout, file, otlp, socket } = &self.sinks;
        let queues = [
            ("stdout", stdout.queue),
            ("file", file.queue),
            ("otlp", otlp.queue),
            ("socket", socket.queue),
        ];
        let none = |queue: &Queue| queue.lines == 0 || queue.size < LEAST_QUEUE;
        if let Some((name, _)) = queues.iter().find(|(_, queue)| none(queue)) {
            return wrong(&format!(
                "sinks.{name}.queue has no room: at least one line and {LEAST_QUEUE} (0 is no way to \
                 say \"no limit\")"
            ));
        }
        if let Err(problem) = self.sinks.file.to_sink().check() {
            return wrong(&format!("sinks.file.{problem}"));
        }
        if self.sinks.otlp.enabled
            && let Err(error) = Target::of(&self.sinks.otlp)
        {
            return wrong(&error.to_string());
        }
        Ok(())
    }
}
