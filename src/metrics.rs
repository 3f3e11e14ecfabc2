//! What a coordinator tells about itself: counters, and the tasks alive.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::shared::Shared;
use crate::sync_facade::{Arc, Instant, Ordering};
use crate::task::{Label, TaskId};

/// What a coordinator has done so far and holds right now.
///
/// A snapshot, but not of one moment: the numbers are read one after the other
/// while the threads go on. The lengths of queues and the number of tasks alive may be
/// too high by what changes just then.
///
/// ```
/// let coord = oasync::Coordinator::builder().workers(2).build()?;
/// let task = coord.spawn(async {});
/// let closure = coord.spawn_blocking(|| ());
/// let before = coord.metrics(); // nothing runs yet
/// assert_eq!((before.num_workers(), before.num_alive_tasks()), (2, 2));
/// assert_eq!((before.injector_depth(), before.blocking_queue_depth()), (1, 1));
/// assert_eq!((before.num_worker_threads(), before.num_blocking_threads()), (0, 0));
/// assert_eq!((before.panics(), before.arena_bytes()), (0, 0));
/// assert_eq!((before.stall_count(), before.rescued_count()), (0, 0));
///
/// coord.block_on(async { (task.await.unwrap(), closure.await.unwrap()) });
/// let after = coord.metrics();
/// let polls: u64 = after.workers().iter().map(|worker| worker.poll_count).sum();
/// assert_eq!(polls + after.lend_count(), 1);
/// assert!(after.worker(1).is_some() && after.worker(2).is_none());
/// assert!(after.num_idle_blocking_threads() <= after.num_blocking_threads());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    workers: Vec<WorkerMetrics>,
    spawned_count: u64,
    finished_count: u64,
    num_alive_tasks: u64,
    injector_depth: usize,
    num_worker_threads: usize,
    num_blocking_threads: usize,
    num_idle_blocking_threads: usize,
    blocking_queue_depth: usize,
    lend_count: u64,
    stall_count: u64,
    rescued_count: u64,
    arena_bytes: usize,
    panics: u64,
    #[cfg(feature = "time")]
    num_timers: usize,
}

/// The counters of one worker, that is, of one of the seats that worker threads
/// and callers of `block_on` share.
///
/// ```
/// let coord = oasync::Coordinator::builder().workers(1).build()?;
/// coord.block_on(async { oasync::spawn(async {}).await.unwrap() });
/// let metrics = coord.metrics();
/// let worker = metrics.worker(0).unwrap();
/// assert_eq!(worker.poll_count + metrics.lend_count(), 1);
/// assert_eq!((worker.steal_count, worker.local_queue_depth), (0, 0));
/// println!("busy for {:?}, parked {} times", worker.busy, worker.park_count);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// Polls of tasks, not counting those of main futures and lent ones.
    pub poll_count: u64,
    /// Successful steals, each of up to half of another worker's queue.
    pub steal_count: u64,
    /// How often the worker ran out of work and gave up its seat.
    pub park_count: u64,
    /// Tasks in the local queue and the run slot, now.
    pub local_queue_depth: usize,
    /// How long a thread was on the seat: polling, or looking for work.
    pub busy: Duration,
    /// The longest poll of a task or main future. It is sampled as often as
    /// [`stall_threshold`](crate::Builder::stall_threshold) says, so it may be up to one
    /// millisecond too low, or ten if all workers were busy, and is zero if all polls were
    /// shorter than that. Polls during which other workers have nothing to do may be missed.
    pub longest_poll: Duration,
}

impl Metrics {
    /// The number of workers: seats, not threads.
    pub fn num_workers(&self) -> usize {
        self.workers.len()
    }

    /// Tasks and closures that were spawned so far, without those that were refused.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.go(std::future::pending::<()>());
    /// coord.block_on(coord.spawn(async {})).unwrap();
    /// let metrics = coord.metrics();
    /// assert_eq!((metrics.spawned_count(), metrics.finished_count()), (2, 1));
    /// ```
    pub fn spawned_count(&self) -> u64 {
        self.spawned_count
    }

    /// Those of them that have ended: returned, panicked, or been cancelled.
    pub fn finished_count(&self) -> u64 {
        self.finished_count
    }

    /// Futures and closures that are queued, running or waiting.
    pub fn num_alive_tasks(&self) -> u64 {
        self.num_alive_tasks
    }

    /// Runnables in the injector.
    pub fn injector_depth(&self) -> usize {
        self.injector_depth
    }

    /// Each worker's counters.
    pub fn workers(&self) -> &[WorkerMetrics] {
        &self.workers
    }

    /// The counters of worker `index`; `None` if there are fewer.
    pub fn worker(&self, index: usize) -> Option<&WorkerMetrics> {
        self.workers.get(index)
    }

    /// Worker threads that run or sleep. Threads start when there is work for
    /// them, so it may be fewer than the workers.
    pub fn num_worker_threads(&self) -> usize {
        self.num_worker_threads
    }

    /// Threads of the blocking pool.
    pub fn num_blocking_threads(&self) -> usize {
        self.num_blocking_threads
    }

    /// Threads of the blocking pool that have nothing to do.
    pub fn num_idle_blocking_threads(&self) -> usize {
        self.num_idle_blocking_threads
    }

    /// Closures that wait for a thread of the blocking pool.
    pub fn blocking_queue_depth(&self) -> usize {
        self.blocking_queue_depth
    }

    /// Polls of async tasks that threads of the blocking pool did.
    pub fn lend_count(&self) -> u64 {
        self.lend_count
    }

    /// Polls, of tasks and main futures, that kept a worker for longer than
    /// [`stall_threshold`](crate::Builder::stall_threshold).
    pub fn stall_count(&self) -> u64 {
        self.stall_count
    }

    /// Tasks that were taken out of the run slot of a worker that stayed in one
    /// poll.
    pub fn rescued_count(&self) -> u64 {
        self.rescued_count
    }

    /// Bytes that arenas hold: those in use and those in the pool.
    pub fn arena_bytes(&self) -> usize {
        self.arena_bytes
    }

    /// Sleeps, timeouts and intervals that wait.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let timers = coord.block_on(async {
    ///     let sleep = std::pin::pin!(oasync::sleep(std::time::Duration::from_secs(60)));
    ///     // Polled once, and then not needed any more.
    ///     assert!(futures_lite::future::poll_once(sleep).await.is_none());
    ///     oasync::Coordinator::current().metrics().num_timers()
    /// });
    /// assert_eq!((timers, coord.metrics().num_timers()), (1, 0));
    /// ```
    #[cfg(feature = "time")]
    pub fn num_timers(&self) -> usize {
        self.num_timers
    }

    /// Panics caught in tasks, results, wakers and hooks.
    pub fn panics(&self) -> u64 {
        self.panics
    }
}

/// A task that is alive.
///
/// ```
/// let coord = oasync::Coordinator::new();
/// coord.block_on(async {
///     let waiter = oasync::task().name("waiter").spawn(std::future::pending::<()>());
///     let tasks = oasync::Coordinator::current().tasks();
///     assert_eq!((tasks[0].id(), tasks[0].name()), (waiter.id(), Some("waiter")));
///     assert!(tasks[0].age().is_some() && tasks[0].location().line() > 0);
///     println!("{}", tasks[0]); // task 1 `waiter`, spawned at src/main.rs:3:45, waiting
/// });
/// ```
#[derive(Clone, Debug)]
pub struct TaskInfo {
    id: TaskId,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
    state: TaskState,
    age: Option<Duration>,
    polls: Option<u64>,
}

/// What a task is doing.
///
/// ```
/// use oasync::{Coordinator, TaskState};
///
/// let coord = Coordinator::new();
/// let task = coord.task().name("me").spawn(async { Coordinator::current().tasks()[0].state() });
/// assert_eq!(coord.tasks()[0].state(), TaskState::Waiting); // for its turn
/// assert_eq!(coord.block_on(task).unwrap(), TaskState::Running);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// It is being polled, or its closure runs.
    Running,
    /// It waits to be woken, or has been woken and waits for its turn.
    Waiting,
}

impl TaskInfo {
    /// The task's id.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("mail").spawn(async {});
    /// assert_eq!(coord.tasks()[0].id(), task.id());
    /// ```
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// The name given with [`TaskBuilder::name`](crate::TaskBuilder::name).
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("mail").spawn(async {});
    /// assert_eq!(coord.tasks()[0].name(), Some("mail"));
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was spawned.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("mail").spawn(async {});
    /// assert_eq!(coord.tasks()[0].location().file(), file!());
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// What it is doing.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("mail").spawn(async {});
    /// assert_eq!(coord.tasks()[0].state(), oasync::TaskState::Waiting); // for its turn
    /// ```
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// With a name, or pinned: how long ago it was spawned. Without: how long ago it
    /// first waited, or its closure began. In its first poll: `None`, or, if the
    /// blocking pool does that, how long it has lasted.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// let task = coord.task().name("mail").spawn(async {});
    /// assert!(coord.tasks()[0].age().is_some());
    /// ```
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// How often the task has been polled. Polls are counted for tasks that have a name,
    /// [inherited](crate::InheritedLocal) a value or have a
    /// [`StopToken`](crate::StopToken); counting would cost all others time.
    ///
    /// ```
    /// let coord = oasync::Coordinator::new();
    /// coord.task().name("waiter").go(std::future::pending::<()>());
    /// assert_eq!(coord.tasks()[0].polls(), Some(0));
    /// coord.block_on(async {
    ///     while coord.tasks()[0].polls() != Some(1) {
    ///         oasync::yield_now().await;
    ///     }
    /// });
    /// ```
    pub fn polls(&self) -> Option<u64> {
        self.polls
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        let state = match self.state {
            TaskState::Running => "running",
            TaskState::Waiting => "waiting",
        };
        write!(f, ", spawned at {}, {state}", self.location)
    }
}

impl Shared {
    pub(crate) fn finished(&self) -> u64 {
        // Acquire and SeqCst: as in `alive`.
        let seats = self.seats.iter().map(|seat| seat.counters.finished.load(Ordering::Acquire));
        seats.sum::<u64>() + self.foreign.finished.load(Ordering::SeqCst)
    }

    fn spawned(&self) -> u64 {
        // Relaxed: who has counted the ends before (Acquire) counts no fewer spawns.
        let seats = self.seats.iter().map(|seat| seat.counters.spawned.load(Ordering::Relaxed));
        seats.sum::<u64>() + self.foreign.spawned.load(Ordering::Relaxed)
    }

    pub(crate) fn cancelled(&self) -> u64 {
        // Relaxed: who has counted an end (`finished`) sees whether it was a cancelled one.
        self.foreign.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let blocking = self.blocking.census();
        Metrics {
            workers: (0..self.seats.len()).map(|index| self.worker_metrics(index)).collect(),
            // In this order: no more have ended than were spawned.
            finished_count: self.finished(),
            spawned_count: self.spawned(),
            num_alive_tasks: self.alive(),
            injector_depth: self.injector.len(),
            num_worker_threads: self.threads.live(),
            num_blocking_threads: blocking.threads,
            num_idle_blocking_threads: blocking.idle,
            blocking_queue_depth: blocking.queued,
            lend_count: self.blocking.lend_count(),
            stall_count: self.watcher.stalls.load(Ordering::Relaxed),
            rescued_count: self.watcher.rescued.load(Ordering::Relaxed),
            arena_bytes: self.arenas.bytes(),
            panics: self.hooks.panics.load(Ordering::Relaxed),
            #[cfg(feature = "time")]
            num_timers: self.timers.len(),
        }
    }

    fn worker_metrics(&self, index: usize) -> WorkerMetrics {
        let seat = &self.seats[index];
        let counters = &seat.counters;
        WorkerMetrics {
            poll_count: counters.task_polls(),
            steal_count: counters.steals.load(Ordering::Relaxed),
            park_count: counters.parks.load(Ordering::Relaxed),
            local_queue_depth: seat.queue.len() + usize::from(!seat.slot.is_empty()),
            busy: Duration::from_nanos(counters.busy(|| self.now())),
            longest_poll: Duration::from_nanos(counters.longest.load(Ordering::Relaxed)),
        }
    }

    /// Every task that has waited once, has a name, or is running.
    pub(crate) fn tasks(&self) -> Vec<TaskInfo> {
        let (now, uptime) = (Instant::now(), self.epoch.elapsed());
        let mut tasks: Vec<TaskInfo> = Vec::new();
        self.registry.for_each(|meta, since| {
            tasks.push(TaskInfo {
                id: meta.id(),
                name: meta.name().cloned(),
                location: meta.site(),
                state: TaskState::Waiting,
                age: Some(uptime.saturating_sub(since)),
                polls: meta.polls(),
            });
        });
        for running in self.blocking.running() {
            let info = set_running(&mut tasks, running.id, running.site);
            info.name = running.name;
            info.age.get_or_insert_with(|| now.saturating_duration_since(running.since));
        }
        for (task, site) in self.seats.iter().filter_map(|seat| seat.counters.running()) {
            if let Some(id) = task {
                set_running(&mut tasks, id, site);
            }
        }
        tasks.sort_by_key(TaskInfo::id);
        tasks
    }

    /// Describes tasks of this coordinator that are known by their labels.
    pub(crate) fn describe(&self, labels: Vec<Label>) -> Vec<TaskInfo> {
        if labels.is_empty() {
            return Vec::new();
        }
        let listed = self.tasks();
        let describe = |label: Label| {
            // They are sorted by id.
            match listed.binary_search_by_key(&label.id, TaskInfo::id) {
                Ok(at) => TaskInfo { name: label.name, ..listed[at].clone() },
                Err(_) => TaskInfo {
                    id: label.id,
                    name: label.name,
                    location: label.site,
                    state: TaskState::Waiting,
                    age: None,
                    polls: None,
                },
            }
        };
        let mut tasks: Vec<TaskInfo> = labels.into_iter().map(describe).collect();
        tasks.sort_by_key(TaskInfo::id);
        tasks
    }
}

/// Marks the task as running, adding it if it is not in the list yet.
fn set_running<'a>(
    tasks: &'a mut Vec<TaskInfo>,
    id: TaskId,
    location: &'static Location<'static>,
) -> &'a mut TaskInfo {
    let at = tasks.iter().position(|info| info.id == id).unwrap_or_else(|| {
        let state = TaskState::Running;
        tasks.push(TaskInfo { id, name: None, location, state, age: None, polls: None });
        tasks.len() - 1
    });
    tasks[at].state = TaskState::Running;
    &mut tasks[at]
}
