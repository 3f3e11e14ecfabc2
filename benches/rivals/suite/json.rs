//! Every number of every round, as JSON.

use std::fmt::Write;

use super::machine::Machine;
use super::measure::{Outcome, Row};
use super::report::counts;

pub(crate) fn json(machine: &Machine, outcomes: &[Outcome]) -> String {
    let versions = machine.versions.iter().map(|(name, v)| format!("{}: {}", text(name), text(v)));
    let rows =
        outcomes.iter().flat_map(|outcome| outcome.rows.iter().map(move |r| row(outcome, r)));
    format!(
        "{{\n  \"cpu\": {},\n  \"cores\": {},\n  \"threads\": {},\n  \"system\": {},\n  \"allocator\": {},\n  \
         \"versions\": {{{}}},\n  \"rows\": [\n    {}\n  ]\n}}\n",
        text(&machine.cpu),
        machine.cores,
        machine.threads,
        text(&machine.system),
        text(machine.allocator),
        joined(versions, ", "),
        joined(rows, ",\n    "),
    )
}

fn row(outcome: &Outcome, row: &Row) -> String {
    let best = row.best(|peer| counts(outcome.kind, peer)).map(|(peer, ratio)| {
        format!(
            "\"best\": {}, \"ratio\": {{\"min\": {}, \"median\": {}, \"max\": {}}}, ",
            text(peer.name()),
            number(ratio.min),
            number(ratio.median),
            number(ratio.max)
        )
    });
    let values = row.values.iter().map(|(peer, values)| {
        format!(
            "{}: [{}]",
            text(peer.name()),
            joined(values.iter().map(|value| number(*value)), ", ")
        )
    });
    format!(
        "{{\"name\": {}, \"unit\": {}, {}\"rounds\": {{{}}}}}",
        text(&row.name),
        text(row.unit),
        best.unwrap_or_default(),
        joined(values, ", ")
    )
}

fn joined(parts: impl Iterator<Item = String>, by: &str) -> String {
    parts.collect::<Vec<_>>().join(by)
}

/// JSON has no word for what is not a number.
fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { "null".to_owned() }
}

fn text(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
