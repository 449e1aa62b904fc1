//! Random histories that a kernel could have written, for the properties.

use std::{fmt::Write as _, format, string::String, vec, vec::Vec};

use proptest::prelude::*;

/// One thing that happens: what, to which two processes, and how long after the one before.
pub type Step = (u8, prop::sample::Index, prop::sample::Index, u16);

/// Steps for [`history`].
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..15_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..2500_u16);
    prop::collection::vec(step, 1..80)
}

/// A process of the history.
#[derive(Clone, Copy)]
struct Model {
    pid: u32,
    /// A signal that a handler of it has yet to take.
    due: Option<&'static str>,
}

/// Makes text timelines; only what the kernel allows: no signal before the birth, one exit, frees
/// after exits, a fatal signal is the end.
struct History {
    text: String,
    now_us: u64,
    living: Vec<Model>,
    dead: Vec<u32>,
    next_pid: u32,
    losses: Vec<(u64, u64)>,
}

impl History {
    fn line(&mut self, text: &str) {
        self.now_us += 10;
        let _ = writeln!(self.text, "+{}us {text}", self.now_us);
    }

    fn end(&mut self, at: usize, how: &str) {
        let gone = self.living.remove(at);
        self.line(&format!("exit {} {how}", gone.pid));
        self.dead.push(gone.pid);
    }

    fn signal(&mut self, name: &'static str, from: u32, at: usize) {
        let pid = self.living[at].pid;
        // What a process does with signals does not change during its life here.
        match pid % 5 {
            0 => {
                self.line(&format!("gen {name} {from}>{pid} default fatal"));
                let number = [("HUP", 1), ("INT", 2), ("QUIT", 3)]
                    .iter()
                    .find(|(other, _)| *other == name)
                    .map_or(15, |(_, number)| *number);
                self.end(at, &format!("sig={number}"));
            }
            1 => self.line(&format!("gen {name} {from}>{pid} ignore dropped")),
            2 => self.line(&format!("gen {name} {from}>{pid} handler blocked")),
            _ => {
                self.line(&format!("gen {name} {from}>{pid} handler"));
                self.living[at].due = Some(name);
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let (what, a, b, wait_ms) = step;
        // Most things happen close together.
        self.now_us += u64::from(*wait_ms) * if *what == 11 { 10_000 } else { 10 };
        if self.living.len() < 2 {
            self.born(1);
        }
        let (a, b) = (a.index(self.living.len()), b.index(self.living.len()));
        let from = self.living[a].pid;
        match what {
            0 | 1 => self.born(from),
            2 => self.signal("HUP", from, b),
            3 => self.signal("INT", from, b),
            4 | 5 => self.signal("TERM", from, b),
            6 => {
                self.line(&format!("gen KILL {from}>{} fatal", self.living[b].pid));
                self.end(b, "sig=9");
            }
            7 | 8 => {
                if let Some(name) = self.living[b].due.take() {
                    self.line(&format!("take {name} {} handler", self.living[b].pid));
                }
            }
            9 => self.end(b, "code=0"),
            10 => {
                if let Some(pid) = self.dead.pop() {
                    self.line(&format!("free {pid}"));
                }
            }
            11 => self.line("tick"),
            12 => {
                let pid = self.living[b].pid;
                self.line(&format!("gen KILL {pid}>{pid} kernel fatal"));
                self.line(&format!("oom {pid}"));
                self.end(b, "sig=9");
            }
            13 => {
                if let Some(pid) = self.dead.last() {
                    self.line(&format!("zombie {pid}"));
                }
                self.line(&format!("alive {from} pending=TERM"));
            }
            _ => {
                let start = self.now_us;
                self.now_us += 1000;
                self.line(&format!("loss deliver 1 from=+{start}us"));
                self.losses.push((start, self.now_us));
            }
        }
    }

    fn born(&mut self, parent: u32) {
        let pid = self.next_pid;
        self.next_pid += 1;
        // Some in cgroups of their own, some in that of their parent; two of them as PID 1.
        let place = match pid % 4 {
            0 => format!(" cgroup={}", 1000 + pid % 3),
            1 if pid % 8 == 1 => format!(" cgroup={pid} ns=1"),
            _ => String::new(),
        };
        self.line(&format!("fork {pid} parent={parent}{place}"));
        self.living.push(Model { pid, due: None });
    }
}

/// A history as a text timeline, and the windows of its losses in microseconds. Everybody has died
/// and been reaped at the end of it.
pub fn history(steps: &[Step]) -> (String, Vec<(u64, u64)>) {
    let mut history = History {
        text: String::from("+0us proc 1\n"),
        now_us: 0,
        living: vec![],
        dead: vec![],
        next_pid: 100,
        losses: vec![],
    };
    for step in steps {
        history.step(step);
    }
    while !history.living.is_empty() {
        history.end(0, "code=0");
    }
    for pid in core::mem::take(&mut history.dead) {
        history.line(&format!("free {pid}"));
    }
    (history.text, history.losses)
}
