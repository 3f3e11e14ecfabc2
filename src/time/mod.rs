//! Timers: [`sleep`](fn@sleep), [`timeout`](fn@timeout), [`interval`](fn@interval), and those of a moment in time,
//! [`sleep_until`], [`timeout_at`], [`interval_at`].
//!
//! They work wherever code of a coordinator runs: in tasks, main futures of
//! `block_on`, nested or not, and closures that call `block_on`. The threads of that
//! coordinator then wait for the timer: there is none just for timers. Polled
//! anywhere else (on another executor, say) a timer waits with the process-wide
//! default coordinator, which is started.
//!
//! A timer belongs to whoever polls it. It may be made in one place, polled in another
//! and then in a third, also of another coordinator. When the coordinator that it
//! waits with ends, it goes on with the one that it is polled in, or with the default
//! one. A task that sleeps when its coordinator is shut down or dropped is
//! cancelled like any other.
//!
//! *How exact.* A timer never fires early. It fires up to 66 us late by rounding, and as
//! late as the system wakes a thread. A worker that is busy looks at the timers every 61
//! polls. If every worker is in a long poll, another thread fires it, 1 to 2 ms late, and
//! what waits for it runs when a thread is free (see
//! [`Builder::stall_threshold`](crate::Builder::stall_threshold)).
//!
//! *What it costs.* Nothing is registered before the first poll that has to wait. Registering
//! and cancelling take the same short time, however many timers there are. With
//! none waiting, an idle coordinator makes no wake-ups.
//!
//! *Too long.* A time that the clock cannot count to (`Duration::MAX` from now) never
//! comes; nothing overflows.
//!
//! *Without any thread.* If the coordinator has ended and the system gives the default one
//! no thread, a timer asks to be polled again at once until its time has come: it is never
//! late for that, but it keeps its executor busy.

mod interval;
mod sleep;
mod timeout;

pub use interval::{Interval, MissedTicks, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};

pub(crate) use sleep::delayed;
