//! A D-Bus connection for one question: a bus, or a manager's private socket without a bus.

use signal_trace_core::escape::escaped;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::wire::{Answer, Call, HEAD, Value, message_length};
use crate::enrich::Failure;

/// Bytes of a line while we say who we are, at most.
const MAX_LINE: usize = 512;

/// Bytes of a name that are shown, at most.
const MAX_SHOWN: usize = 128;

const MANAGER: &str = "org.freedesktop.systemd1";

/// A connection. It is for one question only: systemd sends all its signals to whoever is connected
/// to a private socket, and would have to keep them for one who does not read.
#[derive(Debug)]
pub struct Bus {
    stream: UnixStream,
    serial: u32,
}

/// What a call returned: a value, or the name of an error.
pub type Outcome = Result<Option<Value>, String>;

fn broken(text: impl Into<String>) -> Failure {
    Failure::Broken(text.into())
}

impl Bus {
    /// Says who we are, and hello.
    pub async fn open(mut stream: UnixStream) -> Result<Self, Failure> {
        let uid = nix::unistd::geteuid().to_string();
        // Each digit of it as two hexadecimal ones: 0 is 30.
        let uid = uid.replace("", "3").strip_suffix('3').unwrap_or_default().to_owned();
        // All at once, as systemd's own programs do: it would not see a message that comes together
        // with `BEGIN`.
        write(&mut stream, format!("\0AUTH EXTERNAL {uid}\r\nBEGIN\r\n").as_bytes()).await?;
        let line = line(&mut stream).await?;
        if !line.starts_with(b"OK ") {
            return Err(broken(format!("it does not let us in: {}", shown(&line))));
        }
        let mut bus = Self { stream, serial: 0 };
        // A bus wants that first. Where there is none it is an error, which is as good.
        let _name = bus
            .call(Call {
                destination: "org.freedesktop.DBus",
                object: "/org/freedesktop/DBus",
                interface: "org.freedesktop.DBus",
                member: "Hello",
                arguments: &[],
            })
            .await?;
        Ok(bus)
    }

    /// Path of a unit that is loaded; `None` if there is no such unit.
    pub async fn unit(&mut self, name: &str) -> Result<Option<String>, Failure> {
        let outcome = self
            .call(Call {
                destination: MANAGER,
                object: "/org/freedesktop/systemd1",
                interface: "org.freedesktop.systemd1.Manager",
                member: "GetUnit",
                arguments: &[name],
            })
            .await?;
        match outcome {
            Ok(Some(Value::Text(path))) => Ok(Some(path)),
            Ok(_) => Err(broken("it tells no path of a unit")),
            Err(error) if error == "org.freedesktop.systemd1.NoSuchUnit" => Ok(None),
            Err(error) => Err(broken(format!("it refuses: {}", shown(error.as_bytes())))),
        }
    }

    /// A property; `None` if it has none of this name.
    pub async fn property(
        &mut self,
        object: &str,
        interface: &str,
        name: &str,
    ) -> Result<Option<Value>, Failure> {
        let outcome = self
            .call(Call {
                destination: MANAGER,
                object,
                interface: "org.freedesktop.DBus.Properties",
                member: "Get",
                arguments: &[interface, name],
            })
            .await?;
        match outcome {
            Ok(value) => Ok(value),
            // The unit may have gone meanwhile.
            Err(error) if error.starts_with("org.freedesktop.DBus.Error.Unknown") => Ok(None),
            Err(error) => Err(broken(format!("it refuses: {}", shown(error.as_bytes())))),
        }
    }

    async fn call(&mut self, call: Call<'_>) -> Result<Outcome, Failure> {
        self.serial += 1;
        let message = call.encode(self.serial);
        write(&mut self.stream, &message).await?;
        loop {
            let message = self.message().await?;
            let answer = Answer::decode(&message).ok_or_else(|| broken("it answers no D-Bus"))?;
            // Signals and calls of its own come, too.
            if let Some(answer) = answer.filter(|answer| answer.to == self.serial) {
                return Ok(match answer.error {
                    Some(error) => Err(error),
                    None => Ok(answer.value),
                });
            }
        }
    }

    async fn message(&mut self) -> Result<Vec<u8>, Failure> {
        let mut head = [0; HEAD];
        self.stream.read_exact(&mut head).await.map_err(|error| ends(&error))?;
        let length = message_length(head)
            .ok_or_else(|| broken("it answers no D-Bus, or far too much of it"))?;
        let rest = length - HEAD;
        let mut message = head.to_vec();
        // Grows with what has come: the length alone is only a claim.
        let limit = u64::try_from(rest).unwrap_or(u64::MAX);
        let read = (&mut self.stream).take(limit).read_to_end(&mut message).await;
        match read.map_err(|error| ends(&error))? {
            read if read == rest => Ok(message),
            _ => Err(broken("the answer ends early")),
        }
    }
}

async fn write(stream: &mut UnixStream, bytes: &[u8]) -> Result<(), Failure> {
    stream.write_all(bytes).await.map_err(|error| ends(&error))
}

async fn line(stream: &mut UnixStream) -> Result<Vec<u8>, Failure> {
    let mut line = Vec::new();
    while line.len() < MAX_LINE {
        line.push(stream.read_u8().await.map_err(|error| ends(&error))?);
        if let Some(text) = line.strip_suffix(b"\r\n") {
            return Ok(text.to_vec());
        }
    }
    Err(broken("it does not speak D-Bus"))
}

fn ends(error: &std::io::Error) -> Failure {
    broken(format!("no answer: {error}"))
}

fn shown(bytes: &[u8]) -> String {
    escaped(bytes.get(..MAX_SHOWN).unwrap_or(bytes)).to_string()
}
