//! The rounds: each peer once in each, in a new order every time.

use std::env;
use std::process::{Command, Stdio};

use super::peers::{self, Peer};
use super::stats::{self, Ratio};
use super::watchdog::watch;
use super::workloads::{Kind, Sample, Workload};

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
    // A new process takes long and gives nearly the same each time.
    let (warm_ups, rounds) =
        if workload.own_process { (0, rounds.div_ceil(5)) } else { (WARM_UPS, rounds) };
    for _ in 0..warm_ups {
        for &(peer, run) in &workload.runs {
            watch(workload.name, peer, run);
        }
    }
    let peers = workload.runs.len();
    let mut values = vec![vec![Vec::with_capacity(rounds); peers]; workload.rows.len()];
    let mut order: Vec<usize> = (0..peers).collect();
    for _ in 0..rounds {
        fastrand::shuffle(&mut order);
        for &index in &order {
            let (peer, run) = workload.runs[index];
            let sample = watch(workload.name, peer, || {
                if workload.own_process { in_child(workload, peer) } else { run() }
            });
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

/// Has this program run one workload once in a new process.
fn in_child(workload: &Workload, peer: Peer) -> Sample {
    let program = env::current_exe().expect("the program is there");
    let threads = peers::threads().to_string();
    let words = ["--child", workload.name, peer.name(), "--threads", &threads];
    let output = Command::new(program).args(words).stderr(Stdio::inherit()).output();
    let output = output.expect("it starts again");
    assert!(output.status.success(), "{} fails in {}", workload.name, peer.name());
    let text = String::from_utf8(output.stdout).expect("numbers");
    text.split_whitespace().map(|word| word.parse().expect("a number")).collect()
}

/// What the child does.
pub(crate) fn be_child(workloads: &[Workload], workload: &str, peer: &str) -> Option<Sample> {
    let workload = workloads.iter().find(|w| w.name == workload)?;
    let (_, run) = workload.runs.iter().find(|(p, _)| p.name() == peer)?;
    Some(run())
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
