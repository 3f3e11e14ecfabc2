//! What the models share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use oasync::{Coordinator, JoinHandle};
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::sync::{Mutex, mpsc};

/// Schedules for each model and scheduler, if `SHUTTLE_ITERATIONS` does not say.
const SCHEDULES: usize = 10_000;

/// Tries `model` under random schedules, and under those of *probabilistic
/// concurrency testing*, which switch seldom, but where it hurts. Or under the one
/// in the file that `SHUTTLE_REPLAY` names.
pub fn check(model: fn()) {
    if let Ok(path) = std::env::var("SHUTTLE_REPLAY") {
        run(ReplayScheduler::new_from_file(path).unwrap(), model);
        return;
    }
    let given = std::env::var("SHUTTLE_ITERATIONS").ok();
    let schedules = given.map_or(SCHEDULES, |number| number.parse().unwrap());
    run(RandomScheduler::new(schedules), model);
    run(PctScheduler::new(2, schedules / 2), model);
    run(PctScheduler::new(4, schedules.div_ceil(2)), model);
}

fn run(scheduler: impl Scheduler + 'static, model: fn()) {
    let mut config = shuttle::Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    shuttle::Runner::new(scheduler, config).run(model);
}

pub fn coordinator(workers: usize) -> Coordinator {
    Coordinator::builder().workers(workers).blocking_threads(2).build().unwrap()
}

pub fn started(workers: usize) -> Coordinator {
    let coord = coordinator(workers);
    coord.start().unwrap();
    coord
}

/// A thread that is none of the coordinator's.
pub fn outside<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> shuttle::thread::JoinHandle<T> {
    shuttle::thread::spawn(f)
}

/// Lets the others go on, by chance so far that they sleep. (A searching worker yields: a
/// scheduler that goes by priorities then prefers whoever has something for it.)
pub fn breathe() {
    let rounds = shuttle::rand::thread_rng().gen_range(0..8);
    (0..rounds).for_each(|_| shuttle::thread::yield_now());
}

/// Waits without working.
pub fn wait<F: Future>(future: F) -> F::Output {
    shuttle::future::block_on(future)
}

/// Waits for the results without working, and adds them up.
pub fn sum(handles: Vec<JoinHandle<usize>>) -> usize {
    handles.into_iter().map(|handle| wait(handle).unwrap()).sum()
}

/// Counts what is made and dropped.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Counts>);

#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
    waiting: Mutex<Option<Waker>>,
}

/// What is counted; held by a future.
pub struct Counted(Ledger);

impl Ledger {
    pub fn counted(&self) -> Counted {
        self.0.made.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }

    pub fn made(&self) -> usize {
        self.0.made.load(Ordering::SeqCst)
    }

    pub fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::SeqCst)
    }

    /// Waits until all that was made is dropped. (The tasks may not be counted out.)
    pub async fn settled(&self) {
        std::future::poll_fn(|cx| {
            let mut waiting = self.0.waiting.lock().unwrap();
            if self.made() == self.dropped() {
                return Poll::Ready(());
            }
            *waiting = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// All is done: nothing is alive, before and after the coordinator's end.
    #[track_caller]
    pub fn close(&self, coord: Coordinator) {
        assert_eq!(coord.metrics().num_alive_tasks(), 0, "all is done");
        assert_eq!(self.made(), self.dropped(), "all is dropped");
        self.end(coord);
    }

    /// Not all may be done; but nothing is alive after the end.
    #[track_caller]
    pub fn end(&self, coord: Coordinator) {
        let handle = coord.handle();
        drop(coord);
        assert_eq!(handle.metrics().num_alive_tasks(), 0, "nothing is alive after the end");
        assert_eq!(self.made(), self.dropped(), "all is dropped at the end");
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let counts = &self.0.0;
        let waiting = counts.waiting.lock().unwrap().take();
        counts.dropped.fetch_add(1, Ordering::SeqCst);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Opened once; all who wait go on.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    pub fn open(&self) {
        let wakers = {
            let mut gate = self.0.lock().unwrap();
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub fn is_open(&self) -> bool {
        self.0.lock().unwrap().0
    }

    /// The wakers of those who wait now.
    pub fn wakers(&self) -> Vec<Waker> {
        self.0.lock().unwrap().1.clone()
    }

    pub async fn passed(&self) {
        std::future::poll_fn(|cx| {
            let mut gate = self.0.lock().unwrap();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Counted {
    /// One more.
    pub fn again(&self) -> Counted {
        self.0.counted()
    }
}

/// Lets time pass, by half a millisecond at a time, until the gate is opened.
pub fn ticks() -> (Gate, shuttle::thread::JoinHandle<()>) {
    let end = Gate::default();
    let thread = outside({
        let end = end.clone();
        move || {
            while !end.is_open() {
                oasync::model::advance(Duration::from_micros(500));
                shuttle::thread::yield_now();
            }
        }
    });
    (end, thread)
}

/// A task that blocks until a closure has run.
pub fn waits_for_a_closure(
    coord: &Coordinator,
    ledger: &Ledger,
) -> impl Future<Output = ()> + Send + 'static {
    let (counted, handle) = (ledger.counted(), coord.handle());
    async move {
        let (sender, receiver) = mpsc::channel();
        handle.gob(move || sender.send(counted).unwrap());
        drop(receiver.recv().unwrap());
    }
}
