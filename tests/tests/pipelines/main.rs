//! What others make of the lines: pipelines of `deploy/pipelines`, and the SQL of `docs/pipelines.md`.

mod live;
mod rsyslog;
mod sample;
mod snippets;
mod sql;
