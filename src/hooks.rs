//! The user's hooks, called so that none of them can do harm, and the count of
//! panics.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use crate::WorkerInfo;
use crate::stall::Stall;
use crate::sync_facade::{Arc, AtomicU64, Ordering};
use crate::task::{Meta, TaskId, message};

pub(crate) type ThreadHook = Box<dyn Fn(&WorkerInfo) + Send + Sync>;
pub(crate) type StallHook = Box<dyn Fn(&Stall) + Send + Sync>;
pub(crate) type PanicHook = Box<dyn Fn(&TaskPanic<'_>) + Send + Sync>;

/// So many payloads are dropped, each the panic of the drop of the one before.
const MOST_PAYLOADS: usize = 16;

/// A panic that no handle takes, as the hook of
/// [`Builder::on_panic`](crate::Builder::on_panic) sees it.
///
/// ```
/// let (tx, rx) = std::sync::mpsc::channel();
/// let coord = oasync::Coordinator::builder()
///     .on_panic(move |panic| {
///         let is_task = panic.id().is_some() && panic.location().is_some();
///         let is_text = panic.payload().is::<&str>();
///         tx.send((is_task, panic.name() == Some("mail"), is_text, panic.to_string())).unwrap();
///     })
///     .build()?;
/// coord.task().name("mail").go(async { panic!("no such host") });
/// coord.start()?;
/// let (is_task, is_mail, is_text, line) = rx.recv().unwrap();
/// assert!(is_task && is_mail && is_text);
/// // task 1 `mail`, spawned at src/main.rs:10:27, panicked: no such host
/// assert!(line.ends_with("panicked: no such host"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TaskPanic<'a> {
    origin: Option<(TaskId, &'static Location<'static>)>,
    name: Option<&'a str>,
    payload: &'a (dyn Any + Send),
}

impl TaskPanic<'_> {
    /// The task that panicked; `None` if it was not a task, but the drop of a result, or
    /// a waker.
    pub fn id(&self) -> Option<TaskId> {
        self.origin.map(|(id, _)| id)
    }

    /// Where the task was spawned.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.origin.map(|(_, location)| location)
    }

    /// The task's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name
    }

    /// What was given to `panic!`.
    pub fn payload(&self) -> &(dyn Any + Send) {
        self.payload
    }
}

impl fmt::Display for TaskPanic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.origin, self.name) {
            (Some((id, at)), Some(name)) => write!(f, "task {id} `{name}`, spawned at {at},")?,
            (Some((id, at)), None) => write!(f, "task {id}, spawned at {at},")?,
            (None, _) => f.write_str("a result or a waker")?,
        }
        match message(self.payload) {
            Some(text) => write!(f, " panicked: {text}"),
            None => f.write_str(" panicked"),
        }
    }
}

impl fmt::Debug for TaskPanic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskPanic({self})")
    }
}

/// Every hook of a coordinator.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) thread_start: Option<ThreadHook>,
    pub(crate) thread_stop: Option<ThreadHook>,
    pub(crate) panic: Option<PanicHook>,
    pub(crate) stall: Option<StallHook>,
    /// Panics caught so far, of every kind.
    pub(crate) panics: AtomicU64,
}

impl Hooks {
    pub(crate) fn thread_started(&self, info: &WorkerInfo) {
        self.call_thread(self.thread_start.as_ref(), info);
    }

    pub(crate) fn thread_stops(&self, info: &WorkerInfo) {
        self.call_thread(self.thread_stop.as_ref(), info);
    }

    fn call_thread(&self, hook: Option<&ThreadHook>, info: &WorkerInfo) {
        if let Some(hook) = hook {
            self.contain(|| hook(info));
        }
    }

    /// Calls `f`; counts and swallows a panic of it.
    pub(crate) fn contain(&self, f: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
            self.count();
            forget(payload);
        }
    }

    /// Calls `f`, which drops a result or calls a waker; a panic of it goes to the
    /// hook.
    pub(crate) fn guard(&self, f: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
            self.report(None, payload);
        }
    }

    fn count(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a panic that no handle will take, and tells the hook.
    pub(crate) fn report(&self, meta: Option<&Meta>, payload: Box<dyn Any + Send>) {
        self.count();
        let origin = meta.map(|meta| (meta.id(), meta.site()));
        let name = meta.and_then(|meta| meta.name()).map(|name| &**name);
        self.tell(origin, name, payload);
    }

    /// Tells the hook of a panic that was counted, and that nobody wants after all.
    pub(crate) fn pass_on(&self, payload: Box<dyn Any + Send>) {
        self.tell(None, None, payload);
    }

    fn tell(
        &self,
        origin: Option<(TaskId, &'static Location<'static>)>,
        name: Option<&str>,
        payload: Box<dyn Any + Send>,
    ) {
        if let Some(hook) = &self.panic {
            let panic = TaskPanic { origin, name, payload: &*payload };
            self.contain(|| hook(&panic));
        }
        forget(payload);
    }
}

/// Drops a panic's payload, whose own drop may panic, with a payload whose own may.
pub(crate) fn forget(mut payload: Box<dyn Any + Send>) {
    for _ in 0..MOST_PAYLOADS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    // Panics all the way down: leak the last one.
    std::mem::forget(payload);
}

/// A task's panic on its way to the handle. If it is dropped on the way, nobody
/// waited for it, and the hook is told.
pub(crate) struct PanicReport(Option<Box<Report>>);

struct Report {
    payload: Option<Box<dyn Any + Send>>,
    origin: (TaskId, &'static Location<'static>),
    name: Option<Arc<str>>,
    hooks: Arc<Hooks>,
}

impl PanicReport {
    /// Counts the panic.
    pub(crate) fn new(hooks: &Arc<Hooks>, meta: &Meta, payload: Box<dyn Any + Send>) -> Self {
        hooks.count();
        PanicReport(Some(Box::new(Report {
            payload: Some(payload),
            origin: (meta.id(), meta.site()),
            name: meta.name().cloned(),
            hooks: hooks.clone(),
        })))
    }

    /// The payload, for the handle; once.
    pub(crate) fn take(&mut self) -> Box<dyn Any + Send> {
        let payload = self.0.as_mut().and_then(|report| report.payload.take());
        payload.unwrap_or_else(|| Box::new("the payload was taken"))
    }

    /// The report itself; nothing stays here.
    pub(crate) fn move_out(&mut self) -> PanicReport {
        PanicReport(self.0.take())
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(payload) = self.payload.take() {
            self.hooks.tell(Some(self.origin), self.name.as_deref(), payload);
        }
    }
}
