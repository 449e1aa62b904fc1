//! `docker stop` as signal-trace explains it, against what the engine says of its containers.

use signal_trace_tests::docker::Docker;

#[test]
fn x() {
    let d = Docker::start();
    let (id, pid) = d.start_shell(&[], "echo up; while :; do sleep 1; done");
    eprintln!("{id} {pid}");
    d.run(&["stop", "-t", "1", &id]);
    eprintln!("{}", d.inspect(&id, "{{.State.ExitCode}}"));
}
