//! A stackless M:N executor: tasks spread over OS threads by themselves.
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![deny(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
#![warn(missing_debug_implementations, unreachable_pub)]

mod block_on;
mod blocking;
mod builder;
mod context;
mod coordinator;
mod free;
mod handle;
mod hooks;
mod idle;
mod info;
mod metrics;
mod parker;
mod phase;
mod queue;
mod seat;
mod shared;
mod shutdown;
mod sync;
mod task;
mod threads;
mod worker;

pub use builder::Builder;
pub use context::{with_worker_state, worker_info};
pub use coordinator::Coordinator;
pub use free::{block_on, go, gob, spawn, spawn_blocking, task};
pub use handle::Handle;
pub use hooks::TaskPanic;
pub use info::{WorkerInfo, WorkerKind};
pub use metrics::{Metrics, TaskInfo, TaskState, WorkerMetrics};
pub use shutdown::ShutdownReport;
pub use task::arena::{Arena, ArenaError, arena};
pub use task::builder::TaskBuilder;
pub use task::{Cancel, JoinError, JoinHandle, TaskId};

#[doc(inline)]
pub use futures_lite::future::{YieldNow, yield_now};
