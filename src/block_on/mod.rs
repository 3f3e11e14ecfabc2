//! `block_on`: the caller is a worker until its main future is ready.
//!
//! *Outermost*, the caller enters the worker's loop with its main future as
//! [`Main`]: it takes a vacant seat, polls the main future first whenever that
//! was woken, and runs tasks in between. Without a seat it polls its own future
//! only, and sleeps in the list of sleepers like a worker, so that the next
//! wake-up may bring it a seat.
//!
//! If it starts the coordinator, it takes its seat before anybody is woken for what
//! was spawned until then.
//!
//! *Nested*, inside a poll, it must not run tasks: one of them might be waiting
//! for the very poll underneath. So it gives the thread's seat to another
//! thread (a sleeper, or a new one) and waits on its parker; see [`wait_aside`].
//! That frees every *task*. But a main future can be polled by its own thread
//! alone, and it may be suspended further down this thread's stack: so while a
//! nested call waits, it polls, besides its own, the suspended main futures
//! below that are woken. What is left is a nested call that waits for something
//! that only the code *after* an outer `block_on` on the same thread does; no
//! runtime can run that.

mod frame;
mod signal;

// The main futures that wait further down this thread's stack.
pub(crate) use frame::{Link, advance_suspended};

use std::panic::Location;
use std::pin::pin;

use crate::WorkerKind;
use crate::context::{self, Entry, UserCode};
use crate::parker::Parker;
use crate::shared::Shared;
use crate::sweep::{Beside, LOOK};
use crate::sync_facade::{Arc, Instant};
use crate::task::Site;
use crate::worker::{self, Main};

use frame::{Frame, has_suspended, is_lowest};

/// Runs `future` to its end on this thread.
#[track_caller]
pub(crate) fn block_on<F: Future>(shared: &Arc<Shared>, future: F) -> F::Output {
    let output = block_on_until(shared, future, None);
    output.unwrap_or_else(|| unreachable!("the loop is left when the main future is ready"))
}

/// The same; gives up at the deadline, as soon as no poll is under way here.
#[track_caller]
pub(crate) fn block_on_until<F: Future>(
    shared: &Arc<Shared>,
    future: F,
    deadline: Option<Instant>,
) -> Option<F::Output> {
    let site = Location::caller();
    let on_body = |entry: &Entry<'_>, future| wait_on(entry, false, future, deadline, site);
    let future = match context::with_body(shared, future, on_body) {
        Ok(output) => return output,
        Err(future) => future,
    };
    let opened = shared.run();
    let nested = context::is_nested();
    let entry = Entry::new(shared, kind(shared), None);
    let _entered = entry.enter();
    begin(&entry, opened, nested);
    wait_on(&entry, nested, future, deadline, site)
}

/// What the start of the coordinator needs from the one who opened it.
fn begin(entry: &Entry<'_>, opened: bool, nested: bool) {
    if opened {
        if !nested {
            // Before a thread that is started for the backlog does.
            worker::sit_if_vacant(entry);
        }
        entry.shared.notify_for_backlog();
    }
}

/// Works, or waits, until `future` is ready.
fn wait_on<F: Future>(
    entry: &Entry<'_>,
    nested: bool,
    future: F,
    deadline: Option<Instant>,
    site: &'static Site,
) -> Option<F::Output> {
    let frame = pin!(Frame::new(entry, future, deadline, site));
    let frame = &*frame.as_ref();
    let link = Link::new(frame);
    let _linked = link.push();
    // The body of a scope waits: it is not its turn.
    let hidden = entry.body.replace(false).then(|| entry.hide_locals());
    if !nested {
        let closure = closure_around(entry);
        let _done = if is_lowest() {
            worker::work(entry, frame)
        } else {
            // In a hook, or in a waker.
            worker::work(entry, &Alone { entry, main: frame })
        };
        go_on_in(closure);
    } else if !frame.advance() {
        wait_aside(entry, frame, || ());
    }
    if hidden.is_some() {
        entry.body.set(true);
        worker::sit_if_vacant(entry);
    }
    drop(hidden);
    frame.take_output()
}

/// The thread of the pool whose closure this is in, if that counts.
fn closure_around<'e>(entry: &'e Entry<'_>) -> Option<&'e Entry<'e>> {
    entry.ancestors().find(|outer| outer.is_blocking_thread() && !outer.counted_out.get())
}

/// The closure goes on, and its thread counts again.
fn go_on_in(closure: Option<&Entry<'_>>) {
    if let Some(thread) = closure.filter(|thread| thread.counted_out.get()) {
        thread.shared.blocking.come_back(thread);
    }
}

/// Runs the body of a scope as a worker who is not in a poll, then works until `end`,
/// which waits for the tasks of the scope, is ready.
pub(crate) fn work_beside<R, B: FnOnce() -> R, F: Future>(
    shared: &Arc<Shared>,
    body: B,
    end: F,
) -> R {
    let inside = |entry: &Entry<'_>, (body, end): (B, F)| {
        let result = body();
        wait_for_end(entry, false, end);
        result
    };
    let (body, end) = match context::with_body(shared, (body, end), inside) {
        Ok(result) => return result,
        Err(both) => both,
    };
    let opened = shared.run();
    let nested = context::is_nested();
    let entry = Entry::new(shared, kind(shared), None);
    let here = context::with_shared(|top| Arc::ptr_eq(top, shared)).unwrap_or(false);
    let mut closure = None;
    let result = if nested && here {
        // On the seat of the task around.
        begin(&entry, opened, nested);
        body()
    } else {
        let _entered = entry.enter();
        closure = if nested { None } else { closure_around(&entry) };
        begin(&entry, opened, nested);
        if !nested {
            worker::sit_if_vacant(&entry);
        }
        entry.body.set(!nested);
        let result = entry.with_locals(body);
        entry.body.set(false);
        result
    };
    let _entered = entry.enter();
    wait_for_end(&entry, nested, end);
    worker::leave(&entry);
    go_on_in(closure);
    result
}

#[track_caller]
fn wait_for_end(entry: &Entry<'_>, nested: bool, end: impl Future) {
    let ended = wait_on(entry, nested, end, None, Location::caller());
    assert!(ended.is_some(), "without a deadline it is left at the end only");
}

/// Runs `f`, which blocks, right here: the worker's place is given to another
/// thread at once, so that no task waits behind it.
///
/// Unlike [`spawn_blocking`](crate::spawn_blocking), `f` may borrow, and the task
/// stays on its thread. Other futures of the *same* task wait meanwhile, as they
/// do for any code that blocks. Outside of a coordinator, `f` is just called.
///
/// # Panics
///
/// With the panic of `f`.
///
/// ```
/// let coord = oasync::Coordinator::builder().workers(1).build()?;
/// let (tx, rx) = std::sync::mpsc::channel();
/// coord.block_on(async {
///     oasync::spawn(async move {
///         oasync::go(async move { tx.send("from the next task").unwrap() });
///         // Without `block_in_place` the only worker would wait for itself
///         // until the stall is noticed.
///         oasync::block_in_place(|| rx.recv().unwrap())
///     })
///     .await
///     .unwrap()
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn block_in_place<R>(f: impl FnOnce() -> R) -> R {
    if context::is_nested() {
        context::with_entry(step_aside);
    }
    f()
}

/// A `block_on` on one of the coordinator's own threads does not make it
/// another kind.
fn kind(shared: &Shared) -> WorkerKind {
    let own = |entry: &Entry<'_>| entry.is_of(shared).then(|| entry.kind());
    let outer = context::with_entry(|top| top.ancestors().find_map(own));
    outer.flatten().unwrap_or(WorkerKind::Caller)
}

/// Waits until `main` is done, without running tasks: inside a poll, or to let
/// the others finish. Calls `look` whenever it is woken.
pub(crate) fn wait_aside(entry: &Entry<'_>, main: &impl Main, mut look: impl FnMut()) {
    step_aside(entry);
    let mut beside = Beside::default();
    let parker = main.parker();
    let _listed = entry.shared.list_parked(parker.clone());
    loop {
        if main.is_ready() && main.advance() {
            return;
        }
        look();
        let looks = beside.look();
        advance_suspended(main);
        if main.is_ready() || has_suspended(main) {
            // Woken in its poll; the token may have gone to a call that was nested in there.
            continue;
        }
        if !makes_room(entry) || entry.shared.threads.ensure_one(entry.shared).is_err() {
            // No thread is to be had, so nobody else would run the tasks.
            let _done = worker::work(entry, &Alone { entry, main });
            return;
        }
        let next = looks.then(|| Instant::now() + LOOK);
        parker.park(next.into_iter().chain(main.deadline()).min());
    }
}

/// Whether no thread here still counts for the coordinator.
fn makes_room(entry: &Entry<'_>) -> bool {
    entry.ancestors().all(|outer| !outer.is_of(entry.shared) || outer.may_count_out())
}

/// One who works, though others wait below: in between, the main futures there, and pinned
/// tasks, have their polls all the same.
struct Alone<'a, M> {
    entry: &'a Entry<'a>,
    main: &'a M,
}

impl<M: Main> Main for Alone<'_, M> {
    fn is_ready(&self) -> bool {
        self.main.is_ready() || has_suspended(self.main)
    }

    fn advance(&self) -> bool {
        if has_suspended(self.main) {
            // They may block, and would not know of this seat.
            worker::leave(self.entry);
            advance_suspended(self.main);
        }
        self.main.is_ready() && self.main.advance()
    }

    fn parker(&self) -> Arc<Parker> {
        self.main.parker()
    }

    fn deadline(&self) -> Option<Instant> {
        self.main.deadline()
    }
}

/// Gives the seats of this thread to others, and makes the tasks it is inside of
/// known: they may be blocked for long.
pub(crate) fn step_aside(entry: &Entry<'_>) {
    // Count the thread out first: only then another may start for its seat.
    for outer in entry.ancestors() {
        let counts = outer.is_worker_thread() && outer.may_count_out();
        if counts && !outer.counted_out.replace(true) {
            outer.shared.threads.count_out();
        }
    }
    for outer in entry.ancestors() {
        let counts = outer.is_blocking_thread() && outer.may_count_out();
        if outer.seated().is_some() {
            worker::leave(outer);
        } else if counts && !outer.counted_out.replace(true) {
            outer.shared.blocking.step_aside(outer);
        }
    }
    context::with_user_code(|top| top.ancestors().for_each(UserCode::list));
}
