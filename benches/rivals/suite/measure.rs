//! The rounds: each peer once in each, in a new order every time.

use super::peers::Peer;
use super::stats::{self, Ratio};
use super::workloads::{Kind, Rounds, Workload};

/// Runs before the first round, of each peer.
const WARM_UPS: usize = 2;

/// What one row of one workload gave.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// For each peer its value in each round.
    pub(crate) values: Vec<(Peer, Vec<f64>)>,
}

pub(crate) struct Outcome {
    pub(crate) kind: Kind,
    pub(crate) rows: Vec<Row>,
}

pub(crate) fn measure(workload: &Workload, rounds: usize) -> Outcome {
    eprint!("{:<20}", workload.name);
    let (warm_ups, rounds) = match workload.rounds {
        Rounds::Many => (WARM_UPS, rounds),
        Rounds::Once => (0, 1),
    };
    for _ in 0..warm_ups {
        for (_, run) in &workload.runs {
            run();
        }
    }
    let peers = workload.runs.len();
    let mut values = vec![vec![Vec::with_capacity(rounds); peers]; workload.rows.len()];
    let mut order: Vec<usize> = (0..peers).collect();
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        for &index in &order {
            let sample = (workload.runs[index].1)();
            assert_eq!(sample.len(), workload.rows.len());
            for (row, value) in values.iter_mut().zip(sample) {
                row[index].push(value);
            }
        }
        eprint!(".");
    }
    eprintln!();
    let names = workload.runs.iter().map(|(peer, _)| *peer);
    let rows = workload.rows.iter().zip(values).map(|(row, values)| Row {
        name: format!("{}{}", workload.name, row.suffix),
        unit: row.unit,
        values: names.clone().zip(values).collect(),
    });
    Outcome { kind: workload.kind, rows: rows.collect() }
}

impl Row {
    pub(crate) fn rounds(&self, peer: Peer) -> Option<&[f64]> {
        self.values.iter().find(|(p, _)| *p == peer).map(|(_, values)| values.as_slice())
    }

    pub(crate) fn median(&self, peer: Peer) -> Option<f64> {
        self.rounds(peer).map(stats::median)
    }

    /// The best of the peers that `counts` lets through, by its median, and the
    /// ratio to it. It is chosen once for all rounds: the least of many noisy
    /// values would favour whoever has the most entries.
    pub(crate) fn best(&self, counts: impl Fn(Peer) -> bool) -> Option<(Peer, Ratio)> {
        let rivals = self.values.iter().filter(|(peer, _)| counts(*peer));
        let by_median = |values: &[f64]| stats::median(values);
        let (peer, theirs) =
            rivals.min_by(|(_, a), (_, b)| by_median(a).total_cmp(&by_median(b)))?;
        Some((*peer, Ratio::paired(theirs, self.rounds(Peer::Oasync)?)))
    }
}
