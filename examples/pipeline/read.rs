//! The second stage: reads files block by block, in the blocking pool.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use oasync::sync::CancelToken;
use oasync::sync::channel::{self, Receiver, Sender};

use crate::collect::{LISTENS, Outcome};

/// How much is read at a time.
const BLOCK: usize = 256 * 1024;

/// How many blocks of a file wait to be hashed.
const WAITING: usize = 2;

/// A file on its way to be hashed.
pub struct Content {
    pub path: PathBuf,
    /// Ends without [`Piece::End`] if the reader was stopped.
    pub pieces: Receiver<Piece>,
}

pub enum Piece {
    Block(Vec<u8>),
    Failed(io::Error),
    End,
}

/// Reads one file after the other; of how many files at a time, as many of these
/// run.
pub async fn files(
    paths: Receiver<PathBuf>,
    contents: Sender<Content>,
    outcomes: Sender<Outcome>,
    stop: CancelToken,
) {
    while let Ok(path) = paths.recv().await {
        if stop.is_cancelled() {
            outcomes.send(Outcome::Left(path)).await.expect(LISTENS);
            continue;
        }
        let (sender, pieces) = channel::bounded(WAITING);
        let content = Content { path: path.clone(), pieces };
        contents.send(content).await.expect("those who hash outlive those who read");
        stop.run_until_cancelled(read(path, sender)).await;
    }
}

async fn read(path: PathBuf, pieces: Sender<Piece>) {
    let mut source = Some(Source::Path(path));
    while let Some(from) = source {
        let reading = oasync::spawn_blocking(move || next_block(from));
        let (piece, rest) = match reading.await.expect("reading does not panic") {
            Ok((block, rest)) => (Piece::Block(block), rest),
            Err(error) => return drop(pieces.send(Piece::Failed(error)).await),
        };
        if pieces.send(piece).await.is_err() {
            return; // who hashes has stopped
        }
        source = rest.map(Source::File);
    }
    let _ = pieces.send(Piece::End).await;
}

enum Source {
    Path(PathBuf),
    File(File),
}

/// A block, and the file if there may be more. A small file, like most, is opened, read
/// and closed in one visit to the pool.
fn next_block(source: Source) -> io::Result<(Vec<u8>, Option<File>)> {
    let mut file = match source {
        Source::Path(path) => File::open(path)?,
        Source::File(file) => file,
    };
    let mut block = Vec::new();
    file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
    let more = block.len() == BLOCK;
    Ok((block, more.then_some(file)))
}
