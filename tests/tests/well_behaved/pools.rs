//! Managers of worker processes, and workers that learn of the end in other ways than by signals.

use nix::sys::signal::Signal::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_trace_tests::{
    launch::{Address, Launch, Ready},
    system::{System, code, died},
    tree,
    workshop::Site,
};

pub const SYSTEMS: [System; 14] = [
    System::new("gunicorn-term", gunicorn, SIGTERM).graceful(code(0)),
    System::new("gunicorn-all-told", gunicorn, SIGTERM)
        .by(|running| running.signal_all(SIGTERM))
        .graceful(code(0)),
    System::new("gunicorn-drains", gunicorn, SIGTERM)
        .by(|running| {
            let mut answer = running.request("/slow").expect("it listens");
            running.until_it_says("asked");
            running.signal(SIGTERM);
            let mut text = String::new();
            answer.read_to_string(&mut text).expect("it answers before it ends");
            assert!(text.ends_with("yes"), "the request was not drained: {text}");
        })
        .graceful(code(0)),
    System::new("gunicorn-reload", gunicorn, SIGHUP).by(|running| {
        running.signal(SIGHUP);
        running.until_replaced(&running.others());
    }),
    System::new("gunicorn-worker-recycled", gunicorn, SIGTERM).by(|running| {
        let worker = tree::children(running.main)[0];
        running.signal_to(worker, SIGTERM);
        running.until_replaced(&[worker]);
    }),
    System::new("puma-cluster", puma, SIGTERM).graceful(died(SIGTERM)),
    System::new("python-pool", |site| pool(site, "fork"), SIGTERM).graceful(code(0)),
    // The resource tracker ignores SIGTERM on purpose, and ends when the others have.
    System::new("python-pool-all-told", |site| pool(site, "spawn"), SIGTERM)
        .by(|running| running.signal_all(SIGTERM))
        .graceful(code(0)),
    // The workers leave it to the pool: so does everybody who wants to see one stack trace only.
    System::new("python-pool-ctrl-c", |site| pool(site, "ignore"), SIGINT)
        .by(|running| running.signal_group(SIGINT))
        .graceful(code(0)),
    // A worker hangs, and its manager replaces it: nobody's shutdown.
    System::new("python-manager-kills-worker", replacing, SIGUSR1).by(|running| {
        let worker = tree::children(running.main)[0];
        running.signal(SIGUSR1);
        running.until_replaced(&[worker]);
    }),
    System::new("node-cluster", cluster, SIGTERM).graceful(code(0)),
    // As systemd does for what it finds stopped.
    System::new("term-then-cont", cluster, SIGTERM)
        .by(|running| {
            running.signal(SIGTERM);
            running.signal(SIGCONT);
        })
        .graceful(code(0)),
    System::new("make-term", make, SIGTERM).graceful(died(SIGTERM)),
    System::new("child-tied-to-its-parent", tied, SIGTERM).graceful(code(0)),
];

const WSGI: &str = "
import time

def app(environ, start_response):
    if environ['PATH_INFO'] == '/slow':
        print('asked', flush=True)
        time.sleep(1.5)
    start_response('200 OK', [])
    return [b'yes']
";

/// The workers learn of the end from the pool: SIGTERM, by `terminate`.
const POOL: &str = "
import multiprocessing, signal, sys, time

def work(number):
    print('working', flush=True)
    time.sleep(3600)

def stop(number, frame):
    raise SystemExit(0)

if __name__ == '__main__':
    ignore = (signal.signal, (signal.SIGINT, signal.SIG_IGN))
    method, initializer = ('fork', ignore) if sys.argv[1] == 'ignore' else (sys.argv[1], (None, ()))
    with multiprocessing.get_context(method).Pool(3, *initializer) as pool:
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        pool.map_async(work, range(3))
        while True:
            time.sleep(1)
";

/// It kills its worker when told so by SIGUSR1, and starts another.
const REPLACING: &str = "
import multiprocessing, signal, time

def work():
    print('working', flush=True)
    time.sleep(3600)

worker = None
signal.signal(signal.SIGUSR1, lambda number, frame: worker.kill())
while True:
    worker = multiprocessing.Process(target=work)
    worker.start()
    worker.join()
";

/// The workers learn of the end through a pipe: `disconnect`.
const CLUSTER: &str = "
const cluster = require('cluster');
if (cluster.isPrimary) {
  let listening = 0;
  cluster.on('listening', () => { if (++listening === 2) console.log('up'); });
  cluster.fork();
  cluster.fork();
  process.on('SIGTERM', () => cluster.disconnect(() => process.exit(0)));
} else {
  require('http').createServer((request, response) => response.end('yes')).listen('socket');
}
";

fn gunicorn(site: &Site) -> Launch {
    site.write("service.py", WSGI);
    let socket = site.folder.file("socket");
    Launch::new("gunicorn", "gunicorn")
        .args("--workers 2 --worker-tmp-dir . --bind unix:socket service:app")
        .at(Address::Socket(socket))
        .ready(Ready::Answers)
        .ready(Ready::Processes(3))
}

fn puma(site: &Site) -> Launch {
    let app = site.write("config.ru", "run ->(env) { [200, {}, ['yes']] }\n");
    let socket = site.folder.file("socket");
    Launch::new("puma", "puma")
        .args("--workers 2 --threads 1:1 --bind")
        .arg(format!("unix://{}", socket.display()))
        .arg(app)
        .at(Address::Socket(socket))
        .ready(Ready::Log("Worker 1 (PID"))
        .ready(Ready::Answers)
        .ready(Ready::Processes(3))
}

fn pool(site: &Site, method: &str) -> Launch {
    Launch::new("python3", "python3")
        .arg(site.write("pool.py", POOL))
        .arg(method)
        .ready(Ready::Log("working\nworking\nworking"))
}

fn replacing(site: &Site) -> Launch {
    Launch::new("python3", "python3")
        .arg(site.write("manager.py", REPLACING))
        .ready(Ready::Log("working"))
}

fn cluster(site: &Site) -> Launch {
    Launch::new("node", "nodejs").arg(site.write("cluster.js", CLUSTER)).ready(Ready::Log("up"))
}

/// It tells what it runs of the signal, waits for that, and dies of the signal itself. What the
/// recipes run is told by nobody, but ends soon.
fn make(site: &Site) -> Launch {
    let text = "all: a b c d\n%:\n\t@echo begin $@; while :; do sleep 0.3; done\n";
    Launch::new("make", "make")
        .args("-j4 -f")
        .arg(site.write("Makefile", text))
        .ready(Ready::Processes(9))
}

/// The kernel tells the child when its parent ends.
fn tied(site: &Site) -> Launch {
    let text = "setpriv --pdeathsig TERM sleep 1000 & trap 'exit 0' TERM; echo up; wait; wait\n";
    Launch::new("bash", "bash")
        .arg(site.write("main.sh", text))
        .ready(Ready::Log("up"))
        .ready(Ready::Processes(2))
}
