//! Outlets whose end is slow, dead, or says no.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use signal_trace_core::findings::Severity;

use super::*;
use crate::{
    filters::Filters,
    sinks::{sample, schema::Body},
};

/// An end that does what it is told, batch by batch.
#[derive(Clone, Default)]
struct End {
    arrived: Arc<Mutex<Vec<String>>>,
    /// Attempts that fail from now on.
    failing: Arc<AtomicUsize>,
    refusing: Arc<AtomicUsize>,
}

fn take(counter: &AtomicUsize) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Deliver for End {
    async fn deliver(&mut self, batch: &[Arc<Entry>]) -> Result<(), Failure> {
        if take(&self.refusing) {
            return Err(Failure::Reject("no".into()));
        }
        if take(&self.failing) {
            return Err(Failure::Retry("not now".into()));
        }
        let lines = batch.iter().map(|entry| String::from_utf8(entry.json.to_vec()).unwrap());
        self.arrived.lock().unwrap().extend(lines);
        Ok(())
    }
}

fn entries() -> Vec<Arc<Entry>> {
    let records = sample::every_record();
    let lines = records.iter().map(|record| Line::from_record(record, "n1", false));
    lines.map(|line| Arc::new(Entry::new(&line))).collect()
}

fn everything() -> Filter {
    Filter { types: Filter::TYPES.map(str::to_owned).to_vec(), ..Filter::default() }
}

const ROOM: Limits = Limits { lines: 1000, bytes: 1 << 20 };

fn close_and_wait(outlet: &mut Outlet) {
    outlet.close();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(outlet.ended());
}

fn seqs(end: &End) -> Vec<(String, u64)> {
    let arrived = end.arrived.lock().unwrap();
    let lines = arrived.iter().map(|json| Line::parse(json.as_bytes()).unwrap());
    lines.map(|line| (line.body.kind().to_owned(), line.seq)).collect()
}

#[test]
fn all_arrives_in_order_although_the_end_fails_at_first() {
    let end = End::default();
    end.failing.store(2, Ordering::SeqCst);
    let mut outlet = Outlet::start("x", everything(), ROOM, None, end.clone()).unwrap();
    for entry in entries() {
        outlet.push(&entry);
    }
    close_and_wait(&mut outlet);
    let wanted: Vec<_> = entries().iter().map(|it| (it.kind.to_owned(), it.seq)).collect();
    assert_eq!(seqs(&end), wanted);
    assert_eq!(outlet.stats().delivered_lines(), wanted.len() as u64);
    assert_eq!((outlet.stats().dropped_lines(), outlet.stats().failures()), (0, 2));
    assert!(outlet.stats().is_up());
}

#[test]
fn what_finds_no_room_is_counted_where_it_is_missing() {
    let queue = Queue::new(Limits { lines: 3, bytes: 1 << 20 });
    let all = entries();
    let kept: Vec<_> = all[..10].iter().map(|entry| queue.push(entry, false)).collect();
    assert_eq!(kept, [[true; 3].as_slice(), &[false; 7]].concat());
    let batch = |queue: &Queue| match queue.next() {
        queue::Next::Batch(batch) => batch,
        other => panic!("{other:?}"),
    };
    let loss = |entry: &Entry| {
        let Body::Loss(loss) = entry.parse().unwrap().body else { panic!("{entry:?}") };
        (loss.kind.clone().into_owned(), loss.count, entry.seq)
    };
    let first = batch(&queue);
    assert_eq!(first.len(), 4);
    assert_eq!(loss(&first[3]), ("sink".into(), 7, 10));
    // There is room again: what comes then has nothing missing before it.
    assert!(queue.push(&all[10], false));
    assert_eq!(batch(&queue).len(), 1);
    // A batch that is refused is missing before what came after it.
    assert!(queue.push(&all[11], false));
    queue.refused(&first[..2]);
    let last = batch(&queue);
    assert_eq!(loss(&last[0]), ("sink".into(), 2, 2));
    assert_eq!(last[1].seq, 12);
}

#[test]
fn bytes_are_bounded_too_but_the_end_of_a_session_always_has_room() {
    let queue = Queue::new(Limits { lines: 1000, bytes: 10 });
    let all = entries();
    assert!(!queue.push(&all[0], false));
    assert!(queue.push(all.last().unwrap(), true));
    let queue::Next::Batch(batch) = queue.next() else { panic!("a batch waits") };
    let kinds: Vec<_> = batch.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["loss", "end"]);
}

#[test]
fn refused_lines_become_a_loss() {
    let end = End::default();
    end.refusing.store(1, Ordering::SeqCst);
    let mut outlet = Outlet::start("x", everything(), ROOM, None, end.clone()).unwrap();
    let all = entries();
    outlet.push(&all[0]);
    close_and_wait(&mut outlet);
    assert_eq!(seqs(&end), [("loss".to_owned(), 1)]);
    assert_eq!(outlet.stats().dropped_lines(), 1);
}

#[test]
fn an_end_that_refuses_even_the_loss_is_not_asked_again_and_again() {
    let end = End::default();
    end.refusing.store(usize::MAX, Ordering::SeqCst);
    let mut outlet = Outlet::start("x", everything(), ROOM, None, end.clone()).unwrap();
    let all = entries();
    outlet.push(&all[0]);
    outlet.flush();
    thread::sleep(Duration::from_millis(700));
    // The line, and the loss after a quarter of a second.
    assert!(outlet.stats().failures() <= 2, "{}", outlet.stats().failures());
    outlet.push(&all[1]);
    close_and_wait(&mut outlet);
    assert_eq!((outlet.stats().delivered_lines(), outlet.stats().dropped_lines()), (0, 2));
}

#[test]
fn what_an_outlet_gives_up_is_missing_in_that_which_takes_its_place() {
    let (dead, end) = (End::default(), End::default());
    dead.failing.store(usize::MAX, Ordering::SeqCst);
    let old = Outlet::start("x", everything(), ROOM, None, dead).unwrap();
    let all = entries();
    for entry in &all[..3] {
        old.push(entry);
    }
    old.close();
    let after = old.end();
    let mut new = Outlet::start("x", everything(), ROOM, Some(after), end.clone()).unwrap();
    new.push(&all[3]);
    close_and_wait(&mut new);
    let arrived = end.arrived.lock().unwrap();
    let lines: Vec<_> = arrived.iter().map(|json| Line::parse(json.as_bytes()).unwrap()).collect();
    let [first, Line { body: Body::Loss(loss), .. }] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((first.seq, loss.count), (all[3].seq, 3));
    assert_eq!(new.stats().dropped_lines(), 3);
}

#[test]
fn a_refused_loss_keeps_its_count() {
    let queue = Queue::new(Limits { lines: 1, bytes: 1 << 20 });
    let all = entries();
    for entry in &all[..9] {
        queue.push(entry, false);
    }
    let queue::Next::Batch(batch) = queue.next() else { panic!("a batch waits") };
    queue.refused(&batch);
    assert!(queue.push(&all[9], false));
    let queue::Next::Batch(batch) = queue.next() else { panic!("a batch waits") };
    let Body::Loss(loss) = batch[0].parse().unwrap().body else { panic!("{batch:?}") };
    assert_eq!((loss.count, batch[1].seq), (9, all[9].seq));
}

#[test]
fn filters_let_through_what_they_say() {
    let kinds = |filter: &Filter| {
        let mut kinds: Vec<_> = entries()
            .iter()
            .filter(|entry| filter.allows(&entry.parse().unwrap()))
            .map(|entry| entry.kind)
            .collect();
        kinds.dedup();
        kinds.join(" ")
    };
    let types = Filter::DEFAULT_TYPES.map(str::to_owned).to_vec();
    let usual = Filter { types, ..Filter::default() };
    assert_eq!(kinds(&usual), "zombie oom shutdown finding loss end");
    assert!(usual.allows_kind("end") && !usual.allows_kind("exit"));
    let count = |filter: &Filter, kind: &str| {
        let all = entries();
        let passed = all.iter().filter(|entry| filter.allows(&entry.parse().unwrap()));
        passed.filter(|entry| entry.kind == kind).count()
    };
    let errors = Filter { min_severity: Some(Severity::Error), ..usual.clone() };
    assert_eq!((count(&usual, "shutdown"), count(&errors, "shutdown")), (3, 1));
    assert_eq!((count(&usual, "finding"), count(&errors, "finding")), (1, 0));
    let glob = |text: &str| vec![text.parse::<Glob>().unwrap()];
    let of_shop = Filter { namespaces: glob("sh*"), ..usual.clone() };
    assert_eq!(kinds(&of_shop), "shutdown loss end");
    let others = Filter { except_namespaces: glob("shop"), ..usual };
    assert_eq!(count(&others, "shutdown"), 2);
    let recording = sample::header().line(Filters::default().to_wire());
    assert!(of_shop.allows(&recording));
}

use crate::cli::value::Glob;
