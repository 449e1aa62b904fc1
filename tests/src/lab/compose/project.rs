//! Projects of Compose: their files, and the commands that start and stop them.

use std::{path::PathBuf, process::Command, time::Duration};

use super::super::{
    app,
    bench::{self, Bench, Container},
    case::Got,
};
use crate::{clock::wall_ns, image, programs, tools};

/// Of Compose.
#[derive(Clone, Copy, Debug)]
pub(super) enum Version {
    /// The one in Python.
    One,
    /// The one in Go, which `docker compose` starts.
    Two,
}

impl Version {
    /// Where it is.
    fn program(self) -> PathBuf {
        match self {
            Self::One => programs::system("docker-compose", "docker-compose"),
            Self::Two => tools::compose(),
        }
    }

    /// Of the one container of a service.
    pub(super) fn name(self, project: &str, service: &str) -> String {
        match self {
            Self::One => format!("{project}_{service}_1"),
            Self::Two => format!("{project}-{service}-1"),
        }
    }
}

/// What projects run on.
#[derive(Debug)]
pub(super) struct Compose {
    pub(super) bench: Bench,
    pub(super) version: Version,
}

/// A project: files for Compose, and their containers.
pub(super) struct Project<'a> {
    bench: &'a Bench,
    name: &'static str,
    files: [String; 2],
    program: PathBuf,
}

impl<'a> Project<'a> {
    /// Of these services; the file says what is special about them.
    pub(super) fn new(
        Compose { bench, version }: &'a Compose,
        name: &'static str,
        services: &[&str],
        file: &str,
    ) -> Self {
        let write = |file: &str, text: &str| {
            bench.write(&format!("{name}/{file}"), text).display().to_string()
        };
        // Where they run: what a user's file has in the image.
        let mut volumes = bench::mounts().to_vec();
        volumes.push(app::mount(bench));
        let base: Vec<_> = services
            .iter()
            .map(|service| {
                format!(
                    "  {service}:\n    image: {}\n    network_mode: none\n    \
                     volumes: {volumes:?}\n",
                    image::HOST
                )
            })
            .collect();
        let base = write("base.yml", &format!("services:\n{}", base.concat()));
        Self {
            bench,
            name,
            files: [base, write("docker-compose.yml", file)],
            program: version.program(),
        }
    }

    /// Starts what is not up yet; the container of that service, when it is.
    pub(super) fn up(&self, service: &str) -> Container<'a> {
        self.run(&["up", "--detach"]);
        let of =
            |what: &str, name: &str| format!("--filter=label=com.docker.compose.{what}={name}");
        let id = self.bench.docker.run(&[
            "ps",
            "--quiet",
            "--no-trunc",
            &of("project", self.name),
            &of("service", service),
        ]);
        let container = self.bench.adopt(id);
        container.until_it_says("up");
        container
    }

    /// Ends the services, with this command; what became of that one. Its time is the engine's, from
    /// the first signal: Compose itself is slow to start.
    pub(super) fn stop(&self, service: &Container<'_>, words: &[&str]) -> Got {
        let before = wall_ns();
        let mut got = service.end(|| self.run(words));
        let told = "{{.Action}} {{.TimeNano}}";
        let events = self.bench.docker.events(&service.id, before, told);
        let at = |action: &str| -> u64 {
            let time = events.iter().find_map(|event| event.strip_prefix(action));
            time.and_then(|ns| ns.trim().parse().ok()).expect("it was signalled, and ended")
        };
        got.seconds = Duration::from_nanos(at("die") - at("kill")).as_secs_f64();
        got
    }

    fn run(&self, words: &[&str]) {
        let output = Command::new(&self.program)
            .env("DOCKER_HOST", format!("unix://{}", self.bench.docker.socket().display()))
            .env("DOCKER_CONFIG", self.bench.docker.folder().path())
            .args(["--project-name", self.name])
            .args(self.files.iter().flat_map(|file| ["--file", file]))
            .args(words)
            .output()
            .expect("docker-compose can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker-compose {words:?}: {said}");
    }
}

/// A file with this said of the one service.
pub(super) fn of_web(lines: &str) -> String {
    let lines: Vec<_> = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("services:\n  web:\n{}", lines.concat())
}
