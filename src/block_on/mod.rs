//! `block_on`: the caller is a worker until its main future is ready.
//!
//! *Outermost*, the caller enters the worker's loop with its main future as
//! [`Main`]: it takes a vacant seat, polls the main future first whenever that
//! was woken, and runs tasks in between. Without a seat it polls its own future
//! only, and sleeps in the list of sleepers like a worker, so that the next
//! wake-up may bring it a seat.
//!
//! *Nested*, inside a poll, it must not run tasks: one of them might be waiting
//! for the very poll underneath. So it gives the thread's seat to another
//! thread (a sleeper, or a new one) and waits on its parker; see [`nested`].
//! That frees every *task*. But a main future can be polled by its own thread
//! alone, and it may be suspended further down this thread's stack: so while a
//! nested call waits, it polls, besides its own, the suspended main futures
//! below that are woken. What is left is a nested call that waits for something
//! that only the code *after* an outer `block_on` on the same thread does; no
//! runtime can run that.

mod frame;

use std::future::Future;
use std::pin::pin;

use crate::WorkerKind;
use crate::context::{self, Entry};
use crate::parker::with_parker;
use crate::shared::Shared;
use crate::sync::Arc;
use crate::worker::{self, Main};

use frame::{Frame, Link};

/// Runs `future` to its end on this thread.
pub(crate) fn block_on<F: Future>(shared: &Arc<Shared>, future: F) -> F::Output {
    shared.run();
    let nested = context::is_nested();
    let entry = Entry::new(shared, kind(shared), None);
    let frame = pin!(Frame::new(&entry, future));
    let frame = &*frame.as_ref();
    let link = Link::new(frame);
    let _linked = link.push();
    let _entered = entry.enter();
    if !nested {
        let _done = worker::work(&entry, frame);
    } else if !frame.advance() {
        wait_nested(&entry, frame);
    }
    frame.take_output()
}

/// A `block_on` on one of the coordinator's own threads does not make it
/// another kind.
fn kind(shared: &Shared) -> WorkerKind {
    let own = |entry: &Entry<'_>| std::ptr::eq(&**entry.shared, shared).then(|| entry.kind());
    let outer = context::with_entry(|top| top.ancestors().find_map(|entry| own(entry)));
    outer.flatten().unwrap_or(WorkerKind::Caller)
}

/// Waits inside a poll until `main` is done.
pub(crate) fn wait_nested(entry: &Entry<'_>, main: &impl Main) {
    for outer in entry.ancestors() {
        give_up_seat(outer);
    }
    for scope in context::scopes() {
        // It may be blocked for long: let `tasks()` know of it. If it is to be
        // cancelled instead, it will be when its poll returns.
        if let (Some(meta), Some(waker)) = (scope.task(), scope.waker()) {
            let _ = meta.bind(waker);
        }
    }
    if entry.shared.threads.ensure_one(entry.shared).is_err() {
        // No thread is to be had, so nobody else would run the tasks.
        let _done = worker::work(entry, main);
        return;
    }
    with_parker(|parker, _| {
        let _listed = entry.shared.list_parked(parker.clone());
        loop {
            frame::advance_suspended();
            if main.is_ready() && main.advance() {
                return;
            }
            parker.park(main.deadline());
        }
    });
}

fn give_up_seat(entry: &Entry<'_>) {
    if entry.seated().is_none() {
        return;
    }
    if entry.is_worker_thread() && !entry.away.replace(true) {
        entry.shared.threads.leave();
    }
    worker::leave(entry);
}
