//! The memory that arenas give back, kept for the next ones.

use bumpalo::Bump;

use crate::sync_facade::{AtomicUsize, ConcurrentQueue, Ordering};

/// So many pieces of memory are kept at most. More than this many arenas that
/// end at once are a burst, whose memory is better returned to the system.
const POOLED: usize = 256;

/// One coordinator's spare arena memory, and the count of all its arenas hold.
pub(crate) struct ArenaPool {
    keep: usize,
    /// What the live arenas and `spare` hold: each arena adds what a new chunk
    /// adds, at the moment it gets the chunk.
    bytes: AtomicUsize,
    /// Each empty, with one chunk of at most `keep` bytes.
    spare: ConcurrentQueue<Bump>,
}

impl ArenaPool {
    pub(crate) fn new(keep: usize) -> Self {
        ArenaPool { keep, bytes: AtomicUsize::new(0), spare: ConcurrentQueue::bounded(POOLED) }
    }

    /// Bytes of the chunks of all arenas, in use and spare, without the header
    /// of a few words that each chunk has.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Memory for a new arena. Without a spare one it holds nothing yet, and no
    /// allocator is called.
    pub(super) fn take(&self) -> Bump {
        self.spare.pop().unwrap_or_default()
    }

    /// An arena holds so many bytes more.
    pub(super) fn grown(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// An arena holds so many bytes less.
    pub(super) fn shrunk(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Keeps what an arena held when it was reset, or frees it.
    pub(super) fn give_back(&self, bump: Bump) {
        let bytes = bump.allocated_bytes();
        let fits = bytes > 0 && bytes <= self.keep;
        if !fits || self.spare.push(bump).is_err() {
            self.shrunk(bytes);
        }
    }
}
