//! The three queues, and who may touch each.
//!
//! | queue | put in by | taken by | order |
//! |---|---|---|---|
//! | [`run_slot`] | the seat's owner | the owner; a lender, as a last resort | the last one woken |
//! | [`local`] | the seat's owner | the owner; any thief, half at a time | first in, first out |
//! | [`injector`] | anyone | anyone | first in, first out, in each lane |

pub(crate) mod injector;
pub(crate) mod local;
pub(crate) mod run_slot;
