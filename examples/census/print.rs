//! What the census says, as tables.

use std::fmt::Write;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, TableComponent, presets};
use indicatif::{DecimalBytes, HumanCount};

use crate::count::Tally;
use crate::report::{Report, Runtime, Type};

/// How many types, and files of one kind, are shown.
const SHOWN: usize = 12;

pub fn tables(report: &Report) -> String {
    let mut out = format!("{}\n", types(report));
    if !report.top_words.is_empty() {
        let distinct = HumanCount(report.totals.distinct_words as u64);
        let _ = write!(out, "\nThe most frequent of {distinct} words:\n{}\n", words(report));
    }
    let not_utf8 = report.not_utf8.iter().map(|path| printable(path));
    list(&mut out, "Not UTF-8, so their words are not among these", not_utf8);
    let skipped = report.skipped.iter().map(|s| format!("{}: {}", printable(&s.path), s.reason));
    list(&mut out, "Not counted", skipped);
    let _ = write!(out, "\n{}\n{}\n", summary(report), workers(&report.runtime));
    out
}

fn types(report: &Report) -> Table {
    let mut table = table(&["type", "files", "lines", "words", "bytes"]);
    let (shown, others) = report.types.split_at(report.types.len().min(SHOWN));
    for Type { name, tally } in shown {
        let name = if name.is_empty() { "none" } else { name };
        table.add_row(row(printable(name), *tally));
    }
    if !others.is_empty() {
        let mut tally = Tally::default();
        others.iter().for_each(|of_type| tally += of_type.tally);
        table.add_row(row(format!("{} others", others.len()), tally));
    }
    table.add_row(row("total".to_owned(), report.totals.tally));
    table
}

fn row(name: String, tally: Tally) -> [String; 5] {
    let count = |n| HumanCount(n).to_string();
    let counts = tally.counts;
    [name, count(tally.files), count(counts.lines), count(counts.words), count(counts.bytes)]
}

fn words(report: &Report) -> Table {
    let mut table = table(&["word", "count"]);
    for word in &report.top_words {
        table.add_row([word.word.clone(), HumanCount(word.count).to_string()]);
    }
    table
}

fn summary(report: &Report) -> String {
    let (totals, runtime) = (&report.totals, &report.runtime);
    format!(
        "{} files ({} of them empty) in {} folders, {} in {}: {:.1} MB/s\n\
         {} tasks, {} polls ({} of them lent), {} steals, {} blocking threads\n\
         {} in arenas in all, {} kept for the next tasks\n",
        HumanCount(totals.tally.files),
        HumanCount(totals.empty_files),
        HumanCount(totals.folders),
        DecimalBytes(totals.tally.counts.bytes),
        time(runtime.seconds),
        runtime.mb_per_second,
        HumanCount(runtime.tasks),
        HumanCount(runtime.polls),
        HumanCount(runtime.lent_polls),
        HumanCount(runtime.steals),
        runtime.blocking_threads,
        DecimalBytes(runtime.arena_bytes_used as u64),
        DecimalBytes(runtime.arena_bytes_kept as u64),
    )
}

fn time(seconds: f64) -> String {
    format!("{:.2?}", Duration::from_secs_f64(seconds))
}

fn workers(runtime: &Runtime) -> Table {
    let mut table = table(&["worker", "polls", "share", "steals", "parks", "busy"]);
    for (index, worker) in runtime.workers.iter().enumerate() {
        table.add_row([
            index.to_string(),
            HumanCount(worker.polls).to_string(),
            format!("{:.1} %", worker.share),
            HumanCount(worker.steals).to_string(),
            HumanCount(worker.parks).to_string(),
            time(worker.busy_seconds),
        ]);
    }
    table
}

/// A table whose first column is a name and whose others are numbers.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    for line in [TableComponent::HeaderLines, TableComponent::MiddleHeaderIntersections] {
        table.set_style(line, '─');
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn list(out: &mut String, title: &str, lines: impl ExactSizeIterator<Item = String>) {
    let count = lines.len();
    if count == 0 {
        return;
    }
    let _ = writeln!(out, "\n{title} ({}):", HumanCount(count as u64));
    for line in lines.take(SHOWN) {
        let _ = writeln!(out, "  {line}");
    }
    if count > SHOWN {
        let _ = writeln!(out, "  and {} more, which --json lists", count - SHOWN);
    }
}

/// A name without what would move the cursor or start a new line.
fn printable(name: &str) -> String {
    name.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            escaped.into_iter().flatten().chain((!c.is_control()).then_some(c))
        })
        .collect()
}
