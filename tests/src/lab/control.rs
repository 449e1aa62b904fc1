//! The control group: servers and runtimes that stop well when they are stopped as documented.

use std::fs;

use super::{
    System,
    bench::{self, Bench, Container, read_only},
    case::{Case, End, Got},
    says::graceful,
};
use crate::workshop::{Site, Workshop, postgres_program};

pub(super) const SYSTEM: System = System {
    name: "control",
    title: "Well-behaved programs",
    about: "Each is the main process of a Docker container and is stopped in its documented way, within 10 s. Nothing may be found.",
    run: |system| bench::run(system, CASES, |_| {}),
};

const NGINX: &str = "
daemon off; user root; worker_processes 2; pid /tmp/pid; error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server { listen unix:/tmp/socket; return 200 yes; }
}
";

/// Waits for the request that it is answering.
const NODE: &str = "
const server = require('http').createServer((request, response) => {
  console.log('asked');
  setTimeout(() => response.end('yes', () => console.log('answered')), 1000);
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen('/tmp/socket', () => {
  require('http').get({socketPath: '/tmp/socket', agent: false}, (response) => response.resume());
});
";

const PYTHON: &str = "
import signal, socketserver

class Server(socketserver.UnixStreamServer):
    pass

def stop(number, frame):
    raise SystemExit(0)

signal.signal(signal.SIGTERM, stop)
with Server('/tmp/socket', socketserver.BaseRequestHandler) as server:
    print('up')
    try:
        server.serve_forever()
    finally:
        print('closed')
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

const CASES: &[Case<Bench>] = &[
    Case {
        name: "nginx, --stop-signal SIGQUIT",
        run: |bench| {
            let config = read_only(&bench.write("nginx.conf", NGINX), "/etc/nginx.conf");
            let words = ["nginx", "-p", "/tmp", "-e", "stderr", "-c", "/etc/nginx.conf"];
            let options = ["--stop-signal=SIGQUIT", &config];
            let container = bench.start_unready(10, &options, &words);
            container.until_it_says("start worker process ");
            container.until_it_has(3);
            stop(&container, "gracefully shutting down")
        },
        end: End::exits(0, 0.0..=8.0).with(&["gracefully shutting down"]),
        says: |e| graceful(e).stop_signal("SIGQUIT", "docker"),
    },
    Case {
        name: "PostgreSQL, --stop-signal SIGINT (fast)",
        run: postgres,
        end: End::exits(0, 0.0..=8.0).with(&["received fast shutdown request"]),
        says: |e| graceful(e).stop_signal("SIGINT", "docker"),
    },
    Case {
        name: "Redis",
        run: |bench| {
            let words = ["redis-server", "--port", "0", "--unixsocket", "/tmp/socket"];
            let words = [&words[..], &["--dir", "/tmp", "--appendonly", "yes"]].concat();
            let container = bench.start_unready(10, &[], &words);
            container.until_it_says("ready to accept connections");
            stop(&container, "Redis is now ready to exit, bye bye...")
        },
        end: End::exits(0, 0.0..=8.0).with(&["Redis is now ready to exit, bye bye..."]),
        says: graceful,
    },
    Case {
        name: "Java with a shutdown hook",
        run: java,
        end: End::exits(143, 0.0..=8.0).with(&["hook"]),
        says: graceful,
    },
    Case {
        name: "Node that answers a request first",
        run: |bench| {
            let script = read_only(&bench.write("server.js", NODE), "/server.js");
            let container = bench.start_unready(10, &[&script], &["node", "/server.js"]);
            container.until_it_says("asked");
            stop(&container, "answered")
        },
        end: End::exits(0, 0.0..=8.0).with(&["answered"]),
        says: graceful,
    },
    Case {
        name: "Python whose handler raises SystemExit",
        run: |bench| {
            let script = read_only(&bench.write("server.py", PYTHON), "/server.py");
            let container = bench.start(10, &[&script], &["python3", "-u", "/server.py"]);
            stop(&container, "closed")
        },
        end: End::exits(0, 0.0..=8.0).with(&["closed"]),
        says: graceful,
    },
    Case {
        name: "like Go: threads, one of which waits for the signal",
        run: |bench| {
            let words = ["/opt/st-proc", "threads", "4", "sigwait", "0"];
            let container = bench.start_unready(10, &[], &words);
            container.until_it_says("READY");
            container.stop()
        },
        end: End::exits(0, 0.0..=8.0),
        says: graceful,
    },
];

fn postgres(bench: &Bench) -> Got {
    let workshop = Workshop::new();
    workshop.make_database();
    let data = Site::new(&workshop).made("database");
    let data = format!("--volume={}:/data", data.display());
    let program = postgres_program("postgres").display().to_string();
    let words = [&program, "-D", "/data", "-k", "/data", "-c", "listen_addresses="];
    let options = ["--stop-signal=SIGINT", "--user=postgres", &data];
    let container = bench.start_unready(10, &options, &words);
    container.until_it_says("database system is ready to accept connections");
    // Checkpointer, writers and launchers.
    container.until_it_has(6);
    stop(&container, "received fast shutdown request")
}

fn java(bench: &Bench) -> Got {
    let workshop = Workshop::new();
    workshop.compile_java("Hook", JAVA);
    let class = read_only(&Site::new(&workshop).made("Hook.class"), "/opt/java/Hook.class");
    // Debian's packages keep what it is configured by in there.
    let folders = fs::read_dir("/etc").expect("/etc can be read").flatten();
    let folders = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with("java-"));
    let mounts = folders.map(|entry| {
        let path = entry.path();
        read_only(&path, &path.display().to_string())
    });
    let mounts: Vec<_> = mounts.chain([class]).collect();
    let options: Vec<_> = mounts.iter().map(String::as_str).collect();
    let words = ["java", "-Xshare:auto", "-Xmx64m", "-cp", "/opt/java", "Hook"];
    stop(&bench.start(10, &options, &words), "hook")
}

/// Stops it; the fact is whether its log has this text then.
fn stop(container: &Container<'_>, text: &str) -> Got {
    let got = container.stop();
    let facts = container.log().contains(text).then(|| text.to_owned());
    Got { facts: facts.into_iter().collect(), ..got }
}
