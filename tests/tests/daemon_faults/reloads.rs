//! SIGHUP: no line is lost, and a configuration that is wrong changes nothing.

use super::*;

/// Starts that many stops on another thread.
fn in_the_background(count: usize) -> std::thread::JoinHandle<Vec<i32>> {
    std::thread::spawn(move || stop_many(count))
}

#[test]
fn no_line_is_lost_while_files_are_moved_away_under_load() {
    let mut agent = Agent::start(FILE);
    let (mut files, mut pids) = (Vec::new(), Vec::new());
    // How many fall into one load depends on how busy the machine is.
    while files.len() < 4 {
        let stops = in_the_background(75);
        while !stops.is_finished() {
            let moved = agent.folder.file(&format!("log/st.jsonl.{}", files.len()));
            // As logrotate does it. Where nothing was written since the last time, there is no file.
            if fs::rename(agent.folder.file(LOG), &moved).is_ok() {
                files.push(moved);
            }
            agent.signal(Signal::SIGHUP);
            agent.wait_until_told("READY=1");
            std::thread::sleep(Duration::from_millis(50));
        }
        pids.extend(stops.join().expect("no panic"));
    }
    wait_until_current(&agent, LOG);
    agent.end();
    files.push(agent.folder.file(LOG));
    assert_all_once(&lines_of_all(&files), &pids);
}

#[test]
fn no_line_is_lost_while_sinks_are_replaced_under_load() {
    let config = |number: usize| {
        // Another size is another sink: the new one goes on in the file of the old one.
        format!("{FILE}rotate_size = \"{}MiB\"\nqueue.lines = {}\n", 1 + number, 1000 + number)
    };
    let mut agent = Agent::start(&config(0));
    let (mut reloads, mut pids) = (0, Vec::new());
    while reloads < 4 {
        let stops = in_the_background(75);
        while !stops.is_finished() {
            reloads += 1;
            agent.reload(&config(reloads % 400));
            std::thread::sleep(Duration::from_millis(30));
        }
        pids.extend(stops.join().expect("no panic"));
    }
    wait_until_current(&agent, LOG);
    agent.end();
    assert_all_once(&lines_of_all(&[agent.folder.file(LOG)]), &pids);
}

#[test]
fn a_wrong_configuration_changes_nothing() {
    let mut agent = Agent::start(FILE);
    let mut pids = vec![stop()];
    for (wrong, word) in [
        ("[sinks.file]\nenabled = true\npth = \"/x\"", "config.toml:3:1"),
        ("[sinks.file\n", "config.toml:1:"),
        ("[sinks.file]\nmax_total = \"1MiB\"", "max_total"),
        ("[sinks.file]\nrotate_age = \"soon\"", "config.toml:2:14"),
    ] {
        agent.reload(wrong);
        let told = agent.stderr();
        assert!(told.contains("stays as it was") && told.contains(word), "{word}: {told}");
        pids.push(stop());
    }
    fs::remove_file(agent.folder.file("config.toml")).expect("it is there");
    agent.signal(Signal::SIGHUP);
    agent.wait_until_told("READY=1");
    pids.push(stop());
    for pid in &pids {
        agent.wait_for_shutdown(LOG, *pid);
    }
    agent.end();
    assert_all_once(&lines_of_all(&[agent.folder.file(LOG)]), &pids);
}
