//! Takes the census: a task for each file, and never more than a hundred or so.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use oasync::{Coordinator, JoinHandle};

use crate::count::Tally;
use crate::file::{self, Counted};
use crate::merge::{self, Merged, Mergers};
use crate::progress;
use crate::report::Skipped;
use crate::walk::{Found, Walk};

/// More would cost each file more than they save.
const MAX_MERGERS: usize = 8;

/// How many files are being counted at a time. Bounds memory and open files,
/// whatever the size of the tree; some systems allow 256 open files.
const IN_FLIGHT: usize = 128;

/// What was found and counted.
#[derive(Default)]
pub struct Census {
    pub folders: u64,
    pub empty: u64,
    pub types: BTreeMap<String, Tally>,
    pub words: Merged,
    pub not_utf8: Vec<String>,
    pub skipped: Vec<Skipped>,
    /// Tasks spawned.
    pub tasks: u64,
    /// What the arenas of all tasks had, one after the other.
    pub arena_bytes: usize,
}

/// Counts everything below `root`.
pub async fn census(root: &Path, top: usize) -> io::Result<Census> {
    exists(root).await?;
    let mut census = Census::default();
    let bar = progress::bar();
    let workers = Coordinator::current().metrics().num_workers();
    let (mergers, merging) = Mergers::spawn(workers.min(MAX_MERGERS), top);
    let mut counting: FuturesUnordered<JoinHandle<Counted>> = FuturesUnordered::new();
    let mut walk = Walk::new(root);

    while let Some(batch) = walk.next().await {
        for found in batch {
            match found {
                Found::Folder => census.folders += 1,
                Found::Skipped(skipped) | Found::Unreadable(skipped) => {
                    census.skipped.push(skipped);
                }
                Found::File(path) => {
                    bar.inc_length(1);
                    if counting.len() == IN_FLIGHT {
                        if let Some(counted) = counting.next().await {
                            census.add(counted.expect("counting does not panic"));
                            bar.inc(1);
                        }
                    }
                    counting.push(oasync::spawn(file::count(path, mergers.clone())));
                }
            }
        }
    }
    while let Some(counted) = counting.next().await {
        census.add(counted.expect("counting does not panic"));
        bar.inc(1);
    }
    // The last way to the mergers: they end.
    drop(mergers);
    census.tasks += merging.len() as u64;
    census.words = merge::join(merging, top).await;
    census.arena_bytes += census.words.arena_bytes;
    census.not_utf8.sort_unstable();
    census.skipped.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(census)
}

async fn exists(root: &Path) -> io::Result<()> {
    let path = root.to_owned();
    let looked = oasync::spawn_blocking(move || fs::metadata(path));
    match looked.await.expect("looking does not panic") {
        Ok(_) => Ok(()),
        Err(e) => Err(io::Error::new(e.kind(), format!("cannot read {root:?}: {e}"))),
    }
}

impl Census {
    fn add(&mut self, counted: Counted) {
        self.tasks += 1;
        self.arena_bytes += counted.arena_bytes;
        let counts = match counted.counts {
            Ok(counts) => counts,
            Err(error) => return self.skipped.push(Skipped::new(&counted.path, error)),
        };
        self.empty += u64::from(counts.bytes == 0);
        if !counted.utf8 {
            self.not_utf8.push(counted.path.display().to_string());
        }
        let name = type_of(&counted.path);
        *self.types.entry(name).or_default() += Tally { files: 1, counts };
    }
}

/// The extension in lower case, with its dot; empty without.
fn type_of(path: &Path) -> String {
    match path.extension() {
        Some(extension) => format!(".{}", extension.to_string_lossy().to_lowercase()),
        None => String::new(),
    }
}
