//! The three queues, and who may touch each.
//!
//! | queue | put in by | taken by | order |
//! |---|---|---|---|
//! | [`run_slot`] | the seat's owner | the owner; a lender, as a last resort; the watcher; a closer | the last one woken |
//! | [`local`] | the seat's owner | the owner; a worker, half at a time; a lender or closer, one | first in, first out |
//! | [`injector`] | anyone | anyone | first in, first out, in each lane |

pub(crate) mod injector;
pub(crate) mod local;
pub(crate) mod run_slot;
