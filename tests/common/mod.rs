//! What the tests share.
#![allow(dead_code, reason = "each file of tests uses a part")]

pub mod counting;
pub mod gate;
#[cfg(target_os = "linux")]
pub mod still;
pub mod tally;
pub mod wakers;

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use oasync::Coordinator;

/// Longer than what must happen takes, also on a machine under load. Less where a bug is seeded,
/// for then it is what does not happen.
pub const LONG: Duration =
    Duration::from_secs(if option_env!("SEEDED").is_some() { 15 } else { 60 });

pub fn coordinator(workers: usize) -> Coordinator {
    Coordinator::builder().workers(workers).build().unwrap()
}

pub fn started(workers: usize) -> Coordinator {
    let coord = coordinator(workers);
    coord.start().unwrap();
    coord
}

/// Whose worker keeps its tasks, also if the machine leaves it without a processor
/// for a while: that would look like a stall, and others would come to help. Not if it is
/// on its way to or from the only seat, nor for its slot: that is emptied for others.
pub fn without_help(workers: usize) -> Coordinator {
    Coordinator::builder().workers(workers).stall_threshold(10 * LONG).build().unwrap()
}

/// Waits until `done`; a hang becomes a failure that says `what` did not happen.
#[track_caller]
pub fn eventually(what: &str, done: impl FnMut() -> bool) {
    within(LONG, what, done);
}

#[track_caller]
pub fn within(limit: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Runs `f` on a thread of its own: a hang becomes a failure.
#[track_caller]
pub fn in_time<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    ends_within(LONG, f)
}

#[track_caller]
pub fn ends_within<T: Send + 'static>(
    limit: Duration,
    f: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(f()));
    receiver.recv_timeout(limit).expect("it came to its end, without a panic")
}

/// Adds one to its counter when it is dropped.
pub struct CountDrop(pub Arc<AtomicUsize>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Shut down before it is dropped, which would wait for what hangs.
pub struct Ends(pub Coordinator);

impl Deref for Ends {
    type Target = Coordinator;

    fn deref(&self) -> &Coordinator {
        &self.0
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.shutdown(Duration::ZERO);
    }
}
