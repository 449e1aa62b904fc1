//! D-Bus messages: the calls that we make, and what we read of the answers.
//!
//! Written by hand, since the peer may be anybody's: the crates there are let it make us allocate
//! 128 MiB for each message, or are no longer kept, or want a newer Rust. Of the types there are,
//! only those that the properties of units have are read.

/// The fixed part of a message's header.
pub const HEAD: usize = 16;

/// Bytes of one message, at most. A property has ten; signals that come in between have more.
pub const MAX_MESSAGE: usize = 1 << 20;

const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
/// `NO_AUTO_START`: who does not run is not to be started by us.
const FLAGS: u8 = 2;
const VERSION: u8 = 1;

/// Codes of header fields.
mod field {
    pub const PATH: u8 = 1;
    pub const INTERFACE: u8 = 2;
    pub const MEMBER: u8 = 3;
    pub const ERROR_NAME: u8 = 4;
    pub const REPLY_SERIAL: u8 = 5;
    pub const DESTINATION: u8 = 6;
    pub const SIGNATURE: u8 = 8;
}

/// A method, and the object that it is called of.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Whose object: ignored where there is no bus between.
    pub destination: &'a str,
    /// Path of the object.
    pub object: &'a str,
    /// Interface of the method.
    pub interface: &'a str,
    /// The method.
    pub member: &'a str,
    /// Its arguments: strings only.
    pub arguments: &'a [&'a str],
}

impl Call<'_> {
    /// The message.
    pub fn encode(&self, serial: u32) -> Vec<u8> {
        let mut body = Writer::default();
        for argument in self.arguments {
            body.string(argument);
        }
        let mut out = Writer(vec![b'l', 1, FLAGS, VERSION]);
        out.u32(length(&body.0));
        out.u32(serial);
        // Length of the fields: known below.
        out.u32(0);
        for (code, kind, value) in [
            (field::PATH, b'o', self.object),
            (field::INTERFACE, b's', self.interface),
            (field::MEMBER, b's', self.member),
            (field::DESTINATION, b's', self.destination),
        ] {
            out.align(8);
            out.0.extend([code, 1, kind, 0]);
            out.string(value);
        }
        if !self.arguments.is_empty() {
            out.align(8);
            let signature = "s".repeat(self.arguments.len());
            out.0.extend([field::SIGNATURE, 1, b'g', 0, signature.len().to_le_bytes()[0]]);
            out.0.extend(signature.as_bytes());
            out.0.push(0);
        }
        let fields = length(&out.0[HEAD..]);
        out.0[HEAD - 4..HEAD].copy_from_slice(&fields.to_le_bytes());
        out.align(8);
        out.0.extend(body.0);
        out.0
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn u32(&mut self, value: u32) {
        self.align(4);
        self.0.extend(value.to_le_bytes());
    }

    fn string(&mut self, text: &str) {
        self.u32(length(text.as_bytes()));
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }
}

/// How many bytes the message is long that begins with `head`; `None` if it is no message or too
/// long.
pub fn message_length(head: [u8; HEAD]) -> Option<usize> {
    let mut reader = Reader::new(&head)?;
    if head[3] != VERSION {
        return None;
    }
    reader.at = 4;
    let body = usize::try_from(reader.u32()?).ok()?;
    reader.at = 12;
    let fields = usize::try_from(reader.u32()?).ok()?;
    let total = HEAD.checked_add(fields)?.checked_next_multiple_of(8)?.checked_add(body)?;
    (total <= MAX_MESSAGE).then_some(total)
}

/// A value of a basic type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Any integer or boolean.
    Number(i128),
    /// A string, the path of an object, or a signature.
    Text(String),
    /// A floating-point number or descriptor: nothing that we ask for.
    Other,
}

/// An answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Serial of the call.
    pub to: u32,
    /// Name of the error, if it is one.
    pub error: Option<String>,
    /// The first value: what the method returns, out of its variant; or what is said of the error.
    pub value: Option<Value>,
}

impl Answer {
    /// Reads a whole message; `None` if it is not valid, `Some(None)` if it is no answer.
    #[expect(clippy::option_option, reason = "said above")]
    pub fn decode(message: &[u8]) -> Option<Option<Self>> {
        let mut reader = Reader::new(message)?;
        let kind = *message.get(1)?;
        reader.at = 12;
        let fields = usize::try_from(reader.u32()?).ok()?;
        let end = HEAD.checked_add(fields).filter(|end| *end <= message.len())?;
        let (mut to, mut error, mut signature) = (None, None, String::new());
        while reader.at < end {
            reader.align(8)?;
            let code = reader.byte()?;
            match (code, reader.variant()?) {
                (field::REPLY_SERIAL, Value::Number(serial)) => to = u32::try_from(serial).ok(),
                (field::ERROR_NAME, Value::Text(name)) => error = Some(name),
                (field::SIGNATURE, Value::Text(text)) => signature = text,
                _ => {}
            }
        }
        if reader.at != end {
            return None;
        }
        let error = match kind {
            METHOD_RETURN => None,
            ERROR => Some(error?),
            _ => return Some(None),
        };
        reader.align(8)?;
        let value = match signature.as_bytes().first() {
            None => None,
            Some(kind) => Some(reader.value(*kind)?),
        };
        Some(Some(Self { to: to?, error, value }))
    }
}

/// Reads values; every length is checked before it is believed.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    big_endian: bool,
}

impl<'a> Reader<'a> {
    fn new(message: &'a [u8]) -> Option<Self> {
        let big_endian = match message.first()? {
            b'l' => false,
            b'B' => true,
            _ => return None,
        };
        Some(Self { bytes: message, at: 0, big_endian })
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn align(&mut self, to: usize) -> Option<()> {
        self.take(self.at.next_multiple_of(to) - self.at).map(|_| ())
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.align(N)?;
        let mut bytes: [u8; N] = self.take(N)?.try_into().ok()?;
        if self.big_endian {
            bytes.reverse();
        }
        Some(bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.fixed().map(u32::from_le_bytes)
    }

    fn text(&mut self, length: usize) -> Option<Value> {
        let text = str::from_utf8(self.take(length)?).ok()?.to_owned();
        (self.byte()? == 0).then_some(Value::Text(text))
    }

    fn variant(&mut self) -> Option<Value> {
        let length = self.byte()?;
        let signature = self.take(usize::from(length))?;
        match (signature, self.byte()?) {
            // Not a variant in a variant, which would have no end.
            ([kind], 0) if *kind != b'v' => self.value(*kind),
            _ => None,
        }
    }

    fn value(&mut self, kind: u8) -> Option<Value> {
        let number = |value: i128| Some(Value::Number(value));
        match kind {
            b'y' => number(self.byte()?.into()),
            b'n' => number(i16::from_le_bytes(self.fixed()?).into()),
            b'q' => number(u16::from_le_bytes(self.fixed()?).into()),
            b'i' => number(i32::from_le_bytes(self.fixed()?).into()),
            b'u' | b'b' => number(self.u32()?.into()),
            b'x' => number(i64::from_le_bytes(self.fixed()?).into()),
            b't' => number(u64::from_le_bytes(self.fixed()?).into()),
            b'h' => self.u32().map(|_| Value::Other),
            b'd' => self.fixed::<8>().map(|_| Value::Other),
            b's' | b'o' => {
                let length = usize::try_from(self.u32()?).ok()?;
                self.text(length)
            }
            b'g' => {
                let length = usize::from(self.byte()?);
                self.text(length)
            }
            b'v' => self.variant(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
