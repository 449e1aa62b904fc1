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
