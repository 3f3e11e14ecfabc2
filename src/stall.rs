//! What is told of a poll that does not return, and to whom.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::context;
use crate::hooks::Hooks;
use crate::sync_facade::Arc;
use crate::task::TaskId;
use crate::warn;

/// So many spawn sites are logged, each once; whoever has more of them learns
/// nothing from the next.
const MAX_SITES: usize = 64;

/// A poll that keeps a worker for longer than
/// [`stall_threshold`](crate::Builder::stall_threshold).
///
/// ```
/// use std::sync::mpsc;
///
/// let (tx, rx) = mpsc::channel();
/// let coord = oasync::Coordinator::builder()
///     .workers(1)
///     .on_stall(move |stall| tx.send(stall.to_string()).unwrap())
///     .build()?;
/// coord.start()?;
/// let (release, released) = mpsc::channel::<()>();
/// let task = coord.task().name("mail").spawn(async move { released.recv() }); // blocks
/// let line = rx.recv().unwrap();
/// // task 1 `mail`, spawned at src/main.rs:10:38, keeps worker 0 for 13ms
/// assert!(line.contains("`mail`, spawned at") && line.contains("keeps worker 0 for"));
/// release.send(()).unwrap();
/// assert!(coord.block_on(task).unwrap().is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stall {
    /// The task; `None` for the main future of a [`block_on`](crate::block_on()).
    pub id: Option<TaskId>,
    /// The task's name, if it has one.
    pub name: Option<Arc<str>>,
    /// Where the task was spawned, or `block_on` was called.
    pub location: &'static Location<'static>,
    /// The worker, as in [`Metrics::worker`](crate::Metrics::worker).
    pub worker: usize,
    /// How long the poll has lasted so far, counted from the first look that saw it, so up to
    /// 5 milliseconds less than the true time. For how often the workers are looked at, see
    /// [`stall_threshold`](crate::Builder::stall_threshold).
    pub lasts: Duration,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stall { id, name, location, worker, lasts } = self;
        match (id, name) {
            (Some(id), Some(name)) => write!(f, "task {id} `{name}`, spawned at {location},")?,
            (Some(id), None) => write!(f, "task {id}, spawned at {location},")?,
            (None, _) => write!(f, "the main future of `block_on` at {location}")?,
        }
        write!(f, " keeps worker {worker} for {lasts:.0?}")
    }
}

/// Tells the hook, or else the log.
pub(crate) fn tell(hooks: &Hooks, stall: &Stall) {
    let tell = || match &hooks.stall {
        Some(hook) => hook(stall),
        // A logger is a user's code as well.
        None => warn::of_stall(stall),
    };
    context::call(|| hooks.contain(tell));
}

/// Who listens to stalls: the hook, or else the log, which hears of each spawn
/// site once.
#[derive(Default)]
pub(crate) struct Listeners {
    told: Vec<&'static Location<'static>>,
}

impl Listeners {
    /// Whether anybody listens.
    pub(crate) fn any(hooks: &Hooks) -> bool {
        hooks.stall.is_some() || warn::IS_HEARD
    }

    /// Whether this stall is to be [told](tell).
    pub(crate) fn want(&mut self, hooks: &Hooks, stall: &Stall) -> bool {
        hooks.stall.is_some() || self.is_news(stall.location)
    }

    fn is_news(&mut self, site: &'static Location<'static>) -> bool {
        let news = self.told.len() < MAX_SITES && !self.told.contains(&site);
        if news {
            self.told.push(site);
        }
        news
    }
}
