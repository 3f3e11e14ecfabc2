//! Promise: what `oasync::sync` adds to the locks and channels it re-exports loses
//! no wake-up, drops each value once, and runs no user code under a lock.
#![cfg(feature = "sync")]

mod cancel;
#[path = "../common/mod.rs"]
mod common;
mod latch;
mod oneshot;
