//! Clients that keep up, that do not, and what is at the path already.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::net::UnixStream as Client,
};

use super::*;
use crate::{
    filters::Filters,
    outlet::{Filter, Limits, Outlet},
    sinks::sample,
};

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("st-feed-{}-{name}", std::process::id()));
        Self(folder)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("watch.sock")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn recording() -> Arc<Entry> {
    Arc::new(Entry::new(&sample::header().line(Filters::default().to_wire())))
}

fn lines() -> Vec<Arc<Entry>> {
    let records = sample::every_record();
    let lines = records.iter().map(|record| Line::from_record(record, "n1", false));
    lines.map(|line| Arc::new(Entry::new(&line))).collect()
}

fn start(path: &Path) -> Outlet {
    let types = Filter::TYPES.map(str::to_owned).to_vec();
    let limits = Limits { lines: 100_000, bytes: 1 << 30 };
    let filter = Filter { types, ..Filter::default() };
    let outlet = Outlet::start("socket", filter, limits, None, Feed::new(path.to_owned())).unwrap();
    outlet.push(&recording());
    outlet.flush();
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    outlet
}

fn kinds(client: BufReader<Client>) -> Vec<String> {
    let lines = client.lines().map(|line| line.unwrap());
    lines.map(|line| Line::parse(line.as_bytes()).unwrap().body.kind().to_owned()).collect()
}

/// Waits until the client is served: its first line has come.
fn connect(path: &Path) -> BufReader<Client> {
    let mut client = BufReader::new(Client::connect(path).unwrap());
    let mut first = String::new();
    client.read_line(&mut first).unwrap();
    let first = Line::parse(first.as_bytes()).unwrap();
    assert!(matches!(first.body, Body::Recording(_)));
    client
}

#[test]
fn every_client_gets_the_first_line_and_then_all_that_comes() {
    let place = Place::new("all");
    let outlet = start(&place.socket());
    let mode = fs::metadata(place.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let clients = [connect(&place.socket()), connect(&place.socket())];
    for line in lines() {
        outlet.push(&line);
    }
    outlet.close();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(outlet.ended());
    let wanted: Vec<_> = lines().iter().map(|line| line.kind.to_owned()).collect();
    for client in clients {
        assert_eq!(kinds(client), wanted);
    }
    assert!(!place.socket().exists(), "nothing is left");
}

#[test]
fn a_client_that_does_not_read_misses_lines_and_holds_up_nobody() {
    let place = Place::new("slow");
    let outlet = start(&place.socket());
    let slow = connect(&place.socket());
    let line = &lines()[0];
    for _ in 0..20_000 {
        outlet.push(line);
    }
    outlet.flush();
    while outlet.waiting() > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let reading = std::thread::spawn(move || {
        // Looked into afterwards: whoever takes long misses the end.
        let lines: Vec<_> = slow.lines().map(|line| line.unwrap()).collect();
        let lines = lines.iter().map(|line| Line::parse(line.as_bytes()).unwrap());
        lines.fold((0, 0), |(seen, missed), line| match line.body {
            Body::Signal(_) => (seen + 1, missed),
            Body::Loss(loss) => (seen, missed + loss.count),
            _ => (seen, missed),
        })
    });
    std::thread::sleep(Duration::from_millis(100));
    outlet.push(lines().last().unwrap());
    outlet.close();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(outlet.ended());
    let (seen, missed) = reading.join().unwrap();
    assert!(missed > 0, "{seen} seen");
    assert_eq!(seen + missed, 20_000);
}

#[test]
fn the_socket_of_a_daemon_that_was_killed_is_replaced_and_that_of_a_living_one_is_not() {
    let place = Place::new("left");
    fs::create_dir_all(&place.0).unwrap();
    drop(std::os::unix::net::UnixListener::bind(place.socket()).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let (listener, _) = listen(&place.socket()).unwrap();
    let error = listen(&place.socket()).unwrap_err();
    assert!(error.to_string().contains("another daemon"), "{error}");
    drop(listener);
    fs::remove_file(place.socket()).unwrap();
    fs::write(place.socket(), "").unwrap();
    assert!(listen(&place.socket()).unwrap_err().to_string().contains("no socket"));
}
