//! Finds the files, in the blocking pool.

use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use oasync::JoinHandle;
use walkdir::{DirEntry, WalkDir};

use crate::report::Skipped;

/// How many entries one visit to the blocking pool finds. Files are read between
/// two visits, so one blocking thread is enough for both.
const BATCH: usize = 256;

pub enum Found {
    File(PathBuf),
    Folder,
    /// Nothing to read: a link, a pipe.
    Skipped(Skipped),
    Unreadable(Skipped),
}

/// A walk through the tree, one batch ahead of the one who asks.
pub struct Walk {
    ahead: Option<JoinHandle<(Vec<Found>, walkdir::IntoIter)>>,
}

impl Walk {
    pub fn new(root: &Path) -> Self {
        Walk { ahead: Some(visit(WalkDir::new(root).into_iter())) }
    }

    /// What was found next; `None` at the end.
    pub async fn next(&mut self) -> Option<Vec<Found>> {
        let (found, entries) = self.ahead.take()?.await.expect("walking does not panic");
        if found.len() == BATCH {
            self.ahead = Some(visit(entries));
        }
        Some(found)
    }
}

fn visit(mut entries: walkdir::IntoIter) -> JoinHandle<(Vec<Found>, walkdir::IntoIter)> {
    oasync::spawn_blocking(move || {
        let found = entries.by_ref().take(BATCH).map(classify).collect();
        (found, entries)
    })
}

fn classify(entry: walkdir::Result<DirEntry>) -> Found {
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => {
            let path = error.path().unwrap_or(Path::new(""));
            let reason = error.io_error().map_or_else(|| error.to_string(), io::Error::to_string);
            return Found::Unreadable(Skipped::new(path, reason));
        }
    };
    match file_type(&entry) {
        Ok(kind) if kind.is_file() => Found::File(entry.into_path()),
        Ok(kind) if kind.is_dir() => Found::Folder,
        // Never opened: a pipe lets its reader wait, a device may never end, and
        // a link may lead in circles.
        Ok(kind) if kind.is_symlink() => Found::Skipped(Skipped::new(entry.path(), "a link")),
        Ok(_) => Found::Skipped(Skipped::new(entry.path(), "not a regular file")),
        Err(error) => Found::Unreadable(Skipped::new(entry.path(), error)),
    }
}

/// Follows a link only if it is the root, which the user asked for.
fn file_type(entry: &DirEntry) -> io::Result<FileType> {
    match entry.depth() {
        0 => Ok(fs::metadata(entry.path())?.file_type()),
        _ => Ok(entry.file_type()),
    }
}
