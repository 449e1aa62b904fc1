//! The table of what was right: a row for each case, a column for each boot.

use std::fmt::Write as _;

use super::console::Run;

/// In cells of cases that a boot did not tell of.
const ABSENT: &str = "-";

/// With one block of rows for each layout of cgroups.
pub fn render(runs: &[Run]) -> String {
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for case in runs.iter().flat_map(|run| &run.cases) {
        let row = (case.cgroups.as_str(), case.name.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let mut table = vec![heading("cgroups", "case", runs, Run::kernel)];
    // The same kernel preempts in two ways.
    table.push(heading("", "", runs, Run::preemption));
    table.extend(rows.iter().map(|row| cells(*row, runs)));
    align(&table)
}

fn heading(first: &str, second: &str, runs: &[Run], of: fn(&Run) -> &str) -> Vec<String> {
    [first, second].into_iter().chain(runs.iter().map(of)).map(str::to_owned).collect()
}

fn cells((cgroups, case): (&str, &str), runs: &[Run]) -> Vec<String> {
    let cell = |run: &Run| {
        let found = run.cases.iter().find(|one| one.cgroups == cgroups && one.name == case);
        found.map_or(ABSENT, |one| if one.faults.is_empty() { "ok" } else { "WRONG" }).to_owned()
    };
    [cgroups.to_owned(), case.to_owned()].into_iter().chain(runs.iter().map(cell)).collect()
}

fn align(table: &[Vec<String>]) -> String {
    let columns = table.iter().map(Vec::len).max().unwrap_or_default();
    let width = |n: usize| table.iter().filter_map(|row| row.get(n)).map(String::len).max();
    let widths: Vec<_> = (0..columns).map(|n| width(n).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in table {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _written = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::console::{parse, tests::console};

    #[test]
    fn boots_stand_side_by_side() {
        let one =
            "@@ {\"type\":\"case\",\"cgroups\":\"v2\",\"case\":\"default: TERM\",\"faults\":[]}\n";
        let two = "@@ {\"type\":\"case\",\"cgroups\":\"v1\",\"case\":\"b\",\"faults\":[\"x\"]}\n";
        let old = parse(&console("#1 SMP Debian 5.10.223-1 (x)", "", one));
        let new = console("#1 SMP Debian 6.1.176-1 (x)", "none (full)", &[one, two].concat());
        let table = "\
cgroups  case           5.10.223  6.1.176
                                  full
v2       default: TERM  ok        ok
v1       b              -         WRONG
";
        assert_eq!(render(&[old, parse(&new)]), table);
        assert_eq!(render(&[]), "cgroups  case\n\n");
    }
}
