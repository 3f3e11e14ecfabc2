//! How a pinned task is made.

use std::error::Error;
use std::fmt;

use crate::pinned::future::Pinned;
use crate::task::{self, JoinHandle, Kind, New, Runnable, TaskFuture};

/// The coordinator has no worker thread of that number.
///
/// ```
/// let coord = oasync::Coordinator::builder().workers(2).build()?;
/// let error = coord.spawn_pinned_on(2, || async {}).unwrap_err();
/// assert_eq!(error.to_string(), "there is no worker 2: they are numbered 0 to 1");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchWorker {
    index: usize,
    workers: usize,
}

impl fmt::Display for NoSuchWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoSuchWorker { index, workers } = self;
        write!(f, "there is no worker {index}: they are numbered 0 to {}", workers - 1)
    }
}

impl Error for NoSuchWorker {}

/// On the thread that has the fewest pinned tasks.
pub(crate) fn spawn_pinned<C, F>(new: New<'_>, make: C) -> JoinHandle<F::Output>
where
    C: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let index = new.shared.quietest_home();
    spawn_at(new, index, make)
}

/// On the worker thread of that number.
pub(crate) fn spawn_pinned_on<C, F>(
    new: New<'_>,
    index: usize,
    make: C,
) -> Result<JoinHandle<F::Output>, NoSuchWorker>
where
    C: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let workers = new.shared.homes.len();
    if index < workers {
        Ok(spawn_at(new, index, make))
    } else {
        Err(NoSuchWorker { index, workers })
    }
}

fn spawn_at<C, F>(new: New<'_>, index: usize, make: C) -> JoinHandle<F::Output>
where
    C: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let shared = new.shared;
    let home = &shared.homes[index];
    let pinned = Pinned::new(home.clone(), make);
    let builder = async_task::Builder::new().metadata(task::admit(new, Kind::Future, None));
    let way_home = home.clone();
    // A task in its home's inbox: for every schedule but the first the thread is
    // there. Captured, so that it holds also for a waker that outlives all.
    let schedule = move |runnable| {
        way_home.push(Runnable::new(runnable));
    };
    // SAFETY: the future is not `Send` once the closure has made it, and that is
    // done by a `run` of the runnable. A runnable goes to the home's inbox only,
    // out of which runnables are taken by the home's thread, which runs and drops
    // them on the spot and does not leave while it has made a future; or by
    // others while there is no such thread, and so no future made. Here it is
    // dropped before it has run. Schedule function, closure and output are
    // `Send`, the function `Sync`; all are 'static.
    let task = unsafe { builder.spawn_unchecked(|_| TaskFuture::new(pinned), schedule) };
    let (runnable, handle) = (Runnable::new(task.0), JoinHandle::new(task.1));
    if enlist(&runnable) {
        if !home.push(runnable) {
            shared.ensure_home(index);
        }
    } else {
        task::refuse(shared, runnable);
    }
    handle
}

/// Whether it may run. Every pinned task is entered in the registry at once: if it
/// waits behind a poll that does not return, nobody else may run or drop it, and the
/// report has to name it.
fn enlist(runnable: &Runnable) -> bool {
    let meta = runnable.metadata();
    meta.is_admitted() && meta.bind(runnable.shared(), &runnable.waker()).is_ok()
}
