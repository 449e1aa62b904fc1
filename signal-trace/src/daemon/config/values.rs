//! Values of keys: how they are written, and what is said of one that is written otherwise.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use signal_trace_core::{findings, signal::Signal};

use crate::{
    cli::{
        runtime,
        value::{self, Glob},
    },
    enrich::RuntimeFlag,
    outlet,
};

/// A duration: `250ms`, `3s`, `5m`, `24h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A number of bytes: `512`, `"64MiB"`, `"1GiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// A stop signal by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalText(pub Signal);

/// `docker=/run/docker.sock`, `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerText {
    /// As it was written.
    text: String,
    /// What it means.
    pub flag: RuntimeFlag,
}

/// A pattern with `*` and `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobText(pub Glob);

/// `info`, `warning`, `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Severity(pub findings::Severity);

const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl Size {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no size: write it as \"64MiB\", \"1GiB\" or in bytes");
        let text = text.trim();
        let (number, unit) = UNITS
            .into_iter()
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))
            .unwrap_or((text, 1));
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a size: write it as \"64MiB\", \"1GiB\" or in bytes")]
        enum Either {
            Number(u64),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(bytes) => Ok(Self(bytes)),
            Either::Text(text) => Self::parse(&text).map_err(D::Error::custom),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole =
            UNITS[..4].iter().rev().find(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) => serializer.collect_str(&format_args!("{}{name}", self.0 / unit)),
            None => serializer.collect_str(&format_args!("{}B", self.0)),
        }
    }
}

/// `Deserialize` and `Serialize` of a type that is written as a string.
macro_rules! as_text {
    ($type:ty, $parse:expr, $show:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let parse: fn(&str) -> Result<$type, String> = $parse;
                parse(&text).map_err(|problem| {
                    D::Error::custom(format_args!("`{text}` cannot be used: {problem}"))
                })
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let show: fn(&$type) -> String = $show;
                serializer.serialize_str(&show(self))
            }
        }
    };
}

as_text!(Span, |text| value::duration(text).map(Self), |span| {
    let millis = span.0.as_millis();
    if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
});
as_text!(SignalText, |text| value::stop_signal(text).map(Self), |signal| signal.0.name());
as_text!(
    ManagerText,
    |text| Ok(Self { flag: runtime::runtime(text)?, text: text.to_owned() }),
    |manager| manager.text.clone()
);
as_text!(GlobText, |text| text.parse::<Glob>().map(Self), |glob| glob.0.text().to_owned());
as_text!(
    Severity,
    |text| {
        let known = findings::Severity::ALL.into_iter().find(|it| it.name() == text);
        known.map(Self).ok_or_else(|| "write info, warning or error".to_owned())
    },
    |severity| severity.0.name().to_owned()
);

/// Types of lines.
pub fn types<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let types = Vec::<String>::deserialize(deserializer)?;
    let known = outlet::Filter::TYPES;
    match types.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(types),
        Some(name) => Err(D::Error::custom(format_args!(
            "there is no type `{name}` that can be chosen; there are {} (`recording`, `loss` and \
             `end` always come)",
            known.join(", ")
        ))),
    }
}
