//! What tasks wait at, and what they pass on: locks, latches, channels.
//!
//! | to | use |
//! |---|---|
//! | have something to oneself, also across `.await` | [`Mutex`], [`RwLock`] |
//! | let at most so many in | [`Semaphore`] |
//! | meet, again and again | [`Barrier`] |
//! | wait until so many things have happened | [`Latch`] |
//! | tell many tasks to stop | [`CancelToken`] |
//! | make something once | [`OnceCell`] |
//! | pass on one value | [`oneshot`] |
//! | pass on many | [`channel`] |
//!
//! Nothing here belongs to a coordinator: all of it works in tasks of every
//! coordinator and of other executors, and `blocking` forms work on any thread. A
//! waiting task costs no thread.
//!
//! The locks are those of `async-lock`, the channels those of `async-channel`, so
//! they are the same types in your program and in the crates that it uses. [`Latch`],
//! [`CancelToken`] and [`oneshot`] are this crate's. These three run no code of
//! yours, no waker and no drop, under a lock. The others wake under a short one: if
//! you write wakers yourself, do not use the same lock or channel inside them.
//!
//! # Cancel safety
//!
//! Dropping a future that waits here loses nothing: no permit, no item, no turn
//! of anyone else; whoever waits again goes to the end of the queue. One exception: a `send`
//! that is dropped takes its item with it.
//!
//! ```
//! use std::sync::Arc;
//! use oasync::sync::{Latch, Mutex};
//!
//! oasync::block_on(async {
//!     let shared = Arc::new((Mutex::new(0), Latch::new(10)));
//!     for n in 1..=10 {
//!         let shared = shared.clone();
//!         oasync::go(async move {
//!             *shared.0.lock().await += n;
//!             shared.1.count_down();
//!         });
//!     }
//!     shared.1.wait().await;
//!     assert_eq!(*shared.0.lock().await, 55);
//! });
//! ```

mod cancel;
pub mod channel;
mod gate;
mod latch;
pub mod oneshot;

/// The futures of the locks, by name.
#[doc(inline)]
pub use async_lock::futures;
#[doc(inline)]
pub use async_lock::{
    Barrier, BarrierWaitResult, Mutex, MutexGuard, MutexGuardArc, OnceCell, RwLock,
    RwLockReadGuard, RwLockReadGuardArc, RwLockUpgradableReadGuard, RwLockUpgradableReadGuardArc,
    RwLockWriteGuard, RwLockWriteGuardArc, Semaphore, SemaphoreGuard, SemaphoreGuardArc,
};

pub use cancel::{CancelToken, DropGuard};
pub use gate::Wait;
pub use latch::Latch;

/// Waits on this thread. In a task, the worker's place is another thread's
/// meanwhile.
fn wait_blocking<F: Future>(future: F) -> F::Output {
    crate::block_in_place(|| futures_lite::future::block_on(future))
}
