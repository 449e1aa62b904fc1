//! Stories of sessions, and the gaps between them.

use super::*;
use crate::cli::when::when;
use crate::sinks::schema::Time;

fn at(clock: &str) -> Stamp {
    Stamp::read(format!("2026-11-24T{clock}:00.000000000Z").as_bytes()).unwrap()
}

fn range(since: &str, until: &str) -> Range {
    let read = |text: &str| (!text.is_empty()).then(|| when(text).unwrap());
    // 2026-11-24T23:00:00Z.
    Range::new(read(since), read(until), Time(1_795_561_200_000_000_000)).unwrap()
}

/// `+10:00` begins a session, `-11:00` ends it, `.10:30` is a line.
fn play(range: Range, story: &str) -> Sessions {
    let mut sessions = Sessions::new(range);
    for word in story.split_whitespace() {
        let (what, clock) = word.split_at(1);
        if what == "+" {
            sessions.begin(b"n1", at(clock), b"");
        }
        sessions.see(b"n1", at(clock));
        if what == "-" {
            sessions.end();
        }
    }
    sessions.finish();
    sessions
}

fn gaps(sessions: &Sessions) -> Vec<String> {
    let short = |at: Stamp| at.to_string()[11..16].to_owned();
    let tell = |gap: &Gap| format!("{} {} {:?}", short(gap.from), short(gap.to), gap.why);
    sessions.gaps.iter().map(tell).collect()
}

#[test]
fn a_session_goes_on_from_file_to_file() {
    let sessions = play(range("", ""), "+10:00 .10:30 +10:00 .11:00 -12:00");
    assert_eq!((sessions.ended, sessions.killed, sessions.open), (1, 0, 0));
    assert_eq!(gaps(&sessions), [""; 0]);
}

#[test]
fn between_two_sessions_nobody_looked() {
    let sessions = play(range("", ""), "+10:00 .10:30 +11:00 -12:00 +13:00 .14:00");
    assert_eq!((sessions.ended, sessions.killed, sessions.open), (1, 1, 1));
    assert_eq!(gaps(&sessions), ["10:30 11:00 Killed", "12:00 13:00 Ended"]);
}

#[test]
fn only_what_was_asked_for_is_a_gap() {
    let story = "+10:00 .10:30 +11:00 -12:00 +13:00 .14:00";
    assert_eq!(
        gaps(&play(range("10:45", "12:30"), story)),
        ["10:45 11:00 Killed", "12:00 12:30 Ended"]
    );
    assert_eq!(gaps(&play(range("13:00", "13:30"), story)), [""; 0]);
    assert_eq!(gaps(&play(range("09:00", "10:30"), story)), ["09:00 10:00 NothingBefore"]);
    let sessions = play(range("13:00", ""), story);
    assert_eq!((sessions.ended, sessions.killed, sessions.open), (0, 0, 1));
}

#[test]
fn nobody_looks_after_the_last_end() {
    let story = "+10:00 .10:30 -12:00";
    assert_eq!(gaps(&play(range("11:00", ""), story)), ["12:00 23:00 Ended"]);
    assert_eq!(gaps(&play(range("11:00", "13:00"), story)), ["12:00 13:00 Ended"]);
    // All that there is was asked for.
    assert_eq!(gaps(&play(range("", ""), story)), [""; 0]);
    // It may still be running.
    assert_eq!(gaps(&play(range("11:00", ""), "+10:00 .12:00")), [""; 0]);
}

#[test]
fn two_agents_at_a_time_are_no_gap() {
    let sessions = play(range("", ""), "+10:00 .10:30 +10:10 .10:40 +10:00 .11:00 +10:10 .11:10");
    assert_eq!(gaps(&sessions), [""; 0]);
}

#[test]
fn memory_has_a_limit() {
    let mut sessions = Sessions::new(Range::default());
    for number in 0..MAX_NODES + 10 {
        sessions.see(number.to_string().as_bytes(), at("10:00"));
    }
    assert_eq!(sessions.nodes().count(), MAX_NODES + 1);
    for _ in 0..MAX_GAPS {
        sessions.gap("n".into(), at("10:00"), at("11:00"), Why::Ended);
    }
    sessions.gap("n".into(), at("10:00"), at("11:00"), Why::Ended);
    assert_eq!((sessions.gaps.len(), sessions.more_gaps), (MAX_GAPS, 1));
}
