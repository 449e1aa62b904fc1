//! Which files are read, and in which order: node by node, and those of a node as time went.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Seek as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    name,
    peek::{Kind, Place, peek},
    range::{Range, Stamp},
};
use crate::recording::RecordingError;

/// By how much the clock of a node may have been set while it wrote, nanoseconds: a file that is left
/// out is out by more.
const SLACK_NS: i64 = 60 * 1_000_000_000;
/// Files that are kept open, since they may have another name by the time they are read.
const MAX_OPEN: usize = 64;

/// A file that is to be read.
#[derive(Debug)]
pub struct Piece {
    /// Where it is.
    pub path: PathBuf,
    /// Whose it is.
    pub node: String,
    /// Its first event.
    pub begin: Stamp,
    /// Bytes, as it lies there.
    pub size: u64,
    /// The file itself, if it is being written and may be renamed.
    pub file: Option<File>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// Recordings, to be replayed.
    pub recordings: Vec<PathBuf>,
    /// History, in order.
    pub pieces: Vec<Piece>,
    /// Nodes that these are of.
    pub nodes: BTreeSet<String>,
    /// Files that hold other times than those asked for.
    pub skipped: usize,
    /// What cannot be read: one sentence each.
    pub failures: Vec<String>,
    /// What the user should know: one sentence each.
    pub notes: Vec<String>,
    seen: BTreeSet<(u64, u64)>,
}

impl Catalogue {
    /// Looks at every path: a folder stands for all of its files that are history by name.
    pub fn of(paths: &[PathBuf], range: &Range) -> Self {
        let mut found = Self::default();
        for path in paths {
            match fs::metadata(path) {
                Ok(meta) if meta.is_dir() => found.folder(path),
                // A pipe can be read once only.
                Ok(meta) if !meta.is_file() => found.recordings.push(path.clone()),
                // The other one is the same, or not yet whole.
                _ if name::plain(path) != *path && paths.contains(&name::plain(path)) => {}
                _ => found.file(path, false),
            }
        }
        found.order();
        found.leave_out(range);
        found
    }

    fn folder(&mut self, folder: &Path) {
        let before = (self.pieces.len(), self.failures.len());
        let listed = list(folder).and_then(|mut names| {
            for name in names.iter().filter(|name| name::is_live(name)) {
                self.file(&folder.join(name), true);
            }
            // Again: the live one may have been rotated before it was opened.
            names.extend(list(folder)?);
            Ok(names)
        });
        let names = match listed {
            Ok(names) => names,
            Err(error) => {
                return self.failures.push(format!("cannot read {}: {error}", folder.display()));
            }
        };
        for name in names.iter().filter(|name| !name::is_live(name)) {
            // Being compressed, or left so when that broke off.
            let plain = name::plain(Path::new(name)).to_string_lossy().into_owned();
            if plain == *name || !names.contains(&plain) {
                self.file(&folder.join(name), true);
            }
        }
        if names.is_empty() {
            self.failures.push(format!(
                "{} holds no history of signal-trace (signal-trace.jsonl, signal-trace-*.jsonl.zst): \
                 a daemon writes it where `sinks.file.path` of its configuration says, if \
                 `sinks.file.enabled` is true",
                folder.display()
            ));
        } else if before == (self.pieces.len(), self.failures.len()) && self.skipped == 0 {
            self.notes.push(format!("{}: nothing is in its files yet", folder.display()));
        }
    }

    /// `listed`: it was found in a folder, and not named.
    fn file(&mut self, path: &Path, listed: bool) {
        if let Err(error) = self.add(path, listed) {
            self.failures.push(error.to_string());
        }
    }

    fn add(&mut self, path: &Path, listed: bool) -> Result<(), RecordingError> {
        let failed = |source| RecordingError::Open { path: path.to_owned(), source };
        let (path, mut file) = match open(path) {
            // Removed since it was listed.
            Err(error) if listed && error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() || !self.seen.insert((meta.dev(), meta.ino())) {
            return Ok(());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match peek(&mut file).map_err(failed)? {
            Kind::History(place) => self.piece(&path, place, meta.len(), file).map_err(failed),
            Kind::Begun(place) if listed || name::is_history(&name) => {
                self.piece(&path, place, meta.len(), file).map_err(failed)
            }
            Kind::Recording if listed => {
                let path = path.display();
                self.notes.push(format!("{path} is a recording: name it to have it replayed"));
                Ok(())
            }
            Kind::Recording | Kind::Begun(_) => {
                self.recordings.push(path);
                Ok(())
            }
            // About to be written; but what is compressed was whole before.
            Kind::Empty if listed && (meta.len() == 0 || name::plain(&path) == path) => Ok(()),
            Kind::Empty => Err(RecordingError::Empty { path }),
            Kind::Newer(schema) => Err(RecordingError::Newer { path, line: 1, schema }),
            Kind::Foreign => Err(RecordingError::Foreign { path }),
        }
    }

    fn piece(&mut self, path: &Path, place: Place, size: u64, mut file: File) -> io::Result<()> {
        let Place { node, begin } = place;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let open = self.pieces.iter().filter(|piece| piece.file.is_some()).count();
        let file = if name::is_live(&name) && open < MAX_OPEN {
            file.rewind()?;
            Some(file)
        } else {
            None
        };
        self.nodes.insert(node.clone());
        self.pieces.push(Piece { path: path.to_owned(), node, begin, size, file });
        Ok(())
    }

    fn order(&mut self) {
        self.pieces.sort_by(|a, b| {
            let key = |piece: &'_ Piece| (piece.node.clone(), piece.begin);
            key(a).cmp(&key(b)).then_with(|| a.path.cmp(&b.path))
        });
    }

    /// A file ends before the next one of its node begins.
    fn leave_out(&mut self, range: &Range) {
        let mut ends = BTreeMap::new();
        let mut kept = vec![];
        for piece in std::mem::take(&mut self.pieces).into_iter().rev() {
            let end = ends.insert(piece.node.clone(), piece.begin);
            let too_early =
                range.since.zip(end).is_some_and(|(since, end)| end.plus(SLACK_NS) < since);
            let too_late = range.until.is_some_and(|until| piece.begin >= until.plus(SLACK_NS));
            if too_early || too_late {
                self.skipped += 1;
            } else {
                kept.push(piece);
            }
        }
        kept.reverse();
        self.pieces = kept;
    }
}

/// Opens it, also if it has been compressed meanwhile.
pub fn open(path: &Path) -> io::Result<(PathBuf, File)> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let other = name::compressed(path);
            File::open(&other).map(|file| (other, file)).map_err(|_| error)
        }
        file => file.map(|file| (path.to_owned(), file)),
    }
}

/// The files of a folder that are history by name.
fn list(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        // A name that is no text is none of ours.
        if let Ok(name) = entry?.file_name().into_string()
            && name::is_history(&name)
        {
            names.insert(name);
        }
    }
    Ok(names)
}
