//! The third stage: computes the hashes, in tasks.

use std::fmt::Write;
use std::io;

use oasync::coop;
use oasync::sync::CancelToken;
use oasync::sync::channel::{Receiver, Sender};
use sha2::{Digest, Sha256};

use crate::collect::{Hashed, LISTENS, Outcome};
use crate::read::{Content, Piece};
use crate::report::Skipped;

/// How much is hashed between two checkpoints, and what it uses of the task's
/// share: it takes some 30 microseconds, more or less by the processor.
const PART: usize = 16 * 1024;
const UNITS: u32 = 32;

/// Hashes one file after the other.
pub async fn files(contents: Receiver<Content>, outcomes: Sender<Outcome>, stop: CancelToken) {
    while let Ok(Content { path, pieces }) = contents.recv().await {
        let outcome = match stop.run_until_cancelled(hash(pieces)).await.flatten() {
            Some(Ok((bytes, sha256))) => Outcome::Hashed(Hashed { path, bytes, sha256 }),
            Some(Err(error)) => Outcome::Unreadable(Skipped::new(&path, error)),
            None => Outcome::Left(path),
        };
        outcomes.send(outcome).await.expect(LISTENS);
    }
}

/// The number of bytes and their hash; `None` if not all of them came.
async fn hash(pieces: Receiver<Piece>) -> Option<io::Result<(u64, String)>> {
    let mut sha = Sha256::new();
    let mut bytes = 0;
    loop {
        match pieces.recv().await.ok()? {
            Piece::Block(block) => {
                bytes += block.len() as u64;
                for part in block.chunks(PART) {
                    sha.update(part);
                    coop::consume(UNITS).await;
                }
            }
            Piece::Failed(error) => return Some(Err(error)),
            Piece::End => return Some(Ok((bytes, hex(&sha.finalize())))),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
