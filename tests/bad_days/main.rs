//! Promise: on a bad day nothing hangs without a report, and nothing is undefined
//! behaviour. The table in `docs/reliability.md`, "Bad days", says what happens; each
//! row that names no other place is a test here.

#[path = "../common/mod.rs"]
mod common;
mod endless;
mod kept;
mod large;
mod many;
mod nested;
mod processes;
mod stuck;
mod teardown;

use std::future::Future;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::LONG;

/// Runs `f` on a thread of its own; a hang becomes a failure that names `what`.
#[track_caller]
fn in_time<T: Send + 'static>(what: &str, f: impl FnOnce() -> T + Send + 'static) -> T {
    within(LONG, what, f)
}

#[track_caller]
fn within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    f: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (tx, rx) = mpsc::channel();
    let thread = thread::spawn(move || tx.send(f()));
    let result = rx.recv_timeout(limit);
    let hangs = matches!(result, Err(mpsc::RecvTimeoutError::Timeout));
    assert!(!hangs, "{what}: still not over after {limit:?}");
    match (result, thread.join()) {
        (Ok(value), _) => value,
        (Err(_), Ok(_)) => unreachable!("a thread that ends has sent or panicked"),
        (Err(_), Err(panic)) => std::panic::resume_unwind(panic),
    }
}

/// Waits for `future` without any coordinator.
fn wait<T>(future: impl Future<Output = T>) -> T {
    futures_lite::future::block_on(future)
}
