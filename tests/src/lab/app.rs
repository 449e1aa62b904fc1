//! The worker that the systems of engines and inits run: `tests/programs/app.py`.

use super::{
    bench::{Bench, Container},
    case::Got,
};
use crate::image;

/// Makes the program ready for the containers of a bench.
pub(super) fn prepare(bench: &Bench) {
    bench.write("app/app.py", include_str!("../../programs/app.py"));
}

/// Starts a container that has the program as `/app/app.py`, and waits until it is up.
pub(super) fn start<'a>(
    bench: &'a Bench,
    grace_seconds: u32,
    options: &[&str],
    words: &[&str],
) -> Container<'a> {
    start_image(bench, image::HOST, grace_seconds, options, words)
}

/// The same, of an image, which may have a command of its own.
pub(super) fn start_image<'a>(
    bench: &'a Bench,
    image: &str,
    grace_seconds: u32,
    options: &[&str],
    words: &[&str],
) -> Container<'a> {
    let app = format!("--volume={}", mount(bench));
    let options = [&[app.as_str()], options].concat();
    let container = bench.start_image(image, grace_seconds, &options, words);
    // Not what else has these letters in its name.
    container.until_it_says("up\n");
    container
}

/// What its containers have of it, as `FROM:TO:ro`.
pub(super) fn mount(bench: &Bench) -> String {
    format!("{}:/app:ro", bench.docker.folder().file("app").display())
}

/// Adds what became of its work.
pub(super) fn with_work(container: &Container<'_>, mut got: Got) -> Got {
    let log = container.log();
    let fact = match (log.contains("finished"), log.contains("stopping")) {
        (true, _) => "work finished",
        (false, true) => "work cut off",
        (false, false) => "the worker never knew",
    };
    got.facts.push(fact.to_owned());
    got
}

/// `docker stop`, and what became of the work.
pub(super) fn stop(container: &Container<'_>) -> Got {
    with_work(container, container.stop())
}
