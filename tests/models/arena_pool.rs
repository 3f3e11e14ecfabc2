//! The pool of arena memory: a piece goes from one arena to one other, whole.
//!
//! `concurrent-queue`'s bounded kind has too many steps for loom (it spins), so
//! an unbounded one of the same crate stands in: what the pool relies on is that
//! a piece which is pushed is popped once, and its contents with it.
