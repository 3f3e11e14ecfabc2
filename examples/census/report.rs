//! What the census says, as `--json` gives it.

use std::cmp::Reverse;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::Duration;

use oasync::{Metrics, WorkerMetrics};
use serde::Serialize;

use crate::count::Tally;
use crate::take::Census;

#[derive(Serialize)]
pub struct Report {
    pub path: String,
    pub totals: Totals,
    /// By bytes, the largest first.
    pub types: Vec<Type>,
    pub top_words: Vec<Word>,
    /// Counted, but for their words by frequency.
    pub not_utf8: Vec<String>,
    /// Not counted at all.
    pub skipped: Vec<Skipped>,
    pub runtime: Runtime,
}

#[derive(Serialize)]
pub struct Totals {
    #[serde(flatten)]
    pub tally: Tally,
    pub folders: u64,
    pub empty_files: u64,
    pub distinct_words: usize,
}

#[derive(Serialize)]
pub struct Type {
    /// The extension in lower case, with its dot; empty without.
    pub name: String,
    #[serde(flatten)]
    pub tally: Tally,
}

#[derive(Serialize)]
pub struct Word {
    pub word: String,
    pub count: u64,
}

#[derive(Serialize)]
pub struct Skipped {
    pub path: String,
    pub reason: String,
}

/// How the runtime did it.
#[derive(Serialize)]
pub struct Runtime {
    pub seconds: f64,
    /// Millions of bytes.
    pub mb_per_second: f64,
    pub tasks: u64,
    pub polls: u64,
    pub steals: u64,
    /// Polls by threads of the blocking pool that had nothing to read.
    pub lent_polls: u64,
    pub blocking_threads: usize,
    /// What the arenas of all tasks had, one after the other.
    pub arena_bytes_used: usize,
    /// What the arenas hold at the end, for the next tasks.
    pub arena_bytes_kept: usize,
    pub workers: Vec<Worker>,
}

#[derive(Serialize)]
pub struct Worker {
    pub polls: u64,
    /// Of all polls, in percent.
    pub share: f64,
    pub steals: u64,
    pub parks: u64,
    pub busy_seconds: f64,
}

impl Report {
    pub fn new(path: &Path, census: Census, time: Duration, metrics: &Metrics) -> Self {
        let mut tally = Tally::default();
        census.types.values().for_each(|&of_type| tally += of_type);
        let runtime = Runtime::new(&census, tally.counts.bytes, time, metrics);
        let types = census.types.into_iter().map(|(name, tally)| Type { name, tally });
        let mut types: Vec<Type> = types.collect();
        types.sort_by_key(|of_type| Reverse(of_type.tally.counts.bytes));
        let words = census.words.top.into_iter();
        let top_words = words.map(|(word, count)| Word { word, count }).collect();
        Report {
            path: path.display().to_string(),
            totals: Totals {
                tally,
                folders: census.folders,
                empty_files: census.empty,
                distinct_words: census.words.distinct,
            },
            types,
            top_words,
            not_utf8: census.not_utf8,
            skipped: census.skipped,
            runtime,
        }
    }

    pub fn to_json(&self) -> io::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Runtime {
    fn new(census: &Census, bytes: u64, time: Duration, metrics: &Metrics) -> Self {
        let seconds = time.as_secs_f64();
        let lent = metrics.lend_count();
        let polls = metrics.workers().iter().map(|w| w.poll_count).sum::<u64>() + lent;
        Runtime {
            seconds,
            mb_per_second: bytes as f64 / 1e6 / seconds,
            tasks: census.tasks,
            polls,
            steals: metrics.workers().iter().map(|w| w.steal_count).sum(),
            lent_polls: lent,
            blocking_threads: metrics.num_blocking_threads(),
            arena_bytes_used: census.arena_bytes,
            arena_bytes_kept: metrics.arena_bytes(),
            workers: metrics.workers().iter().map(|worker| Worker::new(worker, polls)).collect(),
        }
    }
}

impl Worker {
    fn new(worker: &WorkerMetrics, all_polls: u64) -> Self {
        Worker {
            polls: worker.poll_count,
            share: 100.0 * worker.poll_count as f64 / all_polls as f64,
            steals: worker.steal_count,
            parks: worker.park_count,
            busy_seconds: worker.busy.as_secs_f64(),
        }
    }
}

impl Skipped {
    pub fn new(path: &Path, reason: impl Display) -> Self {
        Skipped { path: path.display().to_string(), reason: reason.to_string() }
    }
}
