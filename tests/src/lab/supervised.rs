//! How Supervisord is configured and started in a container.

use std::time::Duration;

use super::bench::{Bench, Container, read_only};
use crate::clock::Deadline;

/// With a socket for `supervisorctl`.
const HEAD: &str = "
[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
pidfile=/run/supervisord.pid
[unix_http_server]
file=/run/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/supervisor.sock
";
/// Where a container has its configuration: one of the places where `supervisord` looks.
const CONFIG: &str = "/etc/supervisord.conf";

/// A section of the configuration.
pub fn program(name: &str, command: &str, options: &str) -> String {
    format!(
        "[program:{name}]\ncommand={command}\nstartsecs=0\nstdout_logfile=/dev/fd/1\n\
         stdout_logfile_maxbytes=0\n{options}\n"
    )
}

/// Starts it with these programs; returns when each has said that it is in place.
pub fn start<'a>(
    bench: &'a Bench,
    name: &str,
    grace_seconds: u32,
    programs: &str,
) -> Container<'a> {
    start_by(bench, name, grace_seconds, programs, &[], &["supervisord"])
}

/// The same, with another command that starts it, and options of the container.
pub fn start_by<'a>(
    bench: &'a Bench,
    name: &str,
    grace_seconds: u32,
    programs: &str,
    options: &[&str],
    words: &[&str],
) -> Container<'a> {
    let config = bench.write(&format!("supervisord-{name}.conf"), &format!("{HEAD}{programs}"));
    let mount = read_only(&config, CONFIG);
    let options = [options, &[&mount]].concat();
    let container = bench.start_unready(grace_seconds, &options, words);
    let wanted = programs.matches("[program:").count();
    Deadline::after(Duration::from_secs(60)).until("the programs to be up", || {
        let log = container.log();
        log.matches("READY").count() == wanted && log.matches("entered RUNNING").count() == wanted
    });
    container
}
