//! One task's way: `spawn` makes it, `schedule` puts it into a queue, `run`
//! polls it.

use std::collections::VecDeque;

use async_task::{ScheduleInfo, WithInfo};

use crate::blocking::cancel::{Stop, StopToken};
use crate::context::{self, Entry};
use crate::local::stack;
use crate::seat::Seated;
use crate::shared::{Phase, Shared};
use crate::sync_facade::{Arc, Ordering};
use crate::task::origin::Origin;
use crate::task::sink::{Leash, Sink, Sinking};
use crate::task::{JoinHandle, Kind, Meta, Runnable, Site, TaskFuture, id};

/// What a new task is to be.
#[derive(Clone)]
pub(crate) struct New<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) site: &'static Site,
    pub(crate) name: Option<Arc<str>>,
}

impl<'a> New<'a> {
    pub(crate) fn unnamed(shared: &'a Arc<Shared>, site: &'static Site) -> Self {
        New { shared, site, name: None }
    }
}

pub(crate) fn spawn<F>(new: New<'_>, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_with(new, future, push_spawned)
}

/// Spawns a future that is to run beside its spawner at once: it is not left to the run
/// slot, which others do not look into.
pub(crate) fn spawn_aside<F>(new: New<'_>, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_with(new, future, push_back)
}

#[inline]
fn spawn_with<F>(
    new: New<'_>,
    future: F,
    push: impl FnOnce(&Shared, Seated<'_>, Runnable),
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let shared = new.shared;
    let (runnable, handle) = make(new, future);
    launch(shared, runnable, push);
    handle
}

/// Makes a task of a future. Nothing of the user's runs in here.
#[inline]
fn make<F>(new: New<'_>, future: F) -> (Runnable, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let meta = admit(new, Kind::Future, None);
    let (runnable, task) = async_task::Builder::new()
        .metadata(meta)
        .spawn(|_| TaskFuture::new(future), WithInfo(schedule));
    (Runnable::new(runnable), JoinHandle::new(task))
}

/// Spawns futures together: one push, and one look whether someone has to be woken. Who
/// is woken wakes the next for what it leaves.
pub(super) fn spawn_chunk<F>(
    new: &New<'_>,
    futures: impl Iterator<Item = F>,
    handles: &mut Vec<JoinHandle<F::Output>>,
) where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let shared = &**new.shared;
    let (mut chunk, mut refused) = (VecDeque::new(), Vec::new());
    for future in futures {
        let (runnable, handle) = make(new.clone(), future);
        handles.push(handle);
        if enlist(&runnable) {
            chunk.push_back(runnable);
        } else {
            refused.push(runnable);
        }
    }
    push_chunk(shared, chunk);
    // Last: this runs user code.
    refused.into_iter().for_each(|runnable| refuse(shared, runnable));
}

fn push_chunk(shared: &Shared, chunk: VecDeque<Runnable>) {
    if chunk.is_empty() {
        return;
    }
    match context::seat(shared) {
        Some(seat) => {
            chunk.into_iter().for_each(|runnable| shared.push_local(seat, runnable));
            shared.notify_seated();
        }
        None => shared.inject_block(chunk),
    }
}

/// Makes a task whose outcome goes into `sink`. It has to be
/// [launched](launch_created) then.
pub(crate) fn create<F, S>(new: New<'_>, kind: Kind, future: F, sink: S) -> (Runnable, Leash)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
    S: Sink<F::Output> + Send + 'static,
{
    // SAFETY: nothing is borrowed.
    unsafe { create_unchecked(new, kind, future, sink) }
}

/// The same with things that borrow.
///
/// # Safety
///
/// What `future`, its output and `sink` borrow is there until the call of
/// [`Sink::put`] has let go of output and sink. What is left of the call after that
/// touches nothing that borrows, and drops nothing that does.
pub(crate) unsafe fn create_unchecked<F, S>(
    new: New<'_>,
    kind: Kind,
    future: F,
    sink: S,
) -> (Runnable, Leash)
where
    F: Future + Send,
    F::Output: Send,
    S: Sink<F::Output> + Send,
{
    let meta = admit(new, kind, None);
    let builder = async_task::Builder::new().metadata(meta);
    let make = |_: &Meta| Sinking::new(future, sink);
    let (runnable, task) = match kind {
        // SAFETY: the future is `Send`; what it borrows is there until `put` has let
        // go, by the caller's promise. `put` is the last step of the future's drop
        // (see `task::sink`), and has output and sink by value, so nothing of them
        // is left behind it. After that `async-task` touches the header and its own
        // output, which is `Outcome<()>`, and frees the memory: nothing in them
        // borrows. The schedule function captures nothing.
        Kind::Future => unsafe { builder.spawn_unchecked(make, WithInfo(schedule)) },
        // SAFETY: the same.
        Kind::Blocking => unsafe { builder.spawn_unchecked(make, schedule_blocking) },
    };
    (Runnable::new(runnable), Leash::new(task))
}

/// Queues a task that was [created](create), or drops its future if it was
/// refused.
pub(crate) fn launch_created(shared: &Shared, runnable: Runnable) {
    if runnable.metadata().is_blocking() {
        launch_blocking(shared, runnable);
    } else {
        launch(shared, runnable, push_spawned);
    }
}

/// The same for one that is to run [aside](spawn_aside).
pub(crate) fn launch_aside(shared: &Shared, runnable: Runnable) {
    launch(shared, runnable, push_back);
}

#[inline]
fn launch(shared: &Shared, runnable: Runnable, push: impl FnOnce(&Shared, Seated<'_>, Runnable)) {
    if !enlist(&runnable) {
        return refuse(shared, runnable);
    }
    match context::seat(shared) {
        Some(seat) => push(shared, seat, runnable),
        None => shared.inject(runnable),
    }
}

fn launch_blocking(shared: &Shared, runnable: Runnable) {
    if enlist(&runnable) {
        shared.submit_blocking(runnable);
    } else {
        refuse(shared, runnable);
    }
}

pub(crate) fn spawn_blocking<F, T>(new: New<'_>, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawn_in_pool(new, async move { f() })
}

/// The same with a token that tells the closure to stop.
pub(crate) fn spawn_blocking_with<F, T>(new: New<'_>, f: F) -> JoinHandle<T>
where
    F: FnOnce(&StopToken) -> T + Send + 'static,
    T: Send + 'static,
{
    spawn_in_pool_with(new, |token| async move { f(&token) })
}

/// The same with a future that is polled by the blocking pool.
pub(crate) fn spawn_in_pool_with<F>(
    new: New<'_>,
    make: impl FnOnce(StopToken) -> F,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let token = StopToken::new(new.shared);
    submit(new, Some(token.stop()), make(token))
}

/// Spawns a future that is polled by the blocking pool.
pub(crate) fn spawn_in_pool<F>(new: New<'_>, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    submit(new, None, future)
}

fn submit<F>(new: New<'_>, stop: Option<Arc<Stop>>, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let shared = new.shared;
    let meta = admit(new, Kind::Blocking, stop);
    let (runnable, task) = async_task::Builder::new()
        .metadata(meta)
        .spawn(|_| TaskFuture::new(future), schedule_blocking);
    launch_blocking(shared, Runnable::new(runnable));
    JoinHandle::new(task)
}

/// Counts the new task, or refuses it.
///
/// From inside a task, a plain counter will do: its spawner is alive, so the
/// count does not fall to zero before the new task is in it. For anyone else see
/// [`admit_from_outside`](Shared::admit_from_outside).
#[inline]
pub(crate) fn admit(new: New<'_>, kind: Kind, stop: Option<Arc<Stop>>) -> Meta {
    let shared = &**new.shared;
    let inside = context::in_task_of(shared);
    let (id, admitted) = match context::seat(shared) {
        Some(seat) if inside => {
            // Relaxed, and no partner: a stale phase admits one more task, which the closer
            // counts, for its spawner is alive (see `alive`), and cancels like the others.
            let admitted = shared.phase.load(Ordering::Relaxed) < Phase::Cancelling;
            (seat.next_id(admitted), admitted)
        }
        _ => (id::fresh(), shared.admit_from_outside(inside)),
    };
    let origin = Origin::new(new.site, new.name, stack::inherited(), stop);
    Meta::new(shared, id, origin, kind, admitted)
}

/// Drops a task that may not run. To be called without a lock: it runs user code, the
/// future's and that of wakers.
#[cold]
pub(crate) fn refuse(shared: &Shared, runnable: Runnable) {
    drop(runnable);
    shared.look_at_end();
}

/// Whether the task may run. One with a name is entered in the registry at once,
/// so that it is always listed by it; a closed registry refuses.
#[inline]
fn enlist(runnable: &Runnable) -> bool {
    let meta = runnable.metadata();
    let bind = || meta.bind(runnable.shared(), &runnable.waker()).is_ok();
    meta.is_admitted() && (meta.name().is_none() || bind())
}

/// A spawned task goes behind those that are queued; into the slot only if
/// nothing is, so that the order of spawning is kept.
#[inline]
fn push_spawned(shared: &Shared, seat: Seated<'_>, runnable: Runnable) {
    if seat.has_nothing_queued() {
        let displaced = seat.push_slot(runnable);
        debug_assert!(displaced.is_none(), "the slot was empty");
        shared.watcher.poke(shared);
    } else {
        push_back(shared, seat, runnable);
    }
}

/// Appends to the local queue, or spills half of it, and wakes someone.
#[inline]
pub(crate) fn push_back(shared: &Shared, seat: Seated<'_>, runnable: Runnable) {
    shared.push_local(seat, runnable);
    shared.notify_seated();
}

/// The same for one that was there before.
#[inline]
fn requeue(shared: &Shared, seat: Seated<'_>, runnable: Runnable) {
    if seat.spills() {
        shared.injector.push(runnable);
        shared.notify_seated();
    } else {
        push_back(shared, seat, runnable);
    }
}

/// The schedule function of every future. It captures nothing: `async-task`
/// then needs no reference count around a wake.
#[inline]
fn schedule(raw: async_task::Runnable<Meta>, info: ScheduleInfo) {
    let runnable = Runnable::new(raw);
    // SAFETY: `async-task` schedules a task only while its future is not
    // dropped, so the pointer is valid now. Once the runnable is in a queue it
    // may end at once; from there on the reference is used on a thread that has
    // a seat, and so an entry with a reference of its own, or through the `Arc`.
    let shared = unsafe { runnable.metadata().shared() };
    match context::seat(shared) {
        // It yielded: behind everyone else.
        Some(seat) if info.woken_while_running => requeue(shared, seat, runnable),
        Some(seat) => {
            let displaced = seat.push_slot(runnable);
            shared.watcher.poke(shared);
            if let Some(displaced) = displaced {
                requeue(shared, seat, displaced);
            }
        }
        None => shared.to_arc().inject(runnable),
    }
}

/// The schedule function of every closure for the blocking pool.
fn schedule_blocking(raw: async_task::Runnable<Meta>) {
    let runnable = Runnable::new(raw);
    let shared = runnable.shared().to_arc();
    shared.submit_blocking(runnable);
}

/// Polls a task once, or drops its future if the coordinator cancels.
///
/// `entry` is the top one of this thread, and of the task's coordinator.
#[inline]
pub(crate) fn run(entry: &Entry<'_>, runnable: Runnable) {
    if let Some(seat) = entry.seated() {
        seat.begin_poll(runnable.metadata());
    }
    // Either of the two ends what was published, as soon as the user's code has returned.
    if entry.shared.is_cancelling() {
        discard(entry.shared, runnable);
    } else {
        runnable.run();
    }
}

/// Drops a task's future without polling it.
#[cold]
pub(crate) fn discard(shared: &Shared, runnable: Runnable) {
    // A destructor that does not return is to be listed.
    let listed = context::seat(shared).is_none().then(|| shared.blocking.list(&runnable));
    drop(runnable);
    drop(listed);
}
