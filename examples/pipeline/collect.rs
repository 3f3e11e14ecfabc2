//! The last stage: collects what became of the files.

use std::path::PathBuf;

use indicatif::ProgressBar;
use oasync::sync::channel::Receiver;

use crate::report::Skipped;

/// What became of one entry of the tree.
pub enum Outcome {
    Folder,
    /// Nothing to hash.
    Skipped(Skipped),
    Unreadable(Skipped),
    Hashed(Hashed),
    /// Found, and not hashed to the end before the stop.
    Left(PathBuf),
    /// The walk was stopped: there may be more files.
    CutShort,
}

pub struct Hashed {
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
}

/// All of it, each list in the order of the paths.
#[derive(Default)]
pub struct Collected {
    pub folders: u64,
    pub hashed: Vec<Hashed>,
    pub skipped: Vec<Skipped>,
    pub unreadable: Vec<Skipped>,
    pub left: Vec<PathBuf>,
    pub cut_short: bool,
}

/// Why sending an outcome works.
pub const LISTENS: &str = "who collects outlives all stages";

/// Collects until all stages have ended.
pub async fn outcomes(outcomes: Receiver<Outcome>, bar: &ProgressBar) -> Collected {
    let mut all = Collected::default();
    while let Ok(outcome) = outcomes.recv().await {
        match outcome {
            Outcome::Folder => all.folders += 1,
            Outcome::Skipped(skipped) => all.skipped.push(skipped),
            Outcome::Unreadable(skipped) => all.unreadable.push(skipped),
            Outcome::Left(path) => all.left.push(path),
            Outcome::CutShort => all.cut_short = true,
            Outcome::Hashed(hashed) => {
                all.hashed.push(hashed);
                bar.inc(1);
            }
        }
    }
    all.hashed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    all.skipped.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    all.unreadable.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    all.left.sort_unstable();
    all
}
