//! Language runtimes, each with the handler that its users write, or with what it does by itself.

use std::time::Duration;

use nix::sys::signal::Signal::{SIGINT, SIGQUIT, SIGTERM};
use signal_trace_tests::{
    launch::{Address, Launch, Ready},
    running::Running,
    system::{System, code, died},
    workshop::{Site, Workshop},
};

pub const SYSTEMS: [System; 19] = [
    System::new("node-handler", |site| node(site, NODE_EXITS), SIGTERM).graceful(code(0)),
    System::new("node-handler-as-pid1", |site| node(site, NODE_EXITS).as_pid1(), SIGTERM)
        .graceful(code(0)),
    System::new("node-reraise", |site| node(site, NODE_RERAISES), SIGTERM).graceful(died(SIGTERM)),
    // libuv's own handler puts the terminal right and re-raises.
    System::new("node-without-handler", |site| node(site, ""), SIGTERM).graceful(died(SIGTERM)),
    System::new("python-handler", python, SIGTERM).graceful(code(3)),
    // It has one for SIGINT, though: every Python program does.
    System::new("python-without-handler", python_loop, SIGTERM).default_action(),
    System::new("python-interrupt", python, SIGINT).graceful(died(SIGINT)),
    System::new("java-hook", java, SIGTERM).graceful(code(143)),
    System::new("java-hook-as-pid1", |site| java(site).as_pid1(), SIGTERM).graceful(code(143)),
    System::new("java-thread-dump", java, SIGQUIT).lives_through_quit().by(|running| {
        running.signal(SIGQUIT);
        running.until_it_says("Full thread dump");
        running.until_it_says("class space");
    }),
    System::new("java-thread-dump-then-term", java, SIGTERM)
        .lives_through_quit()
        .by(|running| {
            running.signal(SIGQUIT);
            running.until_it_says("class space");
            running.signal(SIGTERM);
        })
        .graceful(code(143)),
    System::new("ruby-trap", |site| ruby(site, "Signal.trap('TERM') { exit 4 }"), SIGTERM)
        .graceful(code(4)),
    // SIGTERM becomes an exception; what it leaves by is the signal again.
    System::new("ruby-ensure", |site| ruby(site, ""), SIGTERM).graceful(died(SIGTERM)),
    // The re-raised signal is dropped: this is PID 1.
    System::new("ruby-ensure-as-pid1", |site| ruby(site, "").as_pid1(), SIGTERM).graceful(code(1)),
    System::new("php-pcntl", php, SIGTERM).graceful(code(5)),
    System::new("perl-handler", perl, SIGTERM).graceful(code(6)),
    System::new("go-reraise", go, SIGTERM).graceful(died(SIGTERM)),
    System::new("drains-a-request", |site| node(site, NODE_EXITS), SIGTERM)
        .by(|running| {
            let mut answer = ask_slowly(running);
            running.signal(SIGTERM);
            let mut text = String::new();
            answer.read_to_string(&mut text).expect("it answers before it ends");
            assert!(text.ends_with("slow"), "the request was not drained: {text}");
        })
        .graceful(code(0)),
    // An impatient user, or an init beside a service manager.
    System::new("told-twice", |site| node(site, NODE_EXITS), SIGTERM)
        .by(|running| {
            let answer = ask_slowly(running);
            running.signal(SIGTERM);
            running.until_it_says("stopping");
            std::thread::sleep(Duration::from_millis(1200));
            running.signal(SIGTERM);
            drop(answer);
        })
        .graceful(code(0)),
];

/// Answers at once, but `/slow` after some seconds.
const NODE: &str = "
const server = require('http').createServer((request, response) => {
  if (request.url === '/slow') {
    console.log('asked');
    setTimeout(() => response.end('slow'), 2500);
  } else response.end('quick');
});
server.listen('socket');
";
const NODE_EXITS: &str = "
process.on('SIGTERM', () => {
  console.log('stopping');
  server.close(() => process.exit(0));
});
";
const NODE_RERAISES: &str = "
process.once('SIGTERM', () => server.close(() => process.kill(process.pid, 'SIGTERM')));
";

const PYTHON: &str = "
import http.server, signal, socketserver, sys

class Server(socketserver.UnixStreamServer):
    def get_request(self):
        request, _ = super().get_request()
        return request, ('local', 0)

def stop(number, frame):
    raise SystemExit(3)

signal.signal(signal.SIGTERM, stop)
with Server('socket', http.server.SimpleHTTPRequestHandler) as server:
    server.serve_forever()
";

const JAVA: &str = r#"
public class Hook {
    public static void main(String[] arguments) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook")));
        System.out.println("up");
        Thread.sleep(3_600_000);
    }
}
"#;

/// What Go's os/signal does for a program that cleans up, resets the signal and sends it again:
/// a thread of the runtime has the handler, another does the work.
const GO: &str = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static sem_t seen;
static void handler(int number) { sem_post(&seen); }
static void *work(void *nothing) { for (;;) pause(); }
static void *watch(void *nothing) {
    while (sem_wait(&seen)) {}
    puts("cleaned up");
    fflush(stdout);
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    sigaction(SIGTERM, &standard, NULL);
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGTERM);
    for (;;) pause();
}
int main(void) {
    pthread_t thread;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sem_init(&seen, 0, 0);
    sigaction(SIGTERM, &action, NULL);
    pthread_create(&thread, NULL, watch, NULL);
    for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, work, NULL);
    puts("up");
    fflush(stdout);
    work(NULL);
}
"#;

/// Makes what the systems here need.
pub fn prepare(workshop: &Workshop) {
    workshop.compile_c("go", GO);
    workshop.compile_java("Hook", JAVA);
}

fn node(site: &Site, handler: &str) -> Launch {
    Launch::new("node", "nodejs")
        .arg(site.write("server.js", &format!("{NODE}{handler}")))
        .at(Address::Socket(site.folder.file("socket")))
        .ready(Ready::Answers)
}

fn ask_slowly(running: &Running) -> Box<dyn std::io::Read> {
    let answer = running.request("/slow").expect("it listens");
    running.until_it_says("asked");
    answer
}

fn python(site: &Site) -> Launch {
    Launch::new("python3", "python3")
        .arg("-u")
        .arg(site.write("server.py", PYTHON))
        .at(Address::Socket(site.folder.file("socket")))
        .ready(Ready::Answers)
}

fn python_loop(_: &Site) -> Launch {
    Launch::new("python3", "python3")
        .arg("-uc")
        .arg("import time; print('up'); time.sleep(3600)")
        .ready(Ready::Log("up"))
}

fn java(site: &Site) -> Launch {
    Launch::new("java", "default-jre-headless")
        .args("-Xshare:auto -Xmx64m -cp")
        .arg(site.made("Hook.class").parent().expect("it lies in a folder"))
        .arg("Hook")
        .ready(Ready::Log("up"))
}

fn ruby(site: &Site, handler: &str) -> Launch {
    let text = format!(
        "$stdout.sync = true\n{handler}\nbegin\n  puts 'up'\n  sleep\nensure\n  puts 'bye'\nend\n"
    );
    Launch::new("ruby", "ruby").arg(site.write("main.rb", &text)).ready(Ready::Log("up"))
}

fn php(site: &Site) -> Launch {
    let text = "<?php\npcntl_async_signals(true);\n\
        pcntl_signal(SIGTERM, function () { exit(5); });\n\
        echo \"up\\n\";\nwhile (true) { usleep(20000); }\n";
    Launch::new("php", "php-cli").arg(site.write("main.php", text)).ready(Ready::Log("up"))
}

fn perl(site: &Site) -> Launch {
    let text = "$| = 1; $SIG{TERM} = sub { exit 6 }; print \"up\\n\"; sleep 1 while 1;\n";
    Launch::new("perl", "perl").arg(site.write("main.pl", text)).ready(Ready::Log("up"))
}

fn go(site: &Site) -> Launch {
    // By its path: it is in no package.
    let program = site.made("go").display().to_string();
    Launch::new(&program, "gcc").ready(Ready::Log("up"))
}
