//! Lists of attributes, as OTLP writes them.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue, any_value::Value as Any,
};
use signal_trace_core::escape::escaped;

/// A list of attributes, in the order in which they were set.
#[derive(Debug, Default)]
pub struct Attributes(Vec<KeyValue>);

impl Attributes {
    /// Adds one, unless there is no value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Value) {
        if let Some(value) = value.value() {
            let value = Some(AnyValue { value: Some(value) });
            self.0.push(KeyValue { key: key.into(), value, ..KeyValue::default() });
        }
    }

    /// Those that were set.
    pub fn into_list(self) -> Vec<KeyValue> {
        self.0
    }
}

/// What can be the value of an attribute.
pub trait Value {
    /// As OTLP has it; none for what is not known.
    fn value(self) -> Option<Any>;
}

impl<T: Value> Value for Option<T> {
    fn value(self) -> Option<Any> {
        self.and_then(T::value)
    }
}

impl Value for &str {
    fn value(self) -> Option<Any> {
        Some(Any::StringValue(shown(self)))
    }
}

impl Value for String {
    fn value(self) -> Option<Any> {
        self.as_str().value()
    }
}

impl Value for bool {
    fn value(self) -> Option<Any> {
        Some(Any::BoolValue(self))
    }
}

impl Value for f64 {
    fn value(self) -> Option<Any> {
        Some(Any::DoubleValue(self))
    }
}

impl Value for i64 {
    fn value(self) -> Option<Any> {
        Some(Any::IntValue(self))
    }
}

impl Value for i32 {
    fn value(self) -> Option<Any> {
        i64::from(self).value()
    }
}

impl Value for u32 {
    fn value(self) -> Option<Any> {
        i64::from(self).value()
    }
}

impl Value for u8 {
    fn value(self) -> Option<Any> {
        i64::from(self).value()
    }
}

impl Value for u64 {
    fn value(self) -> Option<Any> {
        i64::try_from(self).unwrap_or(i64::MAX).value()
    }
}

/// An array; none for an empty one.
impl<T: Value> Value for Vec<T> {
    fn value(self) -> Option<Any> {
        let values: Vec<_> =
            self.into_iter().map(|value| AnyValue { value: value.value() }).collect();
        (!values.is_empty()).then_some(Any::ArrayValue(ArrayValue { values }))
    }
}

/// Untrusted text: protobuf carries anything, and the terminal at the other end may do what it is
/// told. So control characters, and marks that hide text or change its direction, are escaped
/// (`\x1b`, `\u{202e}`); backslashes stay, as names of units have them.
pub fn shown(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let parts: Vec<_> = text.split('\\').map(|part| escaped(part.as_bytes()).to_string()).collect();
    parts.join("\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_set() {
        let mut attributes = Attributes::default();
        attributes.set("a", None::<&str>);
        attributes.set("b", Some("x"));
        attributes.set("c", u64::MAX);
        attributes.set("d", Vec::<u64>::new());
        attributes.set("e", vec!["y", "z"]);
        let list = attributes.into_list();
        let keys: Vec<_> = list.iter().map(|pair| &*pair.key).collect();
        assert_eq!(keys, ["b", "c", "e"]);
        let value = |index: usize| list[index].value.as_ref().unwrap().value.clone().unwrap();
        assert_eq!(value(1), Any::IntValue(i64::MAX));
        assert!(matches!(value(2), Any::ArrayValue(array) if array.values.len() == 2));
    }

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        assert_eq!(shown(r"dev-disk\x2dby"), r"dev-disk\x2dby");
        assert_eq!(shown("caf\u{e9}"), "caf\u{e9}");
        assert_eq!(shown("\u{1b}[2J\n\u{202e}\\\u{9b}"), "\\x1b[2J\\n\\u{202e}\\\\u{9b}");
    }
}
