//! A service manager for tests, which behaves as it is told to.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use super::wire;

/// What a made-up manager knows of its one unit, and how it behaves.
#[derive(Clone, Default)]
pub struct Manager {
    /// Properties, as D-Bus writes them: the type, and the value from the next multiple of 8 on.
    pub properties: BTreeMap<&'static str, (u8, Vec<u8>)>,
    /// In place of `OK`.
    pub greeting: Option<&'static [u8]>,
    /// In place of the first answer.
    pub garbage: Option<Vec<u8>>,
    /// Nothing at all is answered.
    pub silent: bool,
}

impl Manager {
    /// One that runs `web.service` or `web.scope`.
    pub fn of_web() -> Self {
        let text = |text: &[u8]| {
            let length = u32::try_from(text.len()).unwrap().to_le_bytes();
            (b's', [&length[..], text, b"\0"].concat())
        };
        let properties = BTreeMap::from([
            ("KillMode", text(b"control-group")),
            ("KillSignal", (b'i', 10_i32.to_le_bytes().to_vec())),
            ("TimeoutStopUSec", (b't', 7_000_000_u64.to_le_bytes().to_vec())),
            ("MainPID", (b'u', 94_u32.to_le_bytes().to_vec())),
        ]);
        Self { properties, ..Self::default() }
    }

    /// With this property in place of what it has.
    pub fn with(mut self, name: &'static str, kind: u8, value: &[u8]) -> Self {
        self.properties.insert(name, (kind, value.to_vec()));
        self
    }

    /// Answers whoever connects to `socket`.
    pub fn listen(self, socket: &Path) -> Listening {
        let listener = UnixListener::bind(socket).expect("the folder is ours");
        let mut tasks = JoinSet::new();
        let connections = Arc::<Mutex<usize>>::default();
        let counted = Arc::clone(&connections);
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // A signal-trace that watches this machine meanwhile asks, too.
                let own = i32::try_from(std::process::id()).ok();
                if stream.peer_cred().is_ok_and(|peer| peer.pid() == own) {
                    *counted.lock().unwrap() += 1;
                }
                let manager = self.clone();
                served.spawn(async move { manager.serve(stream).await });
            }
        });
        Listening { connections, _tasks: tasks }
    }

    async fn serve(&self, mut stream: UnixStream) -> std::io::Result<()> {
        let mut line = [0; 26];
        stream.read_exact(&mut line).await?;
        assert_eq!(line, *b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n");
        stream.write_all(self.greeting.unwrap_or(b"OK 4e0c338c392bb9\r\n")).await?;
        loop {
            let mut head = [0; wire::HEAD];
            stream.read_exact(&mut head).await?;
            let length = wire::message_length(head).expect("a message");
            let mut rest = vec![0; length - wire::HEAD];
            stream.read_exact(&mut rest).await?;
            assert_eq!(head[2], 2, "nothing is to be started");
            if self.silent {
                std::future::pending::<()>().await;
            }
            if let Some(garbage) = &self.garbage {
                stream.write_all(garbage).await?;
                std::future::pending::<()>().await;
            }
            let serial = u32::from_le_bytes(head[8..12].try_into().unwrap());
            // Such come without having been asked for; and an answer to an older call.
            stream.write_all(&message(2, serial - 1, None, b'y', &[7])).await?;
            stream.write_all(&message(4, serial, None, b'u', &[0; 4])).await?;
            stream.write_all(&self.answer(serial, &rest)).await?;
        }
    }

    fn answer(&self, serial: u32, call: &[u8]) -> Vec<u8> {
        let asks = |text: &str| call.windows(text.len()).any(|part| part == text.as_bytes());
        if asks("GetUnit") {
            if !asks("\0web.service\0") && !asks("\0web.scope\0") {
                let name = "org.freedesktop.systemd1.NoSuchUnit";
                return message(3, serial, Some(name), b'y', &[0]);
            }
            return message(2, serial, None, b'o', b"\x04\0\0\0/web\0");
        }
        let known = self.properties.iter().find(|(name, _)| asks(name));
        let Some((_, (kind, value))) = known else {
            // So is `Hello` where there is no bus.
            let name = "org.freedesktop.DBus.Error.UnknownObject";
            return message(3, serial, Some(name), b'y', &[0]);
        };
        let mut body = vec![1, *kind, 0, 0];
        if matches!(kind, b't' | b'x' | b'd') {
            body.extend([0; 4]);
        }
        message(2, serial, None, b'v', &[&body, &value[..]].concat())
    }
}

/// One that listens, as long as this lives.
pub struct Listening {
    /// How often this process has connected.
    pub connections: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
}

/// A message to the call with this serial.
pub fn message(kind: u8, to: u32, error: Option<&str>, signature: u8, body: &[u8]) -> Vec<u8> {
    let mut fields = vec![5, 1, b'u', 0];
    fields.extend(to.to_le_bytes());
    if let Some(name) = error {
        fields.extend([4, 1, b's', 0]);
        fields.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend(name.as_bytes());
        fields.push(0);
        fields.resize(fields.len().next_multiple_of(8), 0);
    }
    fields.extend([8, 1, b'g', 0, 1, signature, 0]);
    let mut out = vec![b'l', kind, 1, 1];
    out.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    out.extend([1, 0, 0, 0]);
    out.extend(u32::try_from(fields.len()).unwrap().to_le_bytes());
    out.extend(fields);
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend(body);
    out
}
