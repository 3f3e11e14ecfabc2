//! What models run on: every operation is a point where the scheduler of `shuttle`
//! may go on with another thread. It takes every ordering as sequentially
//! consistent, so it finds no missing fence; `loom` does.
//!
//! Its threads are continuations on one thread of the system. So the queues and the
//! list of sleepers, which other crates bring, stand here behind a point to switch
//! at; each of their operations is one step. Time is in `model`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use event_listener::IntoNotification;
use shuttle::rand::Rng;
use shuttle::sync as checked;

pub(crate) use checked::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU64, AtomicUsize, Ordering, fence,
};
pub(crate) use checked::{Condvar, Mutex, MutexGuard};
pub(crate) use shuttle::hint::spin_loop;
pub(crate) use shuttle::thread::{Thread, ThreadId, current};
pub(crate) use shuttle::thread_local;
// No initialiser switches threads, so these two are single steps.
pub(crate) use std::sync::{Arc, OnceLock, Weak};

pub(crate) use model::{Instant, wait_until};

pub mod model;

pub(crate) const fn bound(_real: u32, model: u32) -> u32 {
    model
}

pub(crate) fn random(end: usize) -> usize {
    shuttle::rand::thread_rng().gen_range(0..end)
}

pub(crate) fn start_thread(
    name: String,
    _stack_size: Option<usize>,
    f: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle> {
    step();
    if model::refuses_thread() {
        return Err(io::Error::other("the model refuses a thread"));
    }
    shuttle::thread::Builder::new().name(name).spawn(f).map(JoinHandle)
}

pub(crate) struct JoinHandle(shuttle::thread::JoinHandle<()>);

impl JoinHandle {
    pub(crate) fn thread(&self) -> &Thread {
        self.0.thread()
    }

    pub(crate) fn join(self) {
        let _ = self.0.join();
    }

    /// There is no telling.
    pub(crate) fn has_ended(&self) -> bool {
        false
    }

    /// All threads of a model end by themselves.
    pub(crate) fn joins_at_once(&self) -> bool {
        true
    }
}

/// Another thread may come here.
fn step() {
    shuttle::thread::sleep(std::time::Duration::ZERO);
}

#[derive(Debug)]
pub(crate) struct ConcurrentQueue<T>(concurrent_queue::ConcurrentQueue<T>);

impl<T> ConcurrentQueue<T> {
    pub(crate) fn unbounded() -> Self {
        ConcurrentQueue(concurrent_queue::ConcurrentQueue::unbounded())
    }

    pub(crate) fn bounded(capacity: usize) -> Self {
        ConcurrentQueue(concurrent_queue::ConcurrentQueue::bounded(capacity))
    }

    pub(crate) fn push(&self, value: T) -> Result<(), concurrent_queue::PushError<T>> {
        step();
        self.0.push(value)
    }

    pub(crate) fn pop(&self) -> Result<T, concurrent_queue::PopError> {
        step();
        self.0.pop()
    }

    pub(crate) fn try_iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.pop().ok())
    }

    pub(crate) fn len(&self) -> usize {
        step();
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        step();
        self.0.is_empty()
    }
}

/// The crate's list has a lock of the system's, under which it wakes; so one of
/// the model's is around it.
pub(crate) struct Event {
    list: event_listener::Event,
    lock: Arc<Mutex<()>>,
}

impl Event {
    pub(crate) fn new() -> Self {
        Event { list: event_listener::Event::new(), lock: Arc::default() }
    }

    pub(crate) fn notify(&self, n: impl IntoNotification<Tag = ()>) -> usize {
        let _locked = super::lock(&self.lock);
        self.list.notify(n)
    }

    pub(crate) fn listen(&self) -> EventListener {
        let _locked = super::lock(&self.lock);
        EventListener { listener: Some(self.list.listen()), lock: self.lock.clone() }
    }

    pub(crate) fn total_listeners(&self) -> usize {
        let _locked = super::lock(&self.lock);
        self.list.total_listeners()
    }
}

pub(crate) struct EventListener {
    /// `None` once it is discarded.
    listener: Option<event_listener::EventListener>,
    lock: Arc<Mutex<()>>,
}

pub(crate) trait Listener {
    fn discard(self) -> bool;
}

impl Listener for EventListener {
    fn discard(mut self) -> bool {
        let _locked = super::lock(&self.lock);
        self.listener.take().is_some_and(event_listener::Listener::discard)
    }
}

impl Future for EventListener {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let _locked = super::lock(&this.lock);
        let listener = this.listener.as_mut().expect("it is not discarded");
        Pin::new(listener).poll(cx)
    }
}

impl Drop for EventListener {
    fn drop(&mut self) {
        let _locked = super::lock(&self.lock);
        self.listener = None;
    }
}

/// The ring of a local queue.
pub(crate) mod ring {
    use st3::{StealError, fifo};

    use super::step;

    pub(crate) struct Worker<T>(fifo::Worker<T>);
    pub(crate) struct Stealer<T>(fifo::Stealer<T>);

    impl<T> Worker<T> {
        pub(crate) fn new(capacity: usize) -> Self {
            Worker(fifo::Worker::new(capacity))
        }

        pub(crate) fn stealer(&self) -> Stealer<T> {
            Stealer(self.0.stealer())
        }

        pub(crate) fn push(&self, item: T) -> Result<(), T> {
            step();
            self.0.push(item)
        }

        pub(crate) fn pop(&self) -> Option<T> {
            step();
            self.0.pop()
        }

        pub(crate) fn drain(
            &self,
            count: impl FnMut(usize) -> usize,
        ) -> Result<fifo::Drain<'_, T>, StealError> {
            step();
            self.0.drain(count)
        }

        pub(crate) fn spare_capacity(&self) -> usize {
            step();
            self.0.spare_capacity()
        }

        pub(crate) fn is_empty(&self) -> bool {
            step();
            self.0.is_empty()
        }
    }

    impl<T> Stealer<T> {
        pub(crate) fn steal_and_pop(
            &self,
            to: &Worker<T>,
            count: impl FnMut(usize) -> usize,
        ) -> Result<(T, usize), StealError> {
            step();
            self.0.steal_and_pop(&to.0, count)
        }
    }
}
