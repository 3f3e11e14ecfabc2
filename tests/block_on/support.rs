//! What the tests of `block_on` share.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;

use event_listener::Event;

use crate::common::LONG;

/// Runs `f` on a thread; a hang becomes a failure that has the test's name.
#[track_caller]
pub(crate) fn ends(f: impl FnOnce() + Send + 'static) {
    let (tx, rx) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let _tx = tx;
        f();
    });
    let hangs = rx.recv_timeout(LONG) == Err(mpsc::RecvTimeoutError::Timeout);
    assert!(!hangs, "no progress within {LONG:?}");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// An unbounded channel.
pub(crate) struct Channel<T> {
    queue: Mutex<VecDeque<T>>,
    pub(crate) filled: Event,
}

impl<T> Channel<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Channel { queue: Mutex::new(VecDeque::new()), filled: Event::new() })
    }

    pub(crate) fn send(&self, value: T) {
        self.queue.lock().unwrap().push_back(value);
        self.filled.notify(usize::MAX);
    }

    pub(crate) async fn receive(&self) -> T {
        loop {
            let filled = self.filled.listen();
            if let Some(value) = self.queue.lock().unwrap().pop_front() {
                return value;
            }
            filled.await;
        }
    }
}

/// The waker that the enclosing future is polled with.
pub(crate) async fn own_waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}
