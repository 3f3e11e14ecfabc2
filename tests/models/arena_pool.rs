//! The pool of arena memory: a piece goes from one arena to one other, whole, and
//! the count of bytes is right when all is quiet.
//!
//! The bounded queue of `concurrent-queue` has too many steps for loom, so an
//! unbounded one of the same crate stands in, with the bound in front of it.

extern crate oasync_models as bumpalo;

use loom::thread;
use oasync_models::explore;
use pool::ArenaPool;

#[allow(dead_code)]
#[path = "../../src/task/arena/pool.rs"]
mod pool;

mod sync_facade {
    pub(crate) use oasync_models::sync_facade::{AtomicUsize, Ordering};

    /// The pool's own order of steps is the same with any queue.
    pub(crate) struct ConcurrentQueue<T>(concurrent_queue::ConcurrentQueue<T>);

    impl<T> ConcurrentQueue<T> {
        pub(crate) fn bounded(_: usize) -> Self {
            ConcurrentQueue(concurrent_queue::ConcurrentQueue::unbounded())
        }

        pub(crate) fn push(&self, item: T) -> Result<(), concurrent_queue::PushError<T>> {
            if self.0.is_empty() {
                self.0.push(item)
            } else {
                Err(concurrent_queue::PushError::Full(item))
            }
        }

        pub(crate) fn pop(&self) -> Result<T, concurrent_queue::PopError> {
            self.0.pop()
        }
    }
}

/// Three arenas live on three threads, one of them after another; the pool keeps
/// one piece.
#[test]
fn a_piece_of_memory_has_one_owner_and_is_counted_once() {
    explore("arena pool", || {
        let pool = loom::sync::Arc::new(ArenaPool::new(64));
        let arena = |pool: &ArenaPool| {
            let bump = pool.take();
            pool.grown(bump.allocate());
            pool.give_back(bump);
        };
        let others = [(); 2].map(|()| {
            let pool = pool.clone();
            thread::spawn(move || arena(&pool))
        });
        arena(&pool);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert!(pool.bytes() > 0, "at least one piece is kept");
        let mut spare = 0;
        while spare < pool.bytes() {
            let bytes = pool.take().allocated_bytes();
            assert!(bytes > 0, "what is counted is there");
            spare += bytes;
        }
        assert_eq!(spare, pool.bytes());
        assert_eq!(pool.take().allocated_bytes(), 0, "what is there is counted");
    });
}
