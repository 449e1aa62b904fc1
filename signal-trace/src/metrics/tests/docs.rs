//! `docs/metrics.md` names exactly the metrics that there are, with what the page says of them.

use std::{fmt::Write as _, fs, path::Path};

use super::super::families;

const BEGIN: &str = "<!-- begin: of the program -->\n";
const END: &str = "<!-- end: of the program -->\n";

/// The table between the marks.
fn table() -> String {
    let mut table =
        "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n".to_owned();
    for family in families::all() {
        let (chosen, own) = family.labels;
        let chosen = chosen.then(|| "*yours*".to_owned());
        let own = own.iter().map(|label| format!("`{label}`"));
        let labels: Vec<_> = chosen.into_iter().chain(own).collect();
        let (name, kind, unit, help) =
            (family.name, family.kind.name(), family.unit.name(), family.help);
        writeln!(table, "| `{name}` | {kind} | {unit} | {} | {help} |", labels.join(", ")).unwrap();
    }
    table
}

#[test]
fn docs_metrics_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the mark of the table's beginning");
    let (there, after) = rest.split_once(END).expect("the mark of the table's end");
    if std::env::var_os("BLESS").is_some_and(|bless| bless == "1") {
        let blessed = [before, BEGIN, &table(), END, after].concat();
        fs::write(&path, blessed).unwrap();
        return;
    }
    assert_eq!(there, table(), "write it again: BLESS=1 cargo test -p signal-trace docs_metrics");
}

#[test]
fn names_follow_the_conventions() {
    for family in families::all() {
        let name = family.name;
        assert!(name.starts_with("signal_trace_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == families::Kind::Counter, "{name}");
        assert_eq!(name.ends_with("_info"), family.kind == families::Kind::Info, "{name}");
        assert!(family.stem().ends_with(family.unit.name()) || family.stem() != name, "{name}");
        assert!(family.help.ends_with('.') && !family.help.contains(['\n', '\\', '|']), "{name}");
        assert_eq!(families::all().filter(|other| other.name == name).count(), 1, "{name}");
    }
}
