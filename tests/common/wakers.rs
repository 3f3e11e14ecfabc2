//! Wakers that count, and wakers that do as they like.

use std::cell::Cell;
use std::pin::Pin;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

/// Counts how often it is woken.
#[derive(Default)]
pub struct Count(AtomicUsize);

impl Count {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Calls its function when it is woken.
pub struct Call<F>(F);

impl<F: Fn() + Send + Sync + 'static> Call<F> {
    pub fn waker(f: F) -> Waker {
        Waker::from(Arc::new(Call(f)))
    }
}

impl<F: Fn() + Send + Sync> Wake for Call<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Calls its function when its last clone is dropped, woken or not.
pub struct OnDrop<F: Fn()>(F);

impl<F: Fn() + Send + Sync + 'static> OnDrop<F> {
    pub fn waker(f: F) -> Waker {
        Waker::from(Arc::new(OnDrop(f)))
    }
}

impl<F: Fn() + Send + Sync> Wake for OnDrop<F> {
    fn wake(self: Arc<Self>) {}
}

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A waker that calls `f` when it is cloned for the first time: between the look
/// and the entry in the list, where a wake-up could get lost.
pub fn on_clone(f: impl FnOnce() + 'static) -> Waker {
    thread_local! {
        static HOOK: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
    }
    static VTABLE: RawWakerVTable = RawWakerVTable::new(
        |_| {
            if let Some(hook) = HOOK.take() {
                hook();
            }
            RawWaker::new(ptr::null(), &VTABLE)
        },
        |_| {},
        |_| {},
        |_| {},
    );
    HOOK.set(Some(Box::new(f)));
    // SAFETY: no function of the table touches the data.
    unsafe { Waker::from_raw(RawWaker::new(ptr::null(), &VTABLE)) }
}

pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}
