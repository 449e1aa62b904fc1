//! What is said of a configuration that cannot be used.

use std::{
    io,
    path::{Path, PathBuf},
};

use strsim::damerau_levenshtein;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It says something that cannot be used.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    InFile {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, characters.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// A flag or a variable of the environment does.
    #[error("{origin}: {problem}")]
    Override {
        /// Which.
        origin: String,
        /// What is wrong.
        problem: String,
    },
    /// Keys that do not go together.
    #[error("the configuration cannot be used: {problem}")]
    Wrong {
        /// What is wrong.
        problem: String,
    },
}

impl ConfigError {
    pub(super) fn in_file(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start).min(text.len());
        let before = &text.as_bytes()[..start];
        let line = before.split(|byte| *byte == b'\n').count();
        let last = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let column = String::from_utf8_lossy(last).chars().count() + 1;
        Self::InFile { path: path.to_owned(), line, column, problem: explain(error.message()) }
    }

    pub(super) fn override_key(origin: &str, key: &str) -> Self {
        let problem = format!("a part of the key `{key}` is no table");
        Self::Override { origin: origin.to_owned(), problem }
    }

    pub(super) fn override_value(origin: &str, message: &str) -> Self {
        Self::Override { origin: origin.to_owned(), problem: explain(message) }
    }
}

/// serde's message; of an unknown key, with the nearest known one in place of all of them.
fn explain(message: &str) -> String {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let Some((key, rest)) = unknown else { return message.trim_end().replace('\n', ": ") };
    // `, expected one of `a`, `b``: every second part between backquotes.
    let known: Vec<_> = rest.split('`').skip(1).step_by(2).collect();
    let nearest = known.iter().min_by_key(|name| damerau_levenshtein(key, name));
    match nearest.filter(|name| damerau_levenshtein(key, name) <= name.len().max(3) / 2) {
        Some(nearest) => format!("there is no key `{key}` here; did you mean `{nearest}`?"),
        None => format!("there is no key `{key}` here; there are {}", known.join(", ")),
    }
}
