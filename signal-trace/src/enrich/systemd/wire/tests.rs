//! Tests of the wire format, with messages of the real programs: dbus-daemon 1.14, systemd 252.

use proptest::prelude::*;

use super::*;

/// From the bus: the answer to `Hello`, and the signal that follows it.
const HELLO: &[u8] = b"l\x02\x01\x01\n\x00\x00\x00\x01\x00\x00\x00=\x00\x00\x00\x06\x01s\x00\
    \x05\x00\x00\x00:1.40\x00\x00\x00\x05\x01u\x00\x01\x00\x00\x00\x08\x01g\x00\x01s\x00\x00\
    \x07\x01s\x00\x14\x00\x00\x00org.freedesktop.DBus\x00\x00\x00\x00\x05\x00\x00\x00:1.40\x00";
const ACQUIRED: &[u8] = b"l\x04\x01\x01\n\x00\x00\x00\x02\x00\x00\x00\x8d\x00\x00\x00\x01\x01o\x00\
    \x15\x00\x00\x00/org/freedesktop/DBus\x00\x00\x00\x02\x01s\x00\x14\x00\x00\x00\
    org.freedesktop.DBus\x00\x00\x00\x00\x03\x01s\x00\x0c\x00\x00\x00NameAcquired\x00\x00\x00\x00\
    \x06\x01s\x00\x05\x00\x00\x00:1.40\x00\x00\x00\x08\x01g\x00\x01s\x00\x00\x07\x01s\x00\
    \x14\x00\x00\x00org.freedesktop.DBus\x00\x00\x00\x00\x05\x00\x00\x00:1.40\x00";
/// From systemd's own socket: an error, the path of a unit, and properties of three types.
const ERROR: &[u8] = b"l\x03\x01\x01$\x00\x00\x00\x02\x00\x00\x00g\x00\x00\x00\x05\x01u\x00\
    \x02\x00\x00\x00\x04\x01s\x00#\x00\x00\x00org.freedesktop.systemd1.NoSuchUnit\x00\
    \x00\x00\x00\x00\x07\x01s\x00\x18\x00\x00\x00org.freedesktop.systemd1\x00\x00\x00\x00\x00\x00\
    \x00\x00\x08\x01g\x00\x01s\x00\x00\x1f\x00\x00\x00Unit nosuch.service not loaded.\x00";
const UNIT: &[u8] = b"l\x02\x01\x017\x00\x00\x00\x02\x00\x00\x007\x00\x00\x00\x05\x01u\x00\
    \x02\x00\x00\x00\x07\x01s\x00\x18\x00\x00\x00org.freedesktop.systemd1\x00\x00\x00\x00\x00\x00\
    \x00\x00\x08\x01g\x00\x01o\x00\x002\x00\x00\x00\
    /org/freedesktop/systemd1/unit/lab_2dweb_2eservice\x00";
const MODE: &[u8] = b"l\x02\x01\x01\x16\x00\x00\x00\x03\x00\x00\x007\x00\x00\x00\x05\x01u\x00\
    \x03\x00\x00\x00\x07\x01s\x00\x18\x00\x00\x00org.freedesktop.systemd1\x00\x00\x00\x00\x00\x00\
    \x00\x00\x08\x01g\x00\x01v\x00\x00\x01s\x00\x00\r\x00\x00\x00control-group\x00";
const SIGNAL: &[u8] = b"l\x02\x01\x01\x08\x00\x00\x00\x04\x00\x00\x007\x00\x00\x00\x05\x01u\x00\
    \x04\x00\x00\x00\x07\x01s\x00\x18\x00\x00\x00org.freedesktop.systemd1\x00\x00\x00\x00\x00\x00\
    \x00\x00\x08\x01g\x00\x01v\x00\x00\x01i\x00\x00\n\x00\x00\x00";
const TIMEOUT: &[u8] = b"l\x02\x01\x01\x10\x00\x00\x00\x05\x00\x00\x007\x00\x00\x00\x05\x01u\x00\
    \x05\x00\x00\x00\x07\x01s\x00\x18\x00\x00\x00org.freedesktop.systemd1\x00\x00\x00\x00\x00\x00\
    \x00\x00\x08\x01g\x00\x01v\x00\x00\x01t\x00\x00\x00\x00\x00\x00\xc0\xcfj\x00\x00\x00\x00\x00";

const ANSWERS: [&[u8]; 6] = [HELLO, ERROR, UNIT, MODE, SIGNAL, TIMEOUT];

fn decoded(message: &[u8]) -> Answer {
    Answer::decode(message).expect("valid").expect("an answer")
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn answers_of_the_real_programs_are_read() {
    for (message, to, error, value) in [
        (HELLO, 1, None, Some(text(":1.40"))),
        (
            ERROR,
            2,
            Some("org.freedesktop.systemd1.NoSuchUnit"),
            Some(text("Unit nosuch.service not loaded.")),
        ),
        (UNIT, 2, None, Some(text("/org/freedesktop/systemd1/unit/lab_2dweb_2eservice"))),
        (MODE, 3, None, Some(text("control-group"))),
        (SIGNAL, 4, None, Some(Value::Number(10))),
        (TIMEOUT, 5, None, Some(Value::Number(7_000_000))),
    ] {
        let head = message[..HEAD].try_into().unwrap();
        assert_eq!(message_length(head), Some(message.len()));
        assert_eq!(decoded(message), Answer { to, error: error.map(Into::into), value });
    }
    assert_eq!(Answer::decode(ACQUIRED), Some(None));
}

#[test]
fn a_call_is_written_as_systemd_reads_it() {
    let call = Call {
        destination: "org.x",
        object: "/a",
        interface: "org.x.Y",
        member: "Get",
        arguments: &["I", "name"],
    };
    let expected = b"l\x01\x02\x01\x11\x00\x00\x00\x07\x00\x00\x00\x48\x00\x00\x00\
        \x01\x01o\x00\x02\x00\x00\x00/a\x00\x00\x00\x00\x00\x00\
        \x02\x01s\x00\x07\x00\x00\x00org.x.Y\x00\
        \x03\x01s\x00\x03\x00\x00\x00Get\x00\x00\x00\x00\x00\
        \x06\x01s\x00\x05\x00\x00\x00org.x\x00\x00\x00\
        \x08\x01g\x00\x02ss\x00\x01\x00\x00\x00I\x00\x00\x00\x04\x00\x00\x00name\x00";
    let message = call.encode(7);
    assert_eq!(message, expected);
    assert_eq!(message_length(message[..HEAD].try_into().unwrap()), Some(message.len()));
    assert_eq!(Answer::decode(&message), Some(None));
}

#[test]
fn a_big_endian_answer_is_read() {
    let message = b"B\x02\x01\x01\0\0\0\x08\0\0\0\x01\0\0\0\x0f\x05\x01u\0\0\0\0\x09\
        \x08\x01g\0\x01v\0\0\x01i\0\0\0\0\0\x0f";
    assert_eq!(message_length(message[..HEAD].try_into().unwrap()), Some(message.len()));
    assert_eq!(decoded(message), Answer { to: 9, error: None, value: Some(Value::Number(15)) });
}

#[test]
fn a_cut_message_is_no_answer() {
    for message in ANSWERS {
        for end in 0..message.len() {
            assert_eq!(Answer::decode(&message[..end]), None, "{end}");
        }
    }
}

#[test]
fn lengths_are_not_believed() {
    for (fields, body) in [(u32::MAX, u32::MAX), (0, 1 << 20), (1 << 27, 0), (u32::MAX, 0)] {
        let mut head: [u8; HEAD] = HELLO[..HEAD].try_into().unwrap();
        head[4..8].copy_from_slice(&body.to_le_bytes());
        head[12..16].copy_from_slice(&fields.to_le_bytes());
        assert_eq!(message_length(head), None);
        let mut message = HELLO.to_vec();
        message[..HEAD].copy_from_slice(&head);
        if fields != 0 {
            assert_eq!(Answer::decode(&message), None);
        }
    }
    assert_eq!(message_length(*b"HTTP/1.1 400 Bad"), None);
    assert_eq!(message_length([0xff; HEAD]), None);
    // Version 2.
    assert_eq!(message_length(*b"l\x02\x01\x02\0\0\0\0\x01\0\0\0\0\0\0\0"), None);
}

#[test]
fn variants_in_variants_are_not_followed() {
    let mut message = b"l\x02\x01\x01\0\0\0\0\x01\0\0\0\x0f\0\0\0\x05\x01u\0\x01\0\0\0\
        \x08\x01g\0\x01v\0\0"
        .to_vec();
    message.extend(b"\x01v\0".repeat(100_000));
    assert_eq!(Answer::decode(&message), None);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes: Vec<u8>) {
        let _read = Answer::decode(&bytes);
        if let Some(head) = bytes.first_chunk() {
            prop_assert!(message_length(*head).is_none_or(|length| length <= MAX_MESSAGE));
        }
    }

    #[test]
    fn nor_does_a_damaged_answer(which in 0..ANSWERS.len(), at: prop::sample::Index, byte: u8) {
        let mut message = ANSWERS[which].to_vec();
        let at = at.index(message.len());
        message[at] = byte;
        let _read = Answer::decode(&message);
    }

    #[test]
    fn what_is_written_has_the_length_that_it_says(
        serial in 1..u32::MAX,
        texts in prop::collection::vec("[a-z./]{0,40}", 4),
        arguments in prop::collection::vec(".{0,40}", 0..4),
    ) {
        let [destination, object, interface, member] = [0, 1, 2, 3].map(|at: usize| &*texts[at]);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let call = Call { destination, object, interface, member, arguments: &arguments };
        let message = call.encode(serial);
        prop_assert_eq!(message_length(message[..HEAD].try_into().unwrap()), Some(message.len()));
        prop_assert_eq!(Answer::decode(&message), Some(None));
    }
}
