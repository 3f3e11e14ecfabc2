//! The whole runtime under randomised schedules: `docs/reliability.md`, "Shuttle".
//!
//! ```sh
//! cargo models # in this folder
//! ```
//!
//! A model waits until all is done *before* it ends the coordinator: an end would
//! run or drop what a lost wake-up left behind. Time stands still but where a model
//! calls `advance`, so no time-out hides one either: it is a deadlock.

mod block_on;
mod blocking;
mod ends;
mod group;
mod listed;
mod meet;
mod pinned;
mod refused;
mod scope;
mod shutdown;
mod spawn;
mod support;
mod sync;
mod timers;
mod wake;
mod watch;
