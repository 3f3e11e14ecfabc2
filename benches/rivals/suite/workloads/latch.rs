//! Waits for the last of many, without spinning.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_channel::oneshot;

/// A `static` one spares the tasks a reference count.
pub(super) struct Latch {
    left: AtomicUsize,
    done: Mutex<Option<oneshot::Sender<Instant>>>,
}

impl Latch {
    pub(super) const fn new() -> Self {
        Latch { left: AtomicUsize::new(0), done: Mutex::new(None) }
    }

    /// Expects `count` calls of [`count_down`](Self::count_down); the future is
    /// ready after the last, with the time of it.
    pub(super) fn arm(&self, count: usize) -> impl Future<Output = Instant> + Send + use<> {
        let (sender, receiver) = oneshot::channel();
        let before = self.done.lock().unwrap().replace(sender);
        assert!(before.is_none(), "the last run has ended");
        assert_eq!(self.left.swap(count, Ordering::SeqCst), 0);
        async { receiver.await.expect("the last one sends") }
    }

    pub(super) fn count_down(&self) {
        let left = self.left.fetch_sub(1, Ordering::AcqRel);
        assert!(left > 0, "nobody counts twice");
        if left == 1 {
            let sender = self.done.lock().unwrap().take().expect("armed");
            sender.send(Instant::now()).expect("somebody waits");
        }
    }
}
