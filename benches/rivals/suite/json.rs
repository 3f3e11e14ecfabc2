//! Every number of every round, as JSON.

use serde_json::{Map, Value, json};

use super::machine::Machine;
use super::measure::{Outcome, Row};
use super::report::counts;

/// What is not a number becomes `null`.
pub(crate) fn json(machine: &Machine, outcomes: &[Outcome]) -> String {
    let versions: Map<String, Value> =
        machine.versions.iter().map(|(name, version)| (name.to_string(), json!(version))).collect();
    let rows: Vec<Value> =
        outcomes.iter().flat_map(|outcome| outcome.rows.iter().map(|r| row(outcome, r))).collect();
    let all = json!({
        "cpu": machine.cpu,
        "cores": machine.cores,
        "threads": machine.threads,
        "system": machine.system,
        "allocator": machine.allocator,
        "versions": versions,
        "rows": rows,
    });
    format!("{all:#}\n")
}

fn row(outcome: &Outcome, row: &Row) -> Value {
    let rounds: Map<String, Value> =
        row.values.iter().map(|(peer, values)| (peer.name().to_owned(), json!(values))).collect();
    let best = row.best(|peer| counts(outcome.kind, peer));
    json!({
        "name": row.name,
        "unit": row.unit,
        "best": best.map(|(peer, _)| peer.name()),
        "ratio": best.map(|(_, ratio)| json!({
            "min": ratio.min,
            "median": ratio.median,
            "max": ratio.max,
        })),
        "rounds": rounds,
    })
}
