//! Promise: groups, scopes, pinned tasks, task-local values and timers hold together what
//! each of them promises alone.
#![cfg(feature = "time")]

#[path = "../common/mod.rs"]
mod common;
mod inherit;
mod later;
mod limits;

use std::future::pending;
use std::time::Duration;

use common::{CountDrop, in_time};

const SHORT: Duration = Duration::from_millis(10);

/// Far enough not to come during a test.
const FAR: Duration = Duration::from_secs(3_600);

/// Waits for ever with its guard.
async fn wait_for_ever<T>(guard: CountDrop) -> T {
    let _guard = guard;
    pending().await
}
