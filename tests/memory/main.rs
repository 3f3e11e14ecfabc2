//! Promise: memory does not grow with how many tasks, children of groups, wakes and
//! coordinators there were.
//!
//! In a program of its own: the count of bytes is a place in memory where all threads meet,
//! and would order what the other tests want unordered.

mod again;
#[path = "../common/mod.rs"]
mod common;
mod group;
mod tasks;

use std::sync::Mutex;

use common::LONG;
use common::counting::Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// One at a time: they measure the memory of the process. Each on another thread: a task
/// that is lost would keep the test in the drop of its coordinator, for ever.
#[track_caller]
fn alone(f: fn()) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    common::ends_within(3 * LONG, f);
}
