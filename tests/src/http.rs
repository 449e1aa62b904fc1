//! One GET of a port of 127.0.0.1.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// For an answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Status and body; `None` if nobody answers, or not in time.
pub fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    // In the older version no answer comes in pieces.
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
