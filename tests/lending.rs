//! Promise: a blocking thread that runs out of closures polls async tasks, one
//! at a time, while no worker sleeps and tasks wait; closures go first.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use event_listener::Event;
use oasync::{Coordinator, JoinError, JoinHandle, TaskInfo, TaskState, WorkerKind};

use common::{LONG, coordinator, eventually};

fn kind() -> WorkerKind {
    oasync::worker_info().unwrap().kind()
}

/// A coordinator whose workers are all inside of a poll that does not end, and
/// whose blocking threads are all inside of a closure.
struct Stuck {
    coord: Coordinator,
    release: Arc<AtomicBool>,
    gates: Vec<mpsc::Sender<()>>,
}

impl Stuck {
    fn new(workers: usize, blocking: usize) -> Self {
        Self::with(workers, blocking, || ())
    }

    /// Each stuck poll calls `first` before it sticks.
    fn with(workers: usize, blocking: usize, first: fn()) -> Self {
        let builder = Coordinator::builder().workers(workers).blocking_threads(blocking);
        // Nobody is sent because of a stall.
        let coord = builder.keep_alive(LONG).stall_threshold(10 * LONG).build().unwrap();
        coord.start().unwrap();
        let (entered, inside) = mpsc::channel();
        let gates = (0..blocking)
            .map(|_| {
                let (open, opened) = mpsc::channel();
                let entered = entered.clone();
                coord.gob(move || {
                    entered.send(()).unwrap();
                    opened.recv_timeout(LONG).unwrap();
                });
                inside.recv_timeout(LONG).unwrap();
                open
            })
            .collect();
        let release = Arc::new(AtomicBool::new(false));
        for _ in 0..workers {
            let (entered, release) = (entered.clone(), release.clone());
            coord.go(async move {
                first();
                entered.send(()).unwrap();
                let start = Instant::now();
                while !release.load(Ordering::SeqCst) && start.elapsed() < LONG {
                    thread::sleep(Duration::from_millis(1));
                }
            });
            inside.recv_timeout(LONG).unwrap();
        }
        Stuck { coord, release, gates }
    }

    /// Ends the closures of the blocking threads, which then lend themselves.
    fn lend(&self) {
        self.gates.iter().for_each(|gate| gate.send(()).unwrap());
    }

    fn release(&self) {
        self.release.store(true, Ordering::SeqCst);
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        self.release();
    }
}

/// Waits for a task as a caller of another coordinator, so without a seat.
fn join<T>(handle: JoinHandle<T>) -> Result<T, JoinError> {
    coordinator(1).block_on(handle)
}

#[test]
fn tasks_in_the_injector_run_while_every_worker_is_stuck() {
    for workers in [1, 2] {
        let stuck = Stuck::new(workers, 1);
        let tasks: Vec<_> = (0..100).map(|_| stuck.coord.spawn(async { kind() })).collect();
        assert_eq!(stuck.coord.metrics().lend_count(), 0);
        stuck.lend();
        for task in tasks {
            assert_eq!(join(task).unwrap(), WorkerKind::Blocking);
        }
        eventually("each poll is counted", || stuck.coord.metrics().lend_count() == 100);
        let polls: u64 = stuck.coord.metrics().workers().iter().map(|w| w.poll_count).sum();
        assert_eq!(polls, workers as u64, "the workers polled the stuck tasks only");
    }
}

#[test]
fn tasks_in_a_stuck_workers_own_queue_and_run_slot_run() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    // The first goes to the run slot, the others to the queue, until it is full
    // and half of it goes to the injector.
    let stuck = Stuck::with(1, 1, || {
        for _ in 0..400 {
            oasync::go(async {
                assert_eq!(kind(), WorkerKind::Blocking);
                RAN.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    // The watcher takes one from the run slot to the injector.
    eventually("all are queued", || {
        let metrics = stuck.coord.metrics();
        metrics.workers()[0].local_queue_depth + metrics.injector_depth() == 400
    });
    stuck.lend();
    eventually("all ran", || RAN.load(Ordering::SeqCst) == 400);
    eventually("each poll is counted", || stuck.coord.metrics().lend_count() == 400);
    assert_eq!(stuck.coord.metrics().panics(), 0);
}

#[test]
fn several_blocking_threads_lend_themselves() {
    let stuck = Stuck::new(2, 2);
    // Each of the two waits for the other to be polled: one thread is not enough.
    let (a, b) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let meet = |own: Arc<AtomicBool>, other: Arc<AtomicBool>| async move {
        own.store(true, Ordering::SeqCst);
        eventually("the other is polled meanwhile", || other.load(Ordering::SeqCst));
        kind()
    };
    let tasks = [stuck.coord.spawn(meet(a.clone(), b.clone())), stuck.coord.spawn(meet(b, a))];
    stuck.lend();
    for task in tasks {
        assert_eq!(join(task).unwrap(), WorkerKind::Blocking);
    }
}

#[test]
fn one_poll_at_a_time() {
    let stuck = Stuck::new(1, 1);
    let log = Arc::new(Mutex::new(String::new()));
    let tasks = ['a', 'b', 'c'].map(|name| {
        let log = log.clone();
        stuck.coord.spawn(async move {
            for _ in 0..4 {
                log.lock().unwrap().push(name);
                oasync::yield_now().await;
            }
        })
    });
    stuck.lend();
    tasks.into_iter().for_each(|task| join(task).unwrap());
    assert_eq!(*log.lock().unwrap(), "abcabcabcabc");
    eventually("each poll is counted", || stuck.coord.metrics().lend_count() == 15);
}

#[test]
fn closures_go_before_lending() {
    let stuck = Stuck::new(1, 1);
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let log = log.clone();
        move || log.lock().unwrap().push(what)
    };
    let (first, second, closure, late) =
        (note("task 1"), note("task 2"), note("closure"), note("closure of task 1"));
    let tasks = [
        stuck.coord.spawn(async move {
            first();
            oasync::gob(late);
        }),
        stuck.coord.spawn(async move { second() }),
    ];
    stuck.coord.gob(closure);
    stuck.lend();
    tasks.into_iter().for_each(|task| join(task).unwrap());
    assert_eq!(*log.lock().unwrap(), ["closure", "task 1", "closure of task 1", "task 2"]);
}

#[test]
fn a_closure_is_not_kept_waiting_by_a_task_that_yields_for_ever() {
    let stuck = Stuck::new(1, 1);
    let ran = Arc::new(AtomicBool::new(false));
    let (seen, lent) = (ran.clone(), Arc::new(AtomicBool::new(false)));
    let polled = lent.clone();
    let task = stuck.coord.spawn(async move {
        while !seen.load(Ordering::SeqCst) {
            polled.store(true, Ordering::SeqCst);
            oasync::yield_now().await;
        }
    });
    stuck.lend();
    eventually("the task is lent a thread", || lent.load(Ordering::SeqCst));
    let closure = stuck.coord.spawn_blocking(move || ran.store(true, Ordering::SeqCst));
    join(closure).unwrap();
    join(task).unwrap();
}

#[test]
fn a_lent_task_that_panics_harms_nobody() {
    let stuck = Stuck::new(1, 1);
    let bad = stuck.coord.spawn(async {
        assert_eq!(kind(), WorkerKind::Worker, "lent");
    });
    let good = stuck.coord.spawn(async { (kind(), thread::current().id()) });
    stuck.lend();
    assert!(join(bad).unwrap_err().to_string().contains("lent"));
    let (kind, on) = join(good).unwrap();
    assert_eq!(kind, WorkerKind::Blocking);
    let closure = join(stuck.coord.spawn_blocking(|| thread::current().id())).unwrap();
    assert_eq!(closure, on, "the thread lives on");
    let metrics = stuck.coord.metrics();
    assert_eq!((metrics.panics(), metrics.num_blocking_threads()), (1, 1));
}

#[test]
fn a_lent_task_that_blocks_on_a_foreign_event_goes_on() {
    let stuck = Stuck::new(1, 1);
    let event = Arc::new(Event::new());
    let (blocked, notified) = mpsc::channel();
    let heard = event.clone();
    let task = stuck.coord.spawn(async move {
        let listener = heard.listen();
        blocked.send(kind()).unwrap();
        oasync::block_on(listener);
        kind()
    });
    stuck.lend();
    assert_eq!(notified.recv_timeout(LONG).unwrap(), WorkerKind::Blocking);
    event.notify(1);
    assert_eq!(join(task).unwrap(), WorkerKind::Blocking);
}

#[test]
fn a_lent_task_that_blocks_on_a_task_goes_on_when_a_worker_does() {
    let stuck = Stuck::new(1, 1);
    let (blocked, about_to) = mpsc::channel();
    let task = stuck.coord.spawn(async move {
        let inner = oasync::spawn(async { 7 });
        blocked.send(kind()).unwrap();
        oasync::block_on(inner).unwrap()
    });
    stuck.lend();
    assert_eq!(about_to.recv_timeout(LONG).unwrap(), WorkerKind::Blocking);
    stuck.release();
    assert_eq!(join(task).unwrap(), 7);
}

#[test]
fn a_lent_task_that_blocks_on_a_closure_gets_another_thread() {
    let stuck = Stuck::new(1, 2);
    let task = stuck.coord.spawn(async {
        let closure = oasync::spawn_blocking(|| (kind(), thread::current().id()));
        let here = (kind(), thread::current().id());
        (here, oasync::block_on(closure).unwrap())
    });
    stuck.lend();
    let (task, closure) = join(task).unwrap();
    assert_eq!((task.0, closure.0), (WorkerKind::Blocking, WorkerKind::Blocking));
    assert_ne!(task.1, closure.1);
}

#[test]
fn a_lent_poll_that_blocks_in_place_lets_another_thread_come() {
    /// Waits, inside a lent poll, for a closure and for a task that does the same.
    fn nested(depth: usize) {
        assert_eq!(kind(), WorkerKind::Blocking);
        if depth == 0 {
            return;
        }
        let (closure, ran) = mpsc::channel();
        oasync::gob(move || closure.send(()).unwrap());
        let (task, polled) = mpsc::channel();
        oasync::go(async move {
            nested(depth - 1);
            task.send(()).unwrap();
        });
        oasync::block_in_place(|| {
            ran.recv_timeout(LONG).expect("the closure runs");
            polled.recv_timeout(LONG).expect("the task is polled");
        });
    }
    for blocking in [1, 2] {
        let stuck = Stuck::new(1, blocking);
        // More at once than lenders may be, if they did not say that they block.
        let task = stuck.coord.spawn(async { nested(20) });
        stuck.lend();
        join(task).unwrap();
    }
}

#[test]
fn nothing_is_lent_when_no_task_waits() {
    let coord = coordinator(2);
    for _ in 0..50 {
        coord.block_on(coord.spawn_blocking(|| ())).unwrap();
    }
    assert_eq!(coord.metrics().lend_count(), 0);
}

#[test]
fn tasks_go_on_moving_between_lent_threads_and_workers() {
    let stuck = Stuck::new(2, 2);
    let sum = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..200)
        .map(|i| {
            let sum = sum.clone();
            stuck.coord.spawn(async move {
                for _ in 0..20 {
                    oasync::yield_now().await;
                }
                sum.fetch_add(oasync::spawn(async move { i }).await.unwrap(), Ordering::SeqCst);
            })
        })
        .collect();
    stuck.lend();
    eventually("they are lent threads", || stuck.coord.metrics().lend_count() > 100);
    stuck.release();
    tasks.into_iter().for_each(|task| join(task).unwrap());
    assert_eq!(sum.load(Ordering::SeqCst), 19_900);
}

#[test]
fn a_lent_poll_that_does_not_return_is_listed_and_reported_as_running() {
    // In its first poll, in which nothing else knows of it, and in its second.
    for yields in [0, 1] {
        let stuck = Stuck::new(1, 1);
        let release = stuck.release.clone();
        let (entered, inside) = mpsc::channel();
        let task = stuck.coord.spawn(async move {
            for _ in 0..yields {
                oasync::yield_now().await;
            }
            entered.send(kind()).unwrap();
            eventually("it may end", || release.load(Ordering::SeqCst));
        });
        stuck.lend();
        assert_eq!(inside.recv_timeout(LONG).unwrap(), WorkerKind::Blocking);
        let is_running = |tasks: Vec<TaskInfo>| {
            let info = tasks.into_iter().find(|info| info.id() == task.id());
            info.is_some_and(|info| info.state() == TaskState::Running && info.age().is_some())
        };
        assert!(is_running(stuck.coord.tasks()));
        let report = stuck.coord.shutdown(Duration::ZERO);
        assert_eq!(report.still_running.len(), 2, "it and what keeps the worker: {report:?}");
        assert!(is_running(report.still_running));
        stuck.release();
        eventually("it is off the list", || stuck.coord.tasks().is_empty());
    }
}
