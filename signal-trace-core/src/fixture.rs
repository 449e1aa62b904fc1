//! Timelines as text, for tests.
