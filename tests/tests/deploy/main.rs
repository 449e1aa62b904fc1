//! What is in `deploy`, as far as it can be judged without running it.

mod chart;
mod dashboard;
mod unit;
