//! From `OpenMetrics` text to the older text format of Prometheus, which names counters and infos
//! in another way and knows no units.

use std::fmt::Write as _;

/// The same page in the text format, version 0.0.4. Label values hold no line break, so what begins
/// with `#` describes a metric.
pub(super) fn from_open_metrics(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // `# HELP` comes first, but only `# TYPE` tells how the metric is called.
    let mut help = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", kind),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                _ => ("", kind),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "# HELP {name}{suffix} {help}");
            let _ = writeln!(out, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with('#') {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_samples() {
        let text = "# HELP a_seconds Of a.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
                    a_seconds_total{x=\"# TYPE\\n\"} 1\n# HELP b B.\n# TYPE b info\n\
                    b_info{v=\"1\"} 1\n# HELP c C d.\n# TYPE c gauge\nc 1\n# EOF\n";
        assert_eq!(
            from_open_metrics(text),
            "# HELP a_seconds_total Of a.\n# TYPE a_seconds_total counter\n\
             a_seconds_total{x=\"# TYPE\\n\"} 1\n# HELP b_info B.\n# TYPE b_info gauge\n\
             b_info{v=\"1\"} 1\n# HELP c C d.\n# TYPE c gauge\nc 1\n"
        );
    }
}
