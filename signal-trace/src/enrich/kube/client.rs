//! The two questions: which pods are there, and what happens to them from then on.

use std::{
    io::{self, Read},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use serde::Deserialize;
use tokio::{
    sync::mpsc,
    task::{JoinSet, spawn_blocking},
    time::{Instant, timeout, timeout_at},
};

use super::{
    super::text::Text,
    config::Config,
    connection::{self, Answer},
    health::Broken,
    pod::{self, Bounded, Pod},
    pods::MOST_PODS,
};

/// Until the head of an answer is there.
const HEAD: Duration = Duration::from_secs(10);
/// Until a list is there.
const LIST: Duration = Duration::from_secs(30);
/// After this the API server ends a watch, and is asked for the next one.
pub(super) const WATCH_SECONDS: u64 = 300;
/// A watch is given up if nothing was heard of it for so long: not even its end.
pub(super) const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS + 30);
/// Of one change. The API server takes no object of more than 1.5 MiB.
pub(super) const MOST_LINE: usize = 4 << 20;
/// Of a list: more pods than a node may have, each as large as it may be. It is read as it comes, and
/// little of it is kept.
const MOST_LIST: usize = 256 << 20;

const GARBAGE: &str = "See what answers there";
const TOKEN: &str = "See that the service account is still there";
const RULE: &str = "Bind its service account to a ClusterRole that allows `get`, `list` and `watch` \
                    of `pods` (docs/workloads.md)";
const LOAD: &str = "It may have too much to do";

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What happened since is not known any more: the pods must be listed again.
    Expired,
    Broken(Broken),
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// All pods, at some point of their history.
#[derive(Default, Deserialize)]
#[serde(default)]
struct List {
    metadata: ListMetadata,
    items: Bounded<Pod, MOST_PODS>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMetadata {
    resource_version: Option<Text>,
}

/// The pods of the node, and where in their history this is.
pub(super) async fn list(config: &Config) -> Result<(Vec<Pod>, String), Trouble> {
    // Version 0: what the API server has at hand, so that a node costs it little.
    let path = path(config, "resourceVersion=0");
    match timeout(LIST, async { read_list(ask(config, &path).await?).await }).await {
        Ok(result) => result,
        Err(_elapsed) => Err(slow("no whole list of the pods", LIST)),
    }
}

/// What happens after `version`.
pub(super) async fn watch(config: &Config, version: &str) -> Result<Lines, Trouble> {
    let path = path(
        config,
        &format!(
            "watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}"
        ),
    );
    let Answer { response, connection } = ask(config, &path).await?;
    Ok(Lines {
        body: response.into_body(),
        rest: Bytes::new(),
        line: Vec::new(),
        heard: Instant::now(),
        _connection: connection,
    })
}

fn path(config: &Config, query: &str) -> String {
    format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{}&{query}", config.node)
}

async fn ask(config: &Config, path: &str) -> Result<Answer, Trouble> {
    let answer = timeout(HEAD, connection::get(config, path)).await;
    let answer = answer.map_err(|_| slow("no answer", HEAD))??;
    let broken = |what: &str, advice| Err(Broken::new(what, advice).into());
    match answer.response.status().as_u16() {
        200 => Ok(answer),
        401 => broken("it does not take our token (401 Unauthorized)", TOKEN),
        403 => broken("we may not list and watch pods (403 Forbidden)", RULE),
        410 => Err(Trouble::Expired),
        status @ (429 | 500..) => broken(&format!("it says status {status}"), LOAD),
        status => broken(&format!("it says status {status}"), GARBAGE),
    }
}

fn slow(what: &str, limit: Duration) -> Trouble {
    Broken::new(format!("{what} within {} s", limit.as_secs()), LOAD).into()
}

fn no_json(error: &serde_json::Error) -> Broken {
    // What does not fit is not repeated: it may be long, and anything.
    let what = if error.is_data() { "JSON of another shape" } else { "no JSON" };
    Broken::new(format!("what it says is {what}"), GARBAGE)
}

/// Reads a list as it comes, away from the enricher's thread: it can be long.
async fn read_list(answer: Answer) -> Result<(Vec<Pod>, String), Trouble> {
    let Answer { response, connection: _connection } = answer;
    let mut body = response.into_body();
    let (feed, source) = mpsc::channel(8);
    let reader = spawn_blocking(move || {
        let pipe = Pipe { source, rest: Bytes::new() };
        serde_json::from_reader::<_, List>(io::BufReader::new(pipe))
    });
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| connection::http(&error))?.into_data() else {
            continue;
        };
        length += data.len();
        if length > MOST_LIST {
            let what = format!("its list is longer than {} MiB", MOST_LIST >> 20);
            return Err(Broken::new(what, GARBAGE).into());
        }
        if feed.send(data).await.is_err() {
            // It has read what makes no sense.
            break;
        }
    }
    drop(feed);
    let list = reader.await.map_err(|error| Broken::new(error, GARBAGE))?;
    let List { metadata, items: Bounded(pods) } = list.map_err(|error| no_json(&error))?;
    let version = pod::version(metadata.resource_version)
        .ok_or_else(|| Broken::new("its list has no version", GARBAGE))?;
    Ok((pods, version))
}

/// What comes from a task, for a reader that may block.
struct Pipe {
    source: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            let Some(next) = self.source.blocking_recv() else { return Ok(0) };
            self.rest = next;
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

/// A watch: a line of JSON for each change.
pub(super) struct Lines {
    body: Incoming,
    /// What came and was not looked at yet.
    rest: Bytes,
    /// The beginning of a line.
    line: Vec<u8>,
    heard: Instant,
    _connection: JoinSet<()>,
}

impl Lines {
    /// The next line; `None` at the end, however that came. May be cancelled.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        loop {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            self.line.extend(self.rest.split_to(end.unwrap_or(self.rest.len())));
            if self.line.len() > MOST_LINE {
                let what = format!("a change is longer than {} MiB", MOST_LINE >> 20);
                return Err(Broken::new(what, GARBAGE));
            }
            if end.is_some() {
                drop(self.rest.split_to(1));
                return Ok(Some(std::mem::take(&mut self.line)));
            }
            match timeout_at(self.heard + SILENCE, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    self.heard = Instant::now();
                    self.rest = frame.into_data().unwrap_or_default();
                }
                // A proxy or the API server was restarted. If that is all, the next watch goes on.
                Ok(Some(Err(_)) | None) => return Ok(None),
                Err(_elapsed) => {
                    let what = format!("its watch was silent for {} s", SILENCE.as_secs());
                    return Err(Broken::new(what, LOAD));
                }
            }
        }
    }
}

/// One change of a watch, as it is read from a line.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Broken> {
    serde_json::from_slice(text).map_err(|error| no_json(&error))
}

/// What the API server says instead of a change.
pub(super) fn refused(code: u16) -> Trouble {
    match code {
        // Gone.
        410 => Trouble::Expired,
        code => Broken::new(format!("its watch says status {code}"), LOAD).into(),
    }
}
