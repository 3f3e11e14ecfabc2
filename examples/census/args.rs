//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;

/// Takes a census of a folder tree: lines, words and bytes by type of file, and
/// the most frequent words.
///
/// Lines, words and bytes are those of `wc` in the C locale: a word is what stands
/// between blanks. The most frequent words are runs of letters, in lower case,
/// of the files that are UTF-8. Links below PATH are not followed; what is not
/// counted is listed.
#[derive(Debug, Parser)]
#[command(name = "census")]
pub struct Args {
    /// The folder to count, or one file
    #[arg(default_value = ".")]
    pub path: PathBuf,

    /// How many threads run tasks [default: one for each core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// How many threads may read files
    #[arg(long, value_name = "N", default_value = "16")]
    blocking: NonZeroUsize,

    /// How many of the most frequent words are shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,

    /// Print one JSON object instead of tables
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// As the builder takes it: 0 is its default.
    pub fn workers(&self) -> usize {
        self.workers.map_or(0, NonZeroUsize::get)
    }

    pub fn blocking(&self) -> usize {
        self.blocking.get()
    }
}
