//! `signal-trace watch`: what a running daemon sees, from its socket.

use std::{
    io::{self, BufRead as _, BufReader, Read},
    os::unix::net::UnixStream,
    path::Path,
    thread,
};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context as _, anyhow, bail};
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::{
    cli::{WatchArgs, record::LiveFormat},
    question::Question,
    sinks::{
        echo::Echo,
        feed,
        schema::{Body, Line, ParseError},
        text::Text,
    },
};

/// No line of ours is longer, bytes.
const LONGEST: u64 = 16 << 20;

/// Shows the feed until Ctrl-C, which is the good end.
pub fn run(args: &WatchArgs) -> anyhow::Result<u8> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the event loop")?.block_on(watch(args))
}

async fn watch(args: &WatchArgs) -> anyhow::Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
    let (tell, mut shown) = oneshot::channel();
    let args = args.clone();
    // A thread of its own, since a reader of our output can keep it waiting for any time; the daemon
    // then counts what we miss. It ends with the process.
    thread::Builder::new()
        .name("feed".to_owned())
        .spawn(move || {
            // Nobody waits for it after Ctrl-C.
            let _ = tell.send(connect(&args.socket).and_then(|stream| feed(&args, stream)));
        })
        .context("cannot start the thread that reads the feed")?;
    tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(0),
        _ = terminate.recv() => Ok(0),
        // The thread tells in every case but a panic.
        result = &mut shown => result.unwrap_or_else(|_| Err(anyhow!("the feed was given up"))),
    }
}

fn connect(path: &Path) -> anyhow::Result<UnixStream> {
    UnixStream::connect(path).map_err(|error| {
        let place = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => anyhow!(
                "there is no socket {place}: is the daemon running, is `sinks.socket.enabled` true in its \
                 configuration, and is this its `sinks.socket.path`?"
            ),
            io::ErrorKind::ConnectionRefused => anyhow!(
                "nobody listens at {place}: the daemon is not running any more; start it again"
            ),
            io::ErrorKind::PermissionDenied => anyhow!(
                "not allowed to connect to {place}: run this as the user of the daemon, which is root \
                 as a rule"
            ),
            _ => anyhow!("cannot connect to {place}: {error}"),
        }
    })
}

fn feed(args: &WatchArgs, stream: UnixStream) -> anyhow::Result<u8> {
    let echo = match args.format {
        LiveFormat::Jsonl => Echo::json(io::stdout()),
        LiveFormat::Text => {
            let colour = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
            Echo::Text(Text::new(io::stdout(), colour))
        }
    };
    let (filters, selection) = (args.filters.clone(), args.selection.clone());
    follow(stream, echo, &Question { filters, selection, ..Question::default() })
        .with_context(|| format!("watching {}", args.socket.display()))
}

/// Shows what comes, until nothing comes any more: that is an error.
fn follow<W: io::Write>(
    source: impl Read,
    mut echo: Echo<W>,
    question: &Question,
) -> anyhow::Result<u8> {
    const OUTPUT: &str = "cannot write the output";
    let mut source = BufReader::new(source);
    let mut raw = vec![];
    let mut begun = false;
    let mut ended = false;
    loop {
        // What was shown is seen before anybody waits.
        if !source.buffer().contains(&b'\n') {
            echo.flush().context(OUTPUT)?;
        }
        raw.clear();
        let read = source.by_ref().take(LONGEST).read_until(b'\n', &mut raw);
        match read {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
                return Err(error).context("cannot read what the daemon sends");
            }
            _ => {}
        }
        if raw.pop() != Some(b'\n') {
            break;
        }
        let line = match Line::parse(&raw) {
            Ok(line) => line,
            // Of a later version.
            Err(ParseError::Unknown(_)) => continue,
            Err(error) if begun => bail!("the daemon sent something that {error}"),
            Err(error) => {
                bail!("who listens there is no daemon of this version: its first line {error}")
            }
        };
        if !begun && !matches!(line.body, Body::Recording(_)) {
            bail!(
                "who listens there is no daemon of this version: its first line is no `recording` line"
            );
        }
        begun = true;
        ended |= matches!(line.body, Body::End(_));
        if question.allows(&line) {
            echo.line(&raw, &line).context(OUTPUT)?;
        }
    }
    echo.flush().context(OUTPUT)?;
    if !begun {
        bail!(
            "the daemon hung up at once: it serves {} at a time, of root and of its own user only",
            feed::MOST_CLIENTS
        );
    }
    if ended {
        bail!("the daemon has ended");
    }
    bail!(
        "the daemon went away without ending in order: it was killed, or let go of this because \
         its output was not read for too long; see the daemon's own log"
    )
}
