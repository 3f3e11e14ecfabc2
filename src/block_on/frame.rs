//! A main future on its thread's stack, and the list of them.
//!
//! The frames of a thread form a stack of their own, linked through the call
//! stack. All of it is one thread's, so `Cell`s do; only the [`Signal`] is
//! shared with whoever wakes the future.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, Waker};

use crate::block_on::signal::Signal;
use crate::context::{Entry, UserCode};
use crate::parker::{self, Parker};
use crate::sync_facade::{Arc, Instant, thread_local};
use crate::task::{Site, id};
use crate::worker::Main;

/// A signal and its waker, made once for a thread and used by one frame after
/// the other. A waker kept from an earlier frame causes a poll too many, which
/// every future allows.
type Bell = (Arc<Signal>, Waker);

thread_local! {
    static SPARE: Cell<Option<Bell>> = const { Cell::new(None) };
    static TOP: Cell<*const Link<'static>> = const { Cell::new(ptr::null()) };
}

/// A main future, and its output once it is ready.
pub(crate) struct Frame<'a, F: Future> {
    entry: &'a Entry<'a>,
    /// Polled in place; `None` once it is ready.
    future: UnsafeCell<Option<F>>,
    output: Cell<Option<Output<F::Output>>>,
    /// When to give up.
    deadline: Option<Instant>,
    /// `None` only in `drop`.
    bell: Option<Bell>,
    owner: u64,
    /// Where `block_on` was called.
    site: &'static Site,
    polling: Cell<bool>,
    done: Cell<bool>,
}

type Output<T> = Result<T, Box<dyn Any + Send>>;

impl<'a, F: Future> Frame<'a, F> {
    pub(crate) fn new(
        entry: &'a Entry<'a>,
        future: F,
        deadline: Option<Instant>,
        site: &'static Site,
    ) -> Self {
        let bell = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_else(new_bell);
        bell.0.set();
        Frame {
            entry,
            future: UnsafeCell::new(Some(future)),
            output: Cell::new(None),
            deadline,
            bell: Some(bell),
            owner: id::fresh(),
            site,
            polling: Cell::new(false),
            done: Cell::new(false),
        }
    }

    /// What the main future returned; goes on with its panic. `None` if the
    /// deadline came first.
    pub(crate) fn take_output(&self) -> Option<F::Output> {
        match self.output.take() {
            Some(Ok(output)) => Some(output),
            Some(Err(panic)) => resume_unwind(panic),
            None => None,
        }
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn bell(&self) -> &Bell {
        self.bell.as_ref().expect("only `drop` takes it")
    }

    /// Polls, and publishes on the seat that this goes on.
    fn poll(&self, waker: &Waker) -> Poll<Output<F::Output>> {
        if let Some(seat) = self.entry.seated() {
            seat.begin_main_poll(self.site);
        }
        let polled = self.poll_user(waker);
        // It may have been given up in the poll.
        if let Some(seat) = self.entry.seated() {
            seat.end_poll();
        }
        polled
    }

    fn poll_user(&self, waker: &Waker) -> Poll<Output<F::Output>> {
        let code = UserCode::of_main(self.owner, waker);
        let _reentered = self.entry.reenter();
        let _inside = code.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: `polling` keeps everyone else out, and this thread is the
            // only one that has the frame.
            let slot = unsafe { &mut *self.future.get() };
            let future = slot.as_mut().expect("not polled again once it is ready");
            // SAFETY: the frame is pinned when it is linked or worked on (see
            // `block_on`), and the future leaves the slot by a drop in place.
            let future = unsafe { Pin::new_unchecked(future) };
            future.poll(&mut Context::from_waker(waker))
        }));
        if let Ok(Poll::Pending) = polled {
            return Poll::Pending;
        }
        // SAFETY: as above.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { *self.future.get() = None }));
        let hooks = &self.entry.shared.hooks;
        // Only one panic can go on to the caller.
        Poll::Ready(match (polled, dropped) {
            (Ok(Poll::Pending), _) => unreachable!("it is ready, or has panicked"),
            (Ok(Poll::Ready(output)), Ok(())) => Ok(output),
            (Ok(Poll::Ready(output)), Err(panic)) => {
                hooks.guard(|| drop(output));
                Err(panic)
            }
            (Err(panic), dropped) => {
                if let Err(second) = dropped {
                    hooks.contain(|| resume_unwind(second));
                }
                Err(panic)
            }
        })
    }
}

fn new_bell() -> Bell {
    let signal = Arc::new(Signal::new(parker::current()));
    (signal.clone(), Waker::from(signal))
}

impl<F: Future> Main for Frame<'_, F> {
    fn parker(&self) -> Arc<Parker> {
        self.bell().0.parker()
    }

    fn is_ready(&self) -> bool {
        let woken = || self.bell().0.is_set();
        self.done.get() || !self.polling.get() && (woken() || self.is_late())
    }

    fn is_woken(&self, pressed: bool) -> bool {
        !pressed && !self.done.get() && !self.polling.get() && self.bell().0.is_set()
    }

    fn advance(&self) -> bool {
        if self.done.get() || self.polling.get() {
            return self.done.get();
        }
        let (signal, waker) = self.bell();
        signal.take();
        self.polling.set(true);
        let polled = self.poll(waker);
        self.polling.set(false);
        if let Poll::Ready(output) = polled {
            self.output.set(Some(output));
            self.done.set(true);
        }
        self.done.get() || self.is_late()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

impl<F: Future> Drop for Frame<'_, F> {
    fn drop(&mut self) {
        let bell = self.bell.take();
        // Fails only while the thread ends: then it is dropped.
        let _ = SPARE.try_with(|spare| spare.set(bell));
    }
}

/// A frame in the thread's list, without its type.
pub(crate) struct Link<'a> {
    frame: &'a dyn Main,
    parent: Cell<*const Link<'static>>,
}

impl<'a> Link<'a> {
    pub(crate) fn new(frame: &'a dyn Main) -> Self {
        Link { frame, parent: Cell::new(ptr::null()) }
    }

    /// Puts the frame on top of the thread's list until the guard is dropped.
    pub(crate) fn push(&self) -> Linked<'_, 'a> {
        let this: *const Link<'static> = ptr::from_ref(self).cast();
        self.parent.set(TOP.with(|top| top.replace(this)));
        Linked(self)
    }
}

/// Takes the frame off the list again.
pub(crate) struct Linked<'l, 'a>(&'l Link<'a>);

impl Drop for Linked<'_, '_> {
    fn drop(&mut self) {
        TOP.with(|top| top.set(self.0.parent.get()));
    }
}

/// The frames of this thread, the innermost first.
fn links<'a>() -> impl Iterator<Item = &'a Link<'static>> {
    // SAFETY: null, or a link on this thread's call stack, below the caller, whose
    // guard takes it off the list before it dies. A poll pushes and pops links on
    // top only. Used in this file only, and no reference is kept longer than the
    // caller's call.
    let as_ref = |link: *const Link<'static>| unsafe { link.as_ref() };
    std::iter::successors(as_ref(TOP.with(Cell::get)), move |link| as_ref(link.parent.get()))
}

/// Polls what is suspended on this thread below `main` and woken.
pub(crate) fn advance_suspended(main: &impl Main) {
    suspended(main).for_each(|link| {
        link.frame.advance();
    });
}

/// Whether there is none below the innermost.
pub(super) fn is_lowest() -> bool {
    links().nth(1).is_none()
}

/// Whether there is such a thing.
pub(super) fn has_suspended(main: &impl Main) -> bool {
    suspended(main).next().is_some()
}

fn suspended<'a>(main: &impl Main) -> impl Iterator<Item = &'a Link<'static>> {
    let is_woken = |link: &&Link<'_>| {
        !ptr::addr_eq(link.frame, main) && link.frame.is_woken(main.is_pressed())
    };
    links().filter(is_woken)
}
