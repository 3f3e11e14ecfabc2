//! The future of a pinned task: a closure that may cross threads, and then what
//! it made, which may not.

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::pinned::Home;
use crate::sync_facade::{Arc, Ordering, ThreadId, current};

/// Only its [`Future`](State::Future) is bound to a thread: to the one that made
/// it, which every poll and the drop look at.
pub(super) struct Pinned<C, F> {
    state: State<C, F>,
    home: Arc<Home>,
}

enum State<C, F> {
    Closure(Option<C>),
    Future { thread: ThreadId, future: ManuallyDrop<F> },
}

impl<C, F> Pinned<C, F> {
    pub(super) fn new(home: Arc<Home>, make: C) -> Self {
        home.members.fetch_add(1, Ordering::Relaxed);
        Pinned { state: State::Closure(Some(make)), home }
    }
}

impl<C: FnOnce() -> F, F: Future> Future for Pinned<C, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future is used in place: pinned below, dropped in place by
        // `drop`, never moved. The closure is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        if let State::Closure(make) = &mut this.state {
            let make = make.take().expect("a task whose closure panicked is not polled again");
            let future = ManuallyDrop::new(make());
            this.state = State::Future { thread: current().id(), future };
            this.home.futures.fetch_add(1, Ordering::Relaxed);
        }
        let State::Future { thread, future } = &mut this.state else {
            unreachable!("it was made above");
        };
        assert_eq!(*thread, current().id(), "a pinned task is polled on its own thread");
        // SAFETY: as above; `self` was pinned.
        unsafe { Pin::new_unchecked(&mut **future) }.poll(cx)
    }
}

impl<C, F> Drop for Pinned<C, F> {
    fn drop(&mut self) {
        /// Counts the task out, also if the drop of its future panics.
        struct Leave<'a>(&'a Home, usize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.futures.fetch_sub(self.1, Ordering::Relaxed);
                self.0.members.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let made = matches!(self.state, State::Future { .. });
        let _leave = Leave(&self.home, usize::from(made));
        if let State::Future { thread, future } = &mut self.state {
            // Elsewhere it is leaked: better than a drop on the wrong thread. The
            // protocol (see `pinned`) lets it come to neither.
            debug_assert_eq!(*thread, current().id(), "dropped on its own thread");
            if *thread == current().id() {
                // SAFETY: it is dropped here alone, once.
                unsafe { ManuallyDrop::drop(future) };
            }
        }
    }
}
