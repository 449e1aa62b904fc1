//! What is written can be read, as far as it goes; what cannot be read is said clearly.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use signal_trace_common::wire;
use signal_trace_core::{
    ids::CgroupKey,
    input::{Fact, FactBody, Input},
    time::BootNs,
};

use super::{Header, Reader, RecordingError, Writer};
use crate::sinks::{sample, schema::Line};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir()
            .join(format!("signal-trace-recording-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn with(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.file(name), content).unwrap();
        self.file(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn inputs() -> Vec<Input> {
    let path = b"/a\xff\n".to_vec();
    vec![
        Input::Frame((0..200).collect()),
        Input::Fact(Fact { at: BootNs(1), body: FactBody::Cgroup { key: CgroupKey::V2(5), path } }),
        Input::Tick(BootNs(2)),
        Input::End(BootNs(3)),
    ]
}

fn write(path: &Path) {
    let mut writer = Writer::create(path).unwrap();
    writer.header(&sample::header()).unwrap();
    for (input, record) in inputs().iter().zip(sample::every_record()) {
        writer.input(input).unwrap();
        writer.line(&Line::from_record(&record, "n1", false)).unwrap();
    }
    writer.finish().unwrap();
}

/// Header, inputs, and why there are no more.
fn read(path: &Path) -> Result<(Header, Vec<Input>, Option<String>), RecordingError> {
    let mut reader = Reader::open(path)?;
    let inputs = reader.by_ref().collect::<Result<_, _>>()?;
    Ok((reader.header().clone(), inputs, reader.cut_short()))
}

#[track_caller]
fn check_error(path: &Path, expected: &str) {
    let error = read(path).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(error.contains(path.to_str().unwrap()), "{error} does not name the file");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn what_is_written_is_read_compressed_or_not() {
    let folder = Folder::new("whole");
    for name in ["a.jsonl", "a.jsonl.zst"] {
        let path = folder.file(name);
        write(&path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap(), (sample::header(), inputs(), None), "{name}");
        // By content, not by name.
        let other = folder.file("b");
        fs::copy(&path, &other).unwrap();
        assert_eq!(read(&other).unwrap().1, inputs());
    }
}

#[test]
fn a_recording_that_breaks_off_is_read_as_far_as_it_goes() {
    let folder = Folder::new("torn");
    for name in ["a.jsonl", "a.jsonl.zst"] {
        let path = folder.file(name);
        write(&path);
        let whole = fs::read(&path).unwrap();
        let torn = folder.file("torn");
        for length in (0..whole.len()).step_by(7) {
            fs::write(&torn, &whole[..length]).unwrap();
            match read(&torn) {
                Ok((_, some, cut)) => {
                    assert!(inputs().starts_with(&some), "{name} cut at {length}");
                    assert!(cut.is_some() || some == inputs(), "{name} cut at {length}");
                }
                Err(error) => assert!(
                    matches!(error, RecordingError::Empty { .. } | RecordingError::Foreign { .. }),
                    "{name} cut at {length}: {error}"
                ),
            }
        }
    }
    let (path, plain) = (folder.file("a.jsonl"), fs::read(folder.file("a.jsonl")).unwrap());
    fs::write(&path, &plain[..plain.len() - 800]).unwrap();
    let cut = read(&path).unwrap().2.unwrap();
    assert!(cut.contains("breaks off after line"), "{cut}");
}

#[test]
fn what_is_no_recording_is_refused_in_one_sentence() {
    let folder = Folder::new("foreign");
    check_error(&folder.file("nothing"), "cannot read");
    check_error(&folder.with("empty", ""), "is empty");
    check_error(&folder.with("text", "hello\nworld\n"), "is no recording of signal-trace");
    check_error(&folder.with("json", "{\"a\":1}\n"), "is no recording of signal-trace");
    check_error(&folder.with("binary", [0xff; 4096]), "is no recording of signal-trace");
    check_error(&folder.with("zst", b"\x28\xb5\x2f\xfdnot really"), "cannot read");
    check_error(&folder.0, "directory");
    let newer = r#"{"schema":"signal-trace/v2","type":"recording","x":1}"#;
    check_error(&folder.with("newer", newer), "line 1 has the schema \"signal-trace/v2\"");
}

#[test]
fn the_output_of_jsonl_is_told_from_a_recording() {
    let folder = Folder::new("output");
    let path = folder.file("a");
    write(&path);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.contains("\"input\"")).collect();
    check_error(&folder.with("b", lines.join("\n") + "\n"), "holds no inputs");
}

#[test]
fn a_damaged_line_is_named() {
    let folder = Folder::new("damaged");
    let path = folder.file("a");
    write(&path);
    let whole = fs::read_to_string(&path).unwrap();
    let with_line_4 = |line: &str| {
        let mut lines: Vec<_> = whole.lines().collect();
        lines[3] = line;
        folder.with("b", lines.join("\n") + "\n")
    };
    let input = |input: &str| {
        with_line_4(&format!(
            "{{\"schema\":\"signal-trace/v1\",\"type\":\"input\",\"input\":{input}}}"
        ))
    };
    check_error(&with_line_4("{\"schema\":\"sig"), "line 4 cannot be understood");
    check_error(&with_line_4("{}"), "line 4 is no line of signal-trace");
    check_error(&with_line_4("{\"schema\":\"signal-trace/v2\"}"), "line 4 has the schema");
    check_error(&input("null"), "line 4 has no input in it");
    check_error(&input("{\"frame\":\"?\"}"), "line 4 has a bad frame");
    check_error(&input("{\"later\":1}"), "line 4 cannot be understood (unknown variant `later`");
    // Later versions may add fields and types of line.
    let later = "{\"schema\":\"signal-trace/v1\",\"type\":\"later\",\"x\":{}}";
    assert_eq!(read(&with_line_4(later)).unwrap().1.len(), inputs().len() - 1);
    assert!(read(&input("{\"tick\":2},\"x\":1")).is_ok());
}

#[test]
fn another_abi_is_refused() {
    let folder = Folder::new("abi");
    let path = folder.file("a");
    write(&path);
    let text = fs::read_to_string(&path).unwrap().replacen(
        &format!("\"abi\":{},", wire::ABI),
        "\"abi\":99,",
        1,
    );
    check_error(&folder.with("b", text), "kernel records of version 99");

    // Before what else is different in it: the build that it names can read all of that.
    let text = fs::read_to_string(&path).unwrap();
    let other = text.replacen(&format!("\"abi\":{},", wire::ABI), "\"abi\":2,", 1).replacen(
        "\"signals\":[",
        "\"was_called_otherwise\":[",
        1,
    );
    check_error(&folder.with("c", other), "kernel records of version 2");
}

#[test]
fn only_files_of_ours_are_overwritten() {
    let folder = Folder::new("create");
    let path = folder.with("a", "something long that was there before");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(Writer::create(&path).unwrap());
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (0, 0o600));

    let kept = folder.with("kept", "kept");
    symlink(&kept, folder.file("link")).unwrap();
    fs::hard_link(&kept, folder.file("hard")).unwrap();
    nix::unistd::mkfifo(&folder.file("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, what) in [
        (folder.file("link"), "a symbolic link"),
        (folder.file("hard"), "hard links"),
        (folder.file("fifo"), "a pipe or device"),
        (folder.0.clone(), "a directory"),
        ("/dev/null".into(), "no regular file"),
    ] {
        let error = Writer::create(&path).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    let error = Writer::create(&folder.file("no/such/folder")).unwrap_err().to_string();
    assert!(error.contains("cannot write to"), "{error}");
}
