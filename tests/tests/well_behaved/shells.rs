//! Shell scripts, inits and PID namespaces, put together as their documentation says.

use std::process::{Command, Stdio};

use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGTERM};
use signal_trace_tests::{
    launch::{Launch, Ready, program_path},
    running::Running,
    system::{System, code, died},
    tree,
    workshop::Site,
};

pub const SYSTEMS: [System; 22] = [
    System::new("bash-forwards", |site| script(site, FORWARDS), SIGTERM).graceful(code(3)),
    System::new("bash-forwards-as-pid1", |site| script(site, FORWARDS).as_pid1(), SIGTERM)
        .graceful(code(3)),
    // It sends the signal to itself again, which is dropped: this is PID 1.
    System::new("bash-exit-trap-as-pid1", |site| script(site, EXIT_TRAP).as_pid1(), SIGTERM)
        .graceful(code(143)),
    System::new("bash-busy-cleanup", |site| script(site, BUSY), SIGTERM).graceful(code(0)),
    System::new("bash-translates", |site| script(site, TRANSLATES), SIGTERM).graceful(code(0)),
    System::new("bash-execs-its-cleanup", |site| script(site, EXECS), SIGTERM).graceful(code(0)),
    System::new("kill-1-from-inside", |site| script(site, HANDLER).as_pid1(), SIGTERM)
        .in_cgroup()
        .through(|running| {
            let members = running.members();
            running.shell("echo 0 > $0; kill -TERM $1", &[&members, &running.main.to_string()]);
        })
        .graceful(code(9)),
    System::new("sh-exec", exec, SIGTERM).graceful(code(9)),
    System::new("pipeline-group-term", pipeline, SIGTERM)
        .by(|running| running.signal_group(SIGTERM))
        .default_action(),
    // Bash waits for what the terminal interrupted, and then dies of the signal too.
    System::new("ctrl-c", foreground, SIGINT)
        .by(|running| running.signal_group(SIGINT))
        .graceful(died(SIGINT)),
    System::new("timeout", timeout, SIGTERM).by(|_| ()).ends(code(124)),
    System::new("timeout-as-pid1", |site| timeout(site).as_pid1(), SIGTERM)
        .by(|_| ())
        .ends(code(124)),
    // As systemd stops the scope of a login: it knows that shells ignore SIGTERM.
    System::new("login-shell", login_shell, SIGTERM)
        .by(|running| {
            running.signal(SIGTERM);
            running.signal(SIGHUP);
        })
        .stops("ignored", "graceful", died(SIGHUP)),
    System::new("tini", |site| under(site, "tini", "tini", "-- "), SIGTERM).graceful(code(9)),
    System::new("tini-default-child", tini_sleep, SIGTERM).graceful(code(143)),
    System::new("catatonit", |site| under(site, "catatonit", "catatonit", "-- "), SIGTERM)
        .graceful(code(9)),
    System::new("dumb-init-group", dumb_init, SIGTERM).graceful(code(9)),
    System::new("supervisord", supervisord, SIGTERM).graceful(code(0)),
    System::new("supervisord-as-pid1", |site| supervisord(site).as_pid1(), SIGTERM)
        .graceful(code(0)),
    // What it unshared for is judged, not unshare itself, which only waits.
    System::new("unshare", unshared, SIGTERM)
        .judged(|running| tree::children(running.pid)[0])
        .graceful(code(9)),
    System::new("session-inside", |site| script(site, HANDLER).as_pid1(), SIGTERM)
        .in_cgroup()
        .by(|running| {
            let mut session = enter(running);
            running.signal(SIGTERM);
            session.wait().expect("it is our child");
        })
        .stops("graceful", "forced", code(9)),
    System::new("default-action", sleep, SIGTERM).default_action(),
];

/// Ends with 9 when told. What it sleeps by is as short as it gets.
const HANDLER: &str = "trap 'exit 9' TERM; echo up; while :; do sleep 0.3; done\n";

/// The entrypoint that every guide recommends: forward, wait until the child has really ended,
/// and pass on its status.
const FORWARDS: &str = "
bash -c 'trap \"sleep 0.3; exit 3\" TERM; echo up; while :; do sleep 0.3; done' &
child=$!
trap 'kill -TERM \"$child\"' TERM
while :; do
  wait \"$child\"
  status=$?
  kill -0 \"$child\" 2>/dev/null || exit \"$status\"
done
";

/// It runs no process that it could leave behind.
const EXIT_TRAP: &str = "mkfifo pipe; trap 'echo bye' EXIT; echo up; read line <> pipe\n";

/// Hundreds of processes come and go during the shutdown.
const BUSY: &str = "
clean_up() {
  for i in $(seq 150); do
    /bin/true | /bin/true
  done
  exit 0
}
trap clean_up TERM
echo up
while :; do sleep 0.3; done
";

/// The child has a stop signal of its own, which is none for the rest of the world.
const TRANSLATES: &str = "
bash -c 'trap \"exit 0\" USR1; echo up; while :; do sleep 0.3; done' &
child=$!
trap 'kill -USR1 \"$child\"' TERM
wait \"$child\"
wait \"$child\"
";

/// What cleans up takes the place of what was told.
const EXECS: &str = "trap 'exec sleep 0.2' TERM; echo up; while :; do sleep 0.3; done\n";

const SUPERVISORD: &str = "
[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
pidfile=pid

[program:handler]
command=bash -c 'trap \"exit 9\" TERM; while :; do sleep 0.3; done'
stopasgroup=true
killasgroup=true

[program:group]
command=bash -c 'sleep 1000; sleep 1000'
stopasgroup=true
killasgroup=true
";

fn script(site: &Site, text: &str) -> Launch {
    Launch::new("bash", "bash").arg(site.write("main.sh", text)).ready(Ready::Log("up"))
}

fn exec(site: &Site) -> Launch {
    let handler = site.write("handler.sh", HANDLER);
    let text = format!("export READY=yes; exec bash {handler}\n");
    Launch::new("dash", "dash").arg(site.write("main.sh", &text)).ready(Ready::Log("up"))
}

fn pipeline(_: &Site) -> Launch {
    Launch::new("dash", "dash")
        .arg("-c")
        .arg("while :; do date; sleep 0.3; done | grep --line-buffered .; exit 1")
        .ready(Ready::Log(":"))
}

fn foreground(_: &Site) -> Launch {
    Launch::new("bash", "bash")
        .arg("-c")
        .arg("echo up; sleep 1000; echo not reached")
        .ready(Ready::Log("up"))
        .ready(Ready::Processes(2))
}

fn timeout(_: &Site) -> Launch {
    Launch::new("timeout", "coreutils").args("0.3 sleep 1000")
}

fn sleep(_: &Site) -> Launch {
    Launch::new("sleep", "coreutils").arg("1000")
}

/// A handler under an init, as PID 1.
fn under(site: &Site, init: &str, package: &str, arguments: &str) -> Launch {
    script(site, HANDLER).under(Launch::new(init, package).args(arguments)).as_pid1()
}

fn login_shell(_: &Site) -> Launch {
    // A pipe that never ends is enough of a terminal.
    Launch::new("dash", "dash")
        .arg("-c")
        .arg("mkfifo input; PS1='up ' exec bash --norc --noprofile -i <> input")
        .ready(Ready::Log("up "))
}

fn tini_sleep(site: &Site) -> Launch {
    let init = Launch::new("tini", "tini").arg("--");
    sleep(site).under(init).ready(Ready::Processes(2)).as_pid1()
}

/// The init tells the whole group: the handler, and its children that have none.
fn dumb_init(site: &Site) -> Launch {
    let text = "sleep 1000 & sleep 1000 & trap 'exit 9' TERM; echo up; wait; wait\n";
    let init = Launch::new("dumb-init", "dumb-init").arg("--");
    script(site, text).under(init).ready(Ready::Processes(4)).as_pid1()
}

fn supervisord(site: &Site) -> Launch {
    Launch::new("supervisord", "supervisor")
        .arg("--configuration")
        .arg(site.write("conf", SUPERVISORD))
        .ready(Ready::Log("success: handler entered RUNNING"))
        .ready(Ready::Log("success: group entered RUNNING"))
        .ready(Ready::Processes(4))
}

fn unshared(site: &Site) -> Launch {
    let outer = Launch::new("unshare", "util-linux").args("--pid --fork --mount-proc");
    script(site, HANDLER).under(outer)
}

/// What `docker exec` does: a process from outside joins the namespace and the cgroup.
fn enter(running: &Running) -> std::process::Child {
    let members = running.members();
    let child = Command::new(program_path("nsenter", "util-linux"))
        .args(["--pid", "--target", &running.main.to_string(), "sh", "-c"])
        .arg(format!("echo 0 > {members}; exec sleep 1000"))
        .stdin(Stdio::null())
        .spawn()
        .expect("nsenter can start");
    running.until("the session", || {
        let comm = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm"));
        let mut inside = running.pids().into_iter();
        inside.any(|pid| comm(&pid).is_ok_and(|comm| comm == "sleep\n") && !is_child(running, pid))
    });
    child
}

fn is_child(running: &Running, pid: i32) -> bool {
    tree::children(running.main).contains(&pid)
}
