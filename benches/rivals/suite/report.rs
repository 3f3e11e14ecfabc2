//! The table and the summary, as Markdown.

use std::fmt::Write;

use super::machine::Machine;
use super::measure::{Outcome, Row};
use super::peers::Peer;
use super::stats::{self, Ratio};
use super::workloads::Kind;

const ITSELF: &str = "
oasync against itself: a second coordinator, which shows the noise, one with 8 blocking threads
that idle, and one with 64 workers. Ratio: the first one's time by the other's in the same
round, min / median / max; below 1 the other is slower. The aims: 0.97 for the idle threads,
0.8 for the workers.

";

const NOTES: &str = "
Each value is the median over the rounds. Best: the peer with the least median. Ratio: its time
by ours in the same round, min / median / max; above 1 we are faster. The root of a workload is
a task, or the main future of `block_on` where it says (main). async-ex and static are the two
executors of async-executor; its threads run it and the caller waits, or the caller is one of
the threads where it says (caller). Rayon has no tasks that wait: it counts as a peer only where
work is compute-bound. Ideal: the time of one thread without tasks, by the number of threads.

";

pub(crate) fn report(machine: &Machine, rounds: usize, outcomes: &[Outcome]) -> String {
    let (itself, rivals): (Vec<&Outcome>, Vec<&Outcome>) =
        outcomes.iter().partition(|outcome| outcome.kind == Kind::Itself);
    let mut text = heading(machine, rounds);
    if !rivals.is_empty() {
        text += &table(&rivals);
        text += NOTES;
        text += &summary(&rivals);
    }
    if !itself.is_empty() {
        text += ITSELF;
        text += &table_of_itself(&itself);
    }
    text
}

fn heading(machine: &Machine, rounds: usize) -> String {
    let versions: Vec<String> =
        machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let go = if machine.go { "on this machine, but not measured" } else { "not on this machine" };
    format!(
        "\n{}, {} threads at once; {}; allocator: {}.\n{}.\n{} threads each, {} rounds. Go: {}.\n\n",
        machine.cpu,
        machine.cores,
        machine.system,
        machine.allocator,
        versions.join(", "),
        machine.threads,
        rounds,
        go,
    )
}

/// Whether a peer is one to beat in a row of this kind.
pub(crate) fn counts(kind: Kind, peer: Peer) -> bool {
    peer.is_rival() && (peer != Peer::Rayon || kind == Kind::Compute)
}

fn table(outcomes: &[&Outcome]) -> String {
    let rows: Vec<(Kind, &Row)> =
        outcomes.iter().flat_map(|o| o.rows.iter().map(|row| (o.kind, row))).collect();
    let is_used = |peer: &Peer| rows.iter().any(|(_, row)| row.rounds(*peer).is_some());
    let peers: Vec<Peer> = Peer::ALL.into_iter().filter(is_used).collect();

    let mut head = vec!["workload".to_owned(), "unit".to_owned()];
    head.extend(peers.iter().map(|peer| peer.name().to_owned()));
    head.extend(["best".to_owned(), "ratio".to_owned()]);
    let mut lines = vec![head];
    for (kind, row) in &rows {
        let mut line = vec![row.name.clone(), row.unit.to_owned()];
        line.extend(peers.iter().map(|peer| row.median(*peer).map_or("-".to_owned(), number)));
        match row.best(|peer| counts(*kind, peer)) {
            Some((peer, ratio)) => line.extend([peer.name().to_owned(), min_median_max(ratio)]),
            None => line.extend(["-".to_owned(), "-".to_owned()]),
        }
        lines.push(line);
    }
    aligned(&lines)
}

fn table_of_itself(outcomes: &[&Outcome]) -> String {
    let with = [Peer::OasyncAgain, Peer::OasyncIdleThreads, Peer::OasyncManyWorkers];
    let mut head = vec!["workload".to_owned(), "unit".to_owned(), "oasync".to_owned()];
    head.extend(with.iter().flat_map(|peer| [peer.name().to_owned(), "ratio".to_owned()]));
    let mut lines = vec![head];
    for row in outcomes.iter().flat_map(|outcome| &outcome.rows) {
        let value = |peer| row.median(peer).map_or("-".to_owned(), number);
        let ratio = |peer| {
            let ratio = Ratio::paired(row.rounds(Peer::Oasync)?, row.rounds(peer)?);
            Some(min_median_max(ratio))
        };
        let mut line = vec![row.name.clone(), row.unit.to_owned(), value(Peer::Oasync)];
        let pair = |peer| [value(peer), ratio(peer).unwrap_or("-".to_owned())];
        line.extend(with.into_iter().flat_map(pair));
        lines.push(line);
    }
    aligned(&lines)
}

fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|c| lines.iter().map(|line| line[c].len()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (c, cell) in line.iter().enumerate() {
            let width = widths[c];
            let _ = if c == 0 {
                write!(text, "| {cell:<width$} ")
            } else {
                write!(text, "| {cell:>width$} ")
            };
        }
        text += "|\n";
        if index == 0 {
            for (c, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width + 1);
                text += &if c == 0 { format!("|{dashes}-") } else { format!("|{dashes}:") };
            }
            text += "|\n";
        }
    }
    text
}

/// Three digits.
fn number(value: f64) -> String {
    match value.abs() {
        x if x.is_nan() => "-".to_owned(),
        x if x >= 100.0 => format!("{value:.0}"),
        x if x >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn min_median_max(ratio: Ratio) -> String {
    format!("{:.2} / {:.2} / {:.2}", ratio.min, ratio.median, ratio.max)
}

fn summary(outcomes: &[&Outcome]) -> String {
    let scheduling: Vec<&Row> = rows_of(outcomes, Kind::Scheduling);
    let mut text = String::new();
    text += &mean("best peer", &scheduling, |peer| counts(Kind::Scheduling, peer));
    text += &mean("better way to use tokio", &scheduling, Peer::is_tokio);
    for row in rows_of(outcomes, Kind::OneAtATime) {
        if let Some((_, ratio)) = row.best(Peer::is_tokio) {
            let _ = writeln!(text, "- {} against tokio: {}", row.name, min_median_max(ratio));
        }
    }
    for row in rows_of(outcomes, Kind::Compute) {
        if let Some((_, ratio)) = row.best(|peer| peer == Peer::Ideal) {
            let percent = 100.0 * ratio.median;
            let _ = writeln!(text, "- {}: {percent:.1} % of the ideal speed-up", row.name);
        }
    }
    text
}

fn rows_of<'a>(outcomes: &[&'a Outcome], kind: Kind) -> Vec<&'a Row> {
    outcomes.iter().filter(|outcome| outcome.kind == kind).flat_map(|o| &o.rows).collect()
}

fn mean(whom: &str, rows: &[&Row], counts: impl Fn(Peer) -> bool) -> String {
    let ratios: Vec<f64> =
        rows.iter().filter_map(|row| Some(row.best(&counts)?.1.median)).collect();
    if ratios.is_empty() {
        return String::new();
    }
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    format!(
        "- against the {whom} in each scheduling-bound row but one-at-a-time: geometric mean {:.2} over \
         {} rows, least {least:.2}\n",
        stats::geometric_mean(&ratios),
        ratios.len(),
    )
}
