//! Promise: a timer fires when its time has come, wherever it waits; and costs nothing
//! once nobody waits for it.
#![cfg(feature = "time")]
#![allow(clippy::async_yields_async, reason = "sleeps are handed on, unfinished")]

#[path = "../common/mod.rs"]
mod common;
mod ends;
mod intervals;
mod late;
mod locks;
mod places;
mod sleeps;
mod timeouts;
mod wakers;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use common::in_time;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Far enough not to come during a test.
const FAR: Duration = Duration::from_secs(3600);

/// Not over while a test makes its first steps, on a slow machine either.
const SOON: Duration = Duration::from_secs(2);

/// Polls once, with a waker that does nothing.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What takes longer than most: as `in_time`.
#[track_caller]
fn within<T: Send + 'static>(limit: Duration, f: impl FnOnce() -> T + Send + 'static) -> T {
    let (tx, rx) = std::sync::mpsc::channel();
    std::thread::spawn(move || tx.send(f()));
    rx.recv_timeout(limit).expect("it came to its end, without a panic")
}
