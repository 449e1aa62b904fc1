//! Web servers and small daemons, stopped as their packages and images stop them.

use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
use signal_trace_tests::{
    launch::{Address, Launch, Ready},
    system::{System, code},
    tree,
    workshop::{Site, free_port},
};

pub const SYSTEMS: [System; 19] = [
    System::new("nginx-quit", nginx, SIGQUIT).graceful(code(0)),
    System::new("nginx-term", nginx, SIGTERM).graceful(code(0)),
    System::new("nginx-as-pid1", |site| nginx(site).as_pid1(), SIGQUIT).graceful(code(0)),
    System::new("nginx-all-told", nginx, SIGTERM)
        .by(|running| running.signal_all(SIGTERM))
        .graceful(code(0)),
    System::new("nginx-reload", nginx, SIGHUP).by(|running| {
        running.signal(SIGHUP);
        running.until_replaced(&running.others());
    }),
    System::new("nginx-worker-recycled", nginx, SIGTERM).by(|running| {
        let worker = tree::children(running.main)[0];
        running.signal_to(worker, SIGTERM);
        running.until_replaced(&[worker]);
    }),
    // Its workers end by themselves after the reload, the master on a signal of its own.
    System::new("nginx-reload-then-quit", nginx, SIGQUIT)
        .by(|running| {
            running.signal(SIGHUP);
            running.until_replaced(&running.others());
            running.signal(SIGQUIT);
        })
        .graceful(code(0)),
    // As an administrator does, from a shell in the container.
    System::new("nginx-s-quit", nginx, SIGQUIT)
        .in_cgroup()
        .through(|running| {
            let members = running.members();
            let folder = running.site.folder.path().display().to_string();
            let text = "echo 0 > $0; exec nginx -p $1 -e stderr -c $1/conf -s quit";
            running.shell(text, &[&members, &folder]);
        })
        .graceful(code(0)),
    System::new("apache-winch", |site| apache(site, "event"), SIGWINCH).graceful(code(0)),
    System::new("apache-term", |site| apache(site, "event"), SIGTERM).graceful(code(0)),
    System::new("apache-prefork-term", |site| apache(site, "prefork"), SIGTERM).graceful(code(0)),
    System::new("lighttpd-int", lighttpd, SIGINT).graceful(code(0)),
    System::new("haproxy-term", haproxy, SIGTERM)
        .by(|running| {
            // The master starts itself anew when all is well, and that takes its handlers away
            // for a moment.
            let path = format!("/proc/{}/environ", running.main);
            let waits = "HAPROXY_MWORKER_WAIT_ONLY=1";
            running.until("the master to wait", || {
                std::fs::read_to_string(&path).is_ok_and(|text| text.contains(waits))
                    && running.catches(SIGTERM)
            });
            running.signal(SIGTERM);
        })
        .graceful(code(0)),
    System::new("php-fpm-quit", php_fpm, SIGQUIT).graceful(code(0)),
    System::new("php-fpm-term", php_fpm, SIGTERM).graceful(code(0)),
    System::new("rsyslogd-term", rsyslogd, SIGTERM).graceful(code(0)),
    System::new("dnsmasq-term", dnsmasq, SIGTERM).graceful(code(0)),
    System::new("mosquitto-term", mosquitto, SIGTERM).graceful(code(0)),
    System::new("busybox-httpd-term", busybox_httpd, SIGTERM).default_action(),
];

fn socket(site: &Site) -> Address {
    Address::Socket(site.folder.file("socket"))
}

pub fn nginx(site: &Site) -> Launch {
    let text = "
daemon off; user root; worker_processes 2; pid pid; error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server { listen unix:socket; return 200 yes; }
}
";
    Launch::new("nginx", "nginx")
        .arg("-p")
        .arg(site.folder.path())
        .arg("-e")
        .arg("stderr")
        .arg("-c")
        .arg(site.write("conf", text))
        .at(socket(site))
        .ready(Ready::Answers)
        .ready(Ready::Processes(3))
}

fn apache(site: &Site, model: &str) -> Launch {
    let port = free_port();
    let root = site.folder.path().display();
    let modules = "/usr/lib/apache2/modules";
    let text = format!(
        "ServerRoot {root}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {root}/pid\n\
         ErrorLog {root}/errors\nDocumentRoot {root}\nUser www-data\nGroup www-data\n\
         LoadModule mpm_{model}_module {modules}/mod_mpm_{model}.so\n\
         LoadModule authz_core_module {modules}/mod_authz_core.so\nStartServers 2\n"
    );
    Launch::new("apache2", "apache2-bin")
        .args("-D FOREGROUND -f")
        .arg(site.write("conf", &text))
        .at(Address::Port(port))
        .ready(Ready::Answers)
        .ready(Ready::Processes(3))
}

fn lighttpd(site: &Site) -> Launch {
    let (root, socket_path) = (site.folder.path().display(), site.path("socket"));
    let text = format!("server.document-root = \"{root}\"\nserver.bind = \"{socket_path}\"\n");
    Launch::new("lighttpd", "lighttpd")
        .args("-D -f")
        .arg(site.write("conf", &text))
        .at(socket(site))
        .ready(Ready::Answers)
}

fn haproxy(site: &Site) -> Launch {
    let text = format!(
        "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n\
         frontend front\n  bind unix@{}\n  http-request return status 200\n",
        site.path("socket")
    );
    Launch::new("haproxy", "haproxy")
        .args("-W -db -f")
        .arg(site.write("conf", &text))
        .at(socket(site))
        .ready(Ready::Log("Loading success"))
        .ready(Ready::Answers)
}

fn php_fpm(site: &Site) -> Launch {
    let text = format!(
        "[global]\ndaemonize = no\nerror_log = /dev/stderr\n\
         [www]\nlisten = {}\nuser = www-data\npm = static\npm.max_children = 2\n",
        site.path("socket")
    );
    Launch::new("php-fpm8.2", "php8.2-fpm")
        .args("--nodaemonize --fpm-config")
        .arg(site.write("conf", &text))
        .ready(Ready::Log("ready to handle connections"))
        .ready(Ready::Processes(3))
}

fn rsyslogd(site: &Site) -> Launch {
    let text = format!(
        "global(processInternalMessages=\"on\")\n*.* action(type=\"omfile\" file={:?})\n",
        site.path("messages")
    );
    Launch::new("rsyslogd", "rsyslog")
        .args("-n -f")
        .arg(site.write("conf", &text))
        .arg("-i")
        .arg(site.path("pid"))
        // It writes down that it has started.
        .ready(Ready::File("messages"))
}

fn dnsmasq(site: &Site) -> Launch {
    Launch::new("dnsmasq", "dnsmasq-base")
        .args("--keep-in-foreground --user=root --no-resolv --no-hosts --log-facility=-")
        .args("--listen-address=127.0.0.1 --bind-interfaces --conf-file=/dev/null")
        .arg(format!("--port={}", free_port()))
        .arg(format!("--pid-file={}", site.path("pid")))
        .ready(Ready::Log("started, version"))
}

fn mosquitto(site: &Site) -> Launch {
    let text = format!("listener 0 {}\nallow_anonymous true\nuser root\n", site.path("socket"));
    Launch::new("mosquitto", "mosquitto")
        .arg("-c")
        .arg(site.write("conf", &text))
        .at(socket(site))
        .ready(Ready::Accepts)
}

fn busybox_httpd(site: &Site) -> Launch {
    let port = free_port();
    Launch::new("busybox", "busybox-static")
        .args("httpd -f -h")
        .arg(site.folder.path())
        .arg("-p")
        .arg(format!("127.0.0.1:{port}"))
        .at(Address::Port(port))
        .ready(Ready::Answers)
}
