//! Lines for histories: those of the stored recordings, at other times, on other nodes, in pods.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What is known of a line, or wanted of it.
#[derive(Clone, Debug)]
pub struct Stored(String);

/// The lines of a stored recording's golden output (`docker-oom`, `verdicts`).
pub fn lines(recording: &str) -> Vec<Stored> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/golden");
    let text = fs::read_to_string(golden.join(format!("{recording}.json")));
    text.expect("it is in the repository").lines().map(|line| Stored(line.to_owned())).collect()
}

/// The names of the stored recordings.
pub fn recordings() -> Vec<String> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("replay/golden");
    let entries = fs::read_dir(golden).expect("it is in the repository");
    let files = entries.map(|entry| entry.expect("readable").path());
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    let stem = |file: &PathBuf| file.file_stem().expect("a file").to_string_lossy().into_owned();
    files.iter().map(stem).collect()
}

/// The first line of a type in a stored recording.
pub fn line(recording: &str, kind: &str) -> Stored {
    let mut lines = lines(recording).into_iter();
    lines.find(|line| line.is(kind)).unwrap_or_else(|| panic!("no {kind} in {recording}"))
}

impl Stored {
    /// Whether it has that `type`.
    pub fn is(&self, kind: &str) -> bool {
        self.0.contains(&format!("\"type\":\"{kind}\""))
    }

    /// The same at another time: `2026-11-24T03:00:00`, or with a fraction of nine digits.
    #[must_use]
    pub fn at(&self, time: &str) -> Self {
        let begin = self.0.find("\"time\":\"").expect("every line has its time") + 8;
        let fraction = if time.contains('.') { "" } else { ".000000000" };
        self.replace(&self.0[begin..begin + 30], &format!("{time}{fraction}Z"))
    }

    /// The same on another node.
    #[must_use]
    pub fn on(&self, node: &str) -> Self {
        self.replace("\"node\":\"node\"", &format!("\"node\":\"{node}\""))
    }

    /// The same with another number.
    #[must_use]
    pub fn numbered(&self, seq: u64) -> Self {
        let (head, rest) = self.0.split_once(",\"seq\":").expect("every line is numbered");
        let (_, rest) = rest.split_once(',').expect("there is more in it");
        Self(format!("{head},\"seq\":{seq},{rest}"))
    }

    /// The same in a pod of that name.
    #[must_use]
    pub fn in_pod(&self, pod: &str) -> Self {
        let pod = format!(
            "\"kubernetes\":{{\"namespace\":\"shop\",\"pod\":\"{pod}\",\"uid\":null,\"container\":\"app\",\
             \"owner\":null,\"deletion_timestamp\":null}}"
        );
        self.replace("\"kubernetes\":null", &pod)
    }

    /// The same with another text in it.
    #[must_use]
    pub fn replace(&self, from: &str, to: &str) -> Self {
        Self(self.0.replace(from, to))
    }

    /// As it stands in a file, without its end.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// A file of these lines.
pub fn file(lines: &[Stored]) -> String {
    lines.iter().flat_map(|line| [&line.0, "\n"]).collect()
}
