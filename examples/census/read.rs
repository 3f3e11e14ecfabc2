//! Reads a file block by block, in the blocking pool.

use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::path::PathBuf;

/// The most bytes of a file that are in memory at a time.
const BLOCK: usize = 256 * 1024;

pub struct Blocks {
    rest: Rest,
    block: Vec<u8>,
}

/// What is still to be read.
enum Rest {
    All(PathBuf),
    From(File),
    Nothing,
}

impl Blocks {
    pub fn of(path: PathBuf) -> Self {
        Blocks { rest: Rest::All(path), block: Vec::new() }
    }

    /// The next block; `None` at the end. Only the last one is short.
    pub async fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let rest = mem::replace(&mut self.rest, Rest::Nothing);
        let block = mem::take(&mut self.block);
        if let Rest::Nothing = rest {
            return Ok(None);
        }
        let reading = oasync::spawn_blocking(move || read(rest, block));
        (self.rest, self.block) = reading.await.expect("reading does not panic")?;
        Ok(Some(&self.block).filter(|block| !block.is_empty()).map(Vec::as_slice))
    }
}

fn read(rest: Rest, mut block: Vec<u8>) -> io::Result<(Rest, Vec<u8>)> {
    let mut file = match rest {
        Rest::All(path) => {
            let file = File::open(path)?;
            // One more byte than the file has, so that one `read` sees its end.
            let size = usize::try_from(file.metadata()?.len()).unwrap_or(BLOCK);
            block.reserve(size.saturating_add(1).min(BLOCK));
            file
        }
        Rest::From(file) => file,
        Rest::Nothing => return Ok((rest, block)),
    };
    block.clear();
    file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
    // A small file, like most, is closed on the spot.
    let rest = if block.len() == BLOCK { Rest::From(file) } else { Rest::Nothing };
    Ok((rest, block))
}
