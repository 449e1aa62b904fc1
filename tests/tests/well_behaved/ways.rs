//! Unusual ways of stopping a process that stops as it should.

use nix::sys::signal::Signal::{SIGCONT, SIGHUP, SIGSTOP, SIGTERM};
use signal_trace_tests::{
    launch::{Launch, Ready},
    running::Running,
    system::{System, code},
    workshop::{Site, Workshop},
};

pub const SYSTEMS: [System; 7] = [
    System::new("pidfd", handler, SIGTERM).by(through_pidfd).graceful(code(9)),
    System::new("sigqueue", handler, SIGTERM).by(queued).graceful(code(9)),
    System::new("stopped-and-continued", handler, SIGTERM)
        .by(|running| {
            running.signal(SIGSTOP);
            running.signal(SIGTERM);
            running.signal(SIGCONT);
        })
        .graceful(code(9)),
    // As `docker stop` does with a container that is paused.
    System::new("frozen-and-thawed", handler, SIGTERM)
        .in_cgroup()
        .by(|running| {
            freeze(running, "1");
            running.signal(SIGTERM);
            freeze(running, "0");
        })
        .graceful(code(9)),
    // Any of its threads may take it.
    System::new("threads", |site| made(site, "threads"), SIGTERM).graceful(code(9)),
    // It lives on though its main thread is a zombie, for as long as the session.
    System::new("main-thread-ended", |site| made(site, "headless"), SIGTERM).graceful(code(9)),
    System::new("main-thread-ended-lives-on", |site| made(site, "headless"), SIGHUP).by(
        |running| {
            running.signal(SIGHUP);
            running.until_it_says("reloaded");
        },
    ),
];

/// SIGTERM ends it with 9, SIGHUP does not.
const THREADS: &str = r#"
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static void stop(int number) { _exit(9); }
static void reload(int number) { write(1, "reloaded\n", 9); }
static void *work(void *nothing) { for (;;) pause(); }
int main(void) {
    signal(SIGTERM, stop);
    signal(SIGHUP, reload);
    pthread_t thread;
    for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, work, NULL);
    write(1, "up\n", 3);
    END;
}
"#;

/// Makes what the systems here need.
pub fn prepare(workshop: &Workshop) {
    workshop.compile_c("threads", &THREADS.replace("END", "work(NULL)"));
    workshop.compile_c("headless", &THREADS.replace("END", "pthread_exit(NULL)"));
}

fn made(site: &Site, name: &str) -> Launch {
    Launch::new(&site.made(name).display().to_string(), "gcc").ready(Ready::Log("up"))
}

fn handler(site: &Site) -> Launch {
    let text = "trap 'exit 9' TERM; echo up; while :; do sleep 0.3; done\n";
    Launch::new("dash", "dash").arg(site.write("main.sh", text)).ready(Ready::Log("up"))
}

fn freeze(running: &Running, state: &str) {
    let file = running.members().replace("cgroup.procs", "cgroup.freeze");
    std::fs::write(&file, state).unwrap_or_else(|error| panic!("{file}: {error}"));
    let events = running.members().replace("cgroup.procs", "cgroup.events");
    let wanted = format!("frozen {state}");
    running.until(&wanted, || {
        std::fs::read_to_string(&events).is_ok_and(|events| events.contains(&wanted))
    });
}

fn through_pidfd(running: &Running) {
    // SAFETY: plain numbers.
    let sent = unsafe {
        let process = libc::syscall(libc::SYS_pidfd_open, running.main, 0);
        let none: *const libc::siginfo_t = std::ptr::null();
        let sent = libc::syscall(libc::SYS_pidfd_send_signal, process, libc::SIGTERM, none, 0);
        libc::close(i32::try_from(process).unwrap_or(-1));
        sent
    };
    assert_eq!(sent, 0, "pidfd_send_signal: {}", std::io::Error::last_os_error());
}

fn queued(running: &Running) {
    let value = libc::sigval { sival_ptr: std::ptr::null_mut() };
    // SAFETY: a pointer that nobody follows.
    let sent = unsafe { libc::sigqueue(running.main, libc::SIGTERM, value) };
    assert_eq!(sent, 0, "sigqueue: {}", std::io::Error::last_os_error());
}
