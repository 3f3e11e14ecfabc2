//! The task of one file.

use std::io;
use std::path::PathBuf;

use crate::count::{Counter, Counts};
use crate::merge::Mergers;
use crate::read::Blocks;
use crate::utf8::Decoder;
use crate::words::Words;

/// How much is counted between two yields: a fraction of a millisecond, so that
/// a large file does not keep the small ones waiting.
const PIECE: usize = 32 * 1024;

/// What one file has.
pub struct Counted {
    pub path: PathBuf,
    /// Or why it could not be read.
    pub counts: io::Result<Counts>,
    pub utf8: bool,
    pub arena_bytes: usize,
}

/// Counts the file at `path` and gives its words to the mergers.
pub async fn count(path: PathBuf, mergers: Mergers) -> Counted {
    // The words live here, until the task ends. No other task shares the arena,
    // and it comes along when this task moves to another thread.
    let arena = oasync::arena();
    let mut words = Words::new_in(&arena);
    let mut counter = Counter::default();
    let mut decoder = Decoder::default();
    let mut utf8 = Ok(());

    let mut blocks = Blocks::of(path.clone());
    let counts = loop {
        let block = match blocks.next().await {
            Ok(Some(block)) => block,
            Ok(None) => break Ok(counter.counts()),
            Err(error) => break Err(error),
        };
        for (i, piece) in block.chunks(PIECE).enumerate() {
            if i > 0 {
                oasync::yield_now().await;
            }
            counter.feed(piece);
            utf8 = utf8.and_then(|()| decoder.feed(piece, |text| words.feed(text)));
        }
    };
    let utf8 = utf8.and_then(|()| decoder.end()).is_ok();
    // What was read of a file up to an error counts for nothing, nor do the
    // words in what is not text.
    if counts.is_ok() && utf8 {
        mergers.add(words.end()).await;
    }
    Counted { path, counts, utf8, arena_bytes: arena.allocated_bytes() }
}
