//! A stackless M:N executor: very many cheap tasks on a few OS threads, spread
//! over them by itself.
//!
//! A [`Coordinator`] has a fixed number of *workers* and a pool of threads for
//! closures that block. [`spawn`] starts a task, [`spawn_blocking`] a closure;
//! both return a [`JoinHandle`] to wait for the result, and [`go`] and [`gob`]
//! do the same for work that nobody waits for. The thread that calls
//! [`block_on`](Coordinator::block_on) is one of the workers meanwhile.
//!
//! ```
//! use oasync::Coordinator;
//!
//! fn main() -> std::io::Result<()> {
//!     let coord = Coordinator::builder().workers(4).build()?; // nothing runs yet
//!     coord.go(async { println!("queued before the start") });
//!     let sum = coord.block_on(async {
//!         let squares: Vec<_> = (0..8).map(|i| oasync::spawn(async move { i * i })).collect();
//!         let text = oasync::spawn_blocking(|| std::fs::read_to_string("Cargo.toml"));
//!         let mut sum = text.await??.len();
//!         for square in squares {
//!             sum += square.await?;
//!         }
//!         std::io::Result::Ok(sum)
//!     })?;
//!     println!("{sum}");
//!     Ok(())
//! }
//! ```
//!
//! # Map
//!
//! | to | use |
//! |---|---|
//! | make a coordinator | [`Coordinator::new`] (also in a `static`), [`Coordinator::builder`] with the options of [`Builder`] |
//! | start it | [`Coordinator::block_on`], or [`Coordinator::start`], which returns at once |
//! | start a task | [`spawn`], [`go`]; many: [`spawn_many`]; with a name, or later: [`task`](fn@task) and [`TaskBuilder`] |
//! | start one that is not `Send`, or on one thread | [`spawn_pinned`], [`spawn_pinned_on`] |
//! | call something on every worker thread | [`broadcast`] |
//! | run what blocks | [`spawn_blocking`], [`gob`]; inside a task, [`block_in_place`] |
//! | run what blocks until it is told to stop | [`spawn_blocking_with`], [`StopToken`] |
//! | do either from any thread | the methods of [`Coordinator`] and [`Handle`] |
//! | get the result, cancel | [`JoinHandle`], [`JoinHandle::cancel`], [`JoinError`] |
//! | have tasks that end together | [`TaskGroup`], [`BoundedGroup`] for so many at a time |
//! | run several futures in parallel | [`join`](join()), [`join_all`], [`map_concurrent`], [`for_each_concurrent`] |
//! | the same, to the first error | [`try_join`], [`try_join_all`], [`try_map_concurrent`], [`try_for_each_concurrent`] |
//! | have tasks that borrow | [`scope`](scope()), [`Scope`] |
//! | let others run | [`yield_now`]; when its share is used, [`coop::checkpoint`] |
#![cfg_attr(
    feature = "sync",
    doc = "| wait for others, pass something on | [`sync`]: locks, [`Latch`](sync::Latch), [`CancelToken`](sync::CancelToken), channels |"
)]
#![cfg_attr(
    feature = "time",
    doc = "| wait for a time, or no longer than that | [`sleep`], [`timeout`], [`interval`], [`time`]; [`spawn_after`] |"
)]
//! | have something for each thread | [`Builder::worker_state`], [`with_worker_state`], [`worker_info`] |
//! | have something for each task, or for it and its children | [`task_local!`], [`TaskLocal`], [`InheritedLocal`] |
//! | have memory for a task's data | [`arena()`], [`Arena`] |
//! | find the coordinator around | [`Coordinator::current`], [`Coordinator::try_current`] |
//! | see what is alive, and count | [`Coordinator::tasks`], [`Coordinator::metrics`] |
//! | hear of lost panics, and of polls that do not return | [`Builder::on_panic`], [`Builder::on_stall`] |
//! | end it | [`Coordinator::shutdown`] with its [`ShutdownReport`], or drop; [`Coordinator::is_shutting_down`] |
//!
//! The free functions use the coordinator whose task, closure or `block_on`
//! they are called in. Anywhere else they use one process-wide default
//! coordinator, which they start.
//!
//! # I/O and timers
//!
//! Timers are in `oasync::time`: the threads of the coordinator wait for them. I/O is
//! left to crates that work on any executor, such as `async-net`, which waits for the
//! system on a thread of its own; `examples/echo.rs` shows it.
//!
//! # Features
//!
//! | feature | default | brings |
//! |---|---|---|
//! | `sync` | yes | `oasync::sync`: locks, latches, tokens, channels; with `async-lock` and `async-channel` |
//! | `time` | yes | `oasync::time`: timers; without it nothing looks for them |
//! | `log`, `tracing` | no | warnings: of stalls, once for each spawn site or call of `block_on`, unless there is an [`on_stall`](Builder::on_stall); and of a drop that waits |
//!
//! The crate needs the standard library with threads, 64-bit atomics, and Rust 1.85. It is
//! tested on Linux on x86-64 only; on other systems an ordinary fence takes the place of
//! Linux's `membarrier`, and nothing else differs.
//!
//! # More
//!
//! `examples/` in the sources has programs of one idea each, and `docs/` has pages to read.
#![cfg_attr(
    all(doc, feature = "sync", feature = "time"),
    doc = "They are here as well: the [guide](docs::guide), for users, and its [pitfalls](docs::guide#pitfalls); \
           [from tokio, smol or rayon](docs::from_tokio), [from Odin](docs::from_odin); \
           what happens on [bad days](docs::reliability#bad-days); \
           how it [works inside](docs::architecture); [benchmarks](docs::benchmarks)."
)]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
#![warn(missing_debug_implementations, unreachable_pub)]

mod barrier;
mod block_on;
mod blocking;
mod builder;
mod context;
pub mod coop;
mod coordinator;
mod count;
#[cfg(all(any(doc, doctest), feature = "sync", feature = "time"))]
pub mod docs;
mod free;
mod group;
mod handle;
mod handles;
mod hooks;
mod idle;
mod info;
mod local;
mod metrics;
mod parallel;
mod parker;
mod phase;
mod pinned;
mod queue;
mod scope;
mod seat;
mod shared;
mod shutdown;
mod stall;
mod sweep;
#[cfg(feature = "sync")]
pub mod sync;
mod sync_facade;
mod task;
mod thief;
mod threads;
#[cfg(feature = "time")]
pub mod time;
#[cfg_attr(not(feature = "time"), path = "timers/off.rs")]
mod timers;
mod unwind;
mod wake;
mod warn;
mod watch;
mod worker;

pub use block_on::block_in_place;
pub use blocking::cancel::StopToken;
pub use builder::Builder;
pub use coordinator::Coordinator;
#[cfg(feature = "time")]
pub use free::spawn_after;
pub use free::{
    block_on, broadcast, go, gob, spawn, spawn_blocking, spawn_blocking_with, spawn_pinned,
    spawn_pinned_on, task, with_worker_state,
};
pub use group::{
    BoundedGroup, BoundedTaskBuilder, GroupFull, GroupReport, GroupTaskBuilder, JoinNext, Spawner,
    TaskGroup,
};
pub use handle::Handle;
pub use hooks::TaskPanic;
pub use info::{WorkerInfo, WorkerKind, worker_info};
pub use local::{InheritedLocal, NotInScope, Scoped, TaskLocal};
pub use metrics::{Metrics, TaskInfo, TaskState, WorkerMetrics};
pub use parallel::{
    for_each_concurrent, join, join_all, map_concurrent, try_for_each_concurrent, try_join,
    try_join_all, try_map_concurrent,
};
pub use pinned::{Broadcast, NoSuchWorker};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use shutdown::ShutdownReport;
pub use stall::Stall;
#[cfg(shuttle)]
#[doc(hidden)]
pub use sync_facade::shuttle::model;
pub use task::arena::{Arena, ArenaError, arena};
pub use task::builder::TaskBuilder;
pub use task::{Cancel, JoinError, JoinHandle, TaskId, spawn_many};
#[cfg(feature = "time")]
pub use time::{interval, interval_at, sleep, sleep_until, timeout, timeout_at};

#[doc(inline)]
pub use futures_lite::future::{YieldNow, yield_now};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
