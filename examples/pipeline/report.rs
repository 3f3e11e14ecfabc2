//! What the pipeline says, as `--json` gives it.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::collect::{Collected, Hashed};

#[derive(Serialize)]
pub struct Report {
    pub path: String,
    pub totals: Totals,
    pub hashes: Vec<Hash>,
    /// Found, and not hashed to the end before the stop.
    pub left: Vec<String>,
    /// Whether the walk was stopped too, so that there may be more files.
    pub cut_short: bool,
    pub unreadable: Vec<Skipped>,
    /// Links, pipes and the like: nothing to hash.
    pub skipped: Vec<Skipped>,
}

#[derive(Serialize)]
pub struct Totals {
    pub files: usize,
    pub bytes: u64,
    pub folders: u64,
    pub left: usize,
    pub unreadable: usize,
    pub seconds: f64,
    /// Millions of bytes.
    pub mb_per_second: f64,
}

#[derive(Serialize)]
pub struct Hash {
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Serialize)]
pub struct Skipped {
    pub path: String,
    pub reason: String,
}

impl Report {
    pub fn new(path: &Path, all: Collected, time: Duration) -> Self {
        let bytes = all.hashed.iter().map(|hashed| hashed.bytes).sum();
        let totals = Totals {
            files: all.hashed.len(),
            bytes,
            folders: all.folders,
            left: all.left.len(),
            unreadable: all.unreadable.len(),
            seconds: time.as_secs_f64(),
            mb_per_second: bytes as f64 / 1e6 / time.as_secs_f64(),
        };
        let hash = |Hashed { path, bytes, sha256 }| Hash { path, bytes, sha256 };
        Report {
            path: path.display().to_string(),
            totals,
            hashes: all.hashed.into_iter().map(hash).collect(),
            left: all.left.iter().map(|path| path.display().to_string()).collect(),
            cut_short: all.cut_short,
            unreadable: all.unreadable,
            skipped: all.skipped,
        }
    }

    /// Whether everything that there is was hashed.
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && self.unreadable.is_empty() && !self.cut_short
    }

    pub fn to_json(&self) -> io::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Skipped {
    pub fn new(path: &Path, reason: impl Display) -> Self {
        Skipped { path: path.display().to_string(), reason: reason.to_string() }
    }
}

/// Names that are not UTF-8 cannot be had in JSON.
fn lossy<S: serde::Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&path.display())
}
