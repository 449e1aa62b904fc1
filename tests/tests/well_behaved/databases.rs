//! Databases: a server that tells its own processes what to do, and servers of one process.

use std::io::{Read, Write as _};
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_trace_tests::{
    launch::{Address, Launch, Ready},
    running::Running,
    system::{System, code},
    workshop::{Site, postgres_program},
};

pub const SYSTEMS: [System; 12] = [
    // Smart: nobody is connected, so it need not wait.
    System::new("postgres-smart", postgres, SIGTERM).graceful(code(0)),
    System::new("postgres-fast", postgres, SIGINT).graceful(code(0)),
    System::new("postgres-fast-with-client", postgres, SIGINT)
        .by(|running| {
            let client = connect(running);
            running.signal(SIGINT);
            running.until_it_says("terminating connection due to administrator command");
            drop(client);
        })
        .graceful(code(0)),
    System::new("postgres-immediate", postgres, SIGQUIT).graceful(code(0)),
    System::new("postgres-pg-ctl-stop", postgres, SIGINT)
        .through(|running| {
            let line = "cd /; exec setpriv --reuid=postgres --regid=postgres --clear-groups $0 \
                        stop --mode=fast --pgdata=$1";
            let program = postgres_program("pg_ctl").display().to_string();
            running.shell(line, &[&program, &running.site.path("data")]);
        })
        .graceful(code(0)),
    // Some of its processes ignore the signal: they stop when the postmaster says so.
    System::new("postgres-all-told-term", postgres, SIGTERM)
        .by(|running| running.signal_all(SIGTERM))
        .graceful(code(0)),
    System::new("postgres-all-told-int", postgres, SIGINT)
        .by(|running| running.signal_all(SIGINT))
        .graceful(code(0)),
    System::new("postgres-reload", postgres, SIGHUP).by(|running| {
        running.signal(SIGHUP);
        running.until_it_says("received SIGHUP, reloading configuration files");
    }),
    System::new("redis-term", redis, SIGTERM).graceful(code(0)),
    System::new("redis-as-pid1", |site| redis(site).as_pid1(), SIGTERM).graceful(code(0)),
    // Nobody sends a signal.
    System::new("redis-shutdown-command", redis, SIGTERM)
        .by(|running| {
            let mut client = UnixStream::connect(running.site.path("socket")).expect("it is up");
            client.write_all(b"SHUTDOWN\r\n").expect("it reads");
        })
        .ends(code(0)),
    System::new("memcached-term", memcached, SIGTERM).graceful(code(0)),
];

fn postgres(site: &Site) -> Launch {
    site.postgres()
        .args("-c listen_addresses= -c fsync=off")
        .ready(Ready::Log("database system is ready to accept connections"))
        // Checkpointer, writers and launchers.
        .ready(Ready::Processes(6))
}

/// A client that is logged in and idle.
fn connect(running: &Running) -> UnixStream {
    let path = running.site.folder.file("run/.s.PGSQL.5432");
    let mut client = UnixStream::connect(path).expect("it is ready");
    // A startup message: its length, protocol 3.0, whom and what for.
    let words = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(words.len() + 8).expect("short");
    let mut message = length.to_be_bytes().to_vec();
    message.extend(196_608_u32.to_be_bytes());
    message.extend(words);
    client.write_all(&message).expect("it reads");
    // `Z` with length 5 says that it waits for a query.
    let mut seen: Vec<u8> = Vec::new();
    let mut part = [0; 1024];
    while !seen.windows(5).any(|five| five == b"Z\0\0\0\x05") {
        let count = client.read(&mut part).expect("it answers");
        assert!(count > 0, "postgres let us down: {}", running.log());
        seen.extend(&part[..count]);
    }
    client
}

fn redis(site: &Site) -> Launch {
    Launch::new("redis-server", "redis-server")
        .args("--port 0 --appendonly yes --unixsocket")
        .arg(site.path("socket"))
        .arg("--dir")
        .arg(site.folder.path())
        .ready(Ready::Log("The server is now ready to accept connections"))
}

fn memcached(site: &Site) -> Launch {
    let socket = site.folder.file("socket");
    Launch::new("memcached", "memcached")
        .args("-u root -s")
        .arg(&socket)
        .at(Address::Socket(socket))
        .ready(Ready::Accepts)
}
