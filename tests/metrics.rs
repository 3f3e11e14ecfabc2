//! Promise: the counters tell what happened, exactly where that is exact.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use event_listener::Event;
use oasync::{Coordinator, Metrics, TaskInfo, TaskState, WorkerKind, WorkerMetrics};

use common::{LONG, coordinator, eventually, started, without_help};

/// The metrics of the coordinator that this task is in.
fn here() -> Metrics {
    Coordinator::current().metrics()
}

fn sum(metrics: &Metrics, field: fn(&WorkerMetrics) -> u64) -> u64 {
    metrics.workers().iter().map(field).sum()
}

#[test]
fn a_new_coordinator_has_nothing_but_its_workers() {
    let coord = coordinator(3);
    let metrics = coord.metrics();
    assert_eq!((metrics.num_workers(), metrics.workers().len()), (3, 3));
    assert!(metrics.worker(2).is_some() && metrics.worker(3).is_none());
    assert_eq!((metrics.num_alive_tasks(), metrics.injector_depth()), (0, 0));
    assert_eq!((metrics.num_worker_threads(), metrics.num_blocking_threads()), (0, 0));
    assert_eq!((metrics.num_idle_blocking_threads(), metrics.blocking_queue_depth()), (0, 0));
    assert_eq!((metrics.lend_count(), metrics.panics(), metrics.arena_bytes()), (0, 0, 0));
    for worker in metrics.workers() {
        assert_eq!((worker.poll_count, worker.steal_count, worker.park_count), (0, 0, 0));
        assert_eq!((worker.local_queue_depth, worker.busy), (0, Duration::ZERO));
    }
    let default = thread::available_parallelism().map_or(1, usize::from);
    assert_eq!(Coordinator::new().metrics().num_workers(), default);
}

#[test]
fn what_is_spawned_before_the_start_is_queued_and_alive() {
    let coord = coordinator(2);
    let tasks: Vec<_> = (0..700).map(|_| coord.spawn(async {})).collect();
    let closures: Vec<_> = (0..3).map(|_| coord.spawn_blocking(|| ())).collect();
    let metrics = coord.metrics();
    assert_eq!((metrics.injector_depth(), metrics.blocking_queue_depth()), (700, 3));
    assert_eq!(metrics.num_alive_tasks(), 703);
    coord.block_on(async {
        for task in tasks.into_iter().chain(closures) {
            task.await.unwrap();
        }
    });
    let metrics = coord.metrics();
    assert_eq!((metrics.injector_depth(), metrics.blocking_queue_depth()), (0, 0));
    assert_eq!(metrics.num_alive_tasks(), 0);
    assert_eq!(sum(&metrics, |w| w.poll_count) + metrics.lend_count(), 700);
}

#[test]
fn a_task_is_alive_while_it_waits_and_until_its_end() {
    let coord = coordinator(2);
    let event = Event::new();
    coord.block_on(async {
        let tasks: Vec<_> = (0..10).map(|_| oasync::spawn(event.listen())).collect();
        assert_eq!(here().num_alive_tasks(), 10);
        oasync::yield_now().await;
        assert_eq!(here().num_alive_tasks(), 10);
        event.notify(4);
        let mut tasks = tasks.into_iter();
        for task in tasks.by_ref().take(4) {
            task.await.unwrap();
        }
        for (task, alive) in tasks.zip((0..6).rev()) {
            assert_eq!(here().num_alive_tasks(), alive + 1);
            assert!(task.cancel().await.unwrap_err().is_cancelled());
            assert_eq!(here().num_alive_tasks(), alive);
        }
        assert_eq!(here().num_alive_tasks(), 0);
        let panicking = oasync::spawn(async { panic!("ends too") });
        assert!(panicking.await.unwrap_err().is_panic());
        assert_eq!(here().num_alive_tasks(), 0);
    });
}

#[test]
fn every_poll_is_counted_once() {
    for workers in [1, 4] {
        let coord = without_help(workers);
        coord.block_on(async {
            let tasks: Vec<_> = (0..50)
                .map(|yields| {
                    oasync::spawn(async move {
                        for _ in 0..yields {
                            oasync::yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let polls = (0..50).map(|yields| yields + 1).sum::<u64>();
        assert_eq!(sum(&coord.metrics(), |w| w.poll_count), polls);
        assert_eq!(coord.metrics().lend_count(), 0);
    }
}

#[test]
fn one_worker_steals_nothing() {
    let coord = coordinator(1);
    coord.block_on(async {
        let tasks: Vec<_> = (0..1000).map(|_| oasync::spawn(oasync::yield_now())).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(sum(&coord.metrics(), |w| w.steal_count), 0);
}

/// The polls and steals of each worker.
fn polls_and_steals() -> Vec<(u64, u64)> {
    here().workers().iter().map(|w| (w.poll_count, w.steal_count)).collect()
}

/// The kind of thread that polls this, and what each worker did while it waited in that
/// poll for ten tasks, which only others can run.
async fn while_it_is_stolen_from() -> (WorkerKind, Vec<(u64, u64)>) {
    let before = polls_and_steals();
    let ran = Arc::new(AtomicUsize::new(0));
    oasync::go(async {}); // to the run slot; the others can be stolen
    for _ in 0..10 {
        let ran = ran.clone();
        oasync::go(async move {
            ran.fetch_add(1, Ordering::SeqCst);
        });
    }
    eventually("the others run them", || ran.load(Ordering::SeqCst) == 10);
    let after = polls_and_steals().into_iter().zip(before);
    let kind = oasync::worker_info().unwrap().kind();
    (kind, after.map(|(now, then)| (now.0 - then.0, now.1 - then.1)).collect())
}

#[test]
fn a_steal_is_counted_by_the_thief() {
    let coord = started(2);
    // A blocking thread that the watcher sends may take them all, and does not steal.
    eventually("the other worker comes first", || {
        let task = coord.spawn(while_it_is_stolen_from());
        eventually("it ends", || task.is_finished());
        let (kind, mut workers) = coord.block_on(task).unwrap();
        if kind == WorkerKind::Blocking {
            return false; // lent: it had no queue to steal from
        }
        workers.sort();
        assert_eq!(workers[0], (0, 0), "the one that was stolen from");
        let (polls, steals) = workers[1];
        // Half of what is left at a time: 10, 5, 3, … or fewer if it came early.
        assert!(steals <= 11 && (polls > 0 || steals == 0), "{workers:?}");
        steals > 0
    });
}

#[test]
fn a_worker_parks_once_for_each_wait() {
    let coord = coordinator(1);
    let event = Arc::new(Event::new());
    for parks in 1..=5 {
        thread::scope(|s| {
            s.spawn(|| {
                eventually("the caller parks", || coord.metrics().workers()[0].park_count == parks);
                event.notify(1);
            });
            coord.block_on(event.listen());
        });
        assert_eq!(coord.metrics().workers()[0].park_count, parks);
    }
}

#[test]
fn a_local_queue_is_as_deep_as_what_was_spawned_there() {
    let coord = without_help(1);
    coord.block_on(async {
        let task = oasync::spawn(async {
            // Not to the run slot, which the watcher empties; nor are those that follow.
            drop(oasync::spawn_many([async {}]));
            for n in 2..=200 {
                oasync::go(async {});
                let metrics = here();
                assert_eq!(metrics.workers()[0].local_queue_depth, n);
                assert_eq!(metrics.injector_depth(), 0);
            }
            // What does not fit goes to the injector.
            (200..1000).for_each(|_| oasync::go(async {}));
            let metrics = here();
            assert!(metrics.injector_depth() > 0);
            assert_eq!(metrics.workers()[0].local_queue_depth + metrics.injector_depth(), 1000);
            assert_eq!(metrics.num_alive_tasks(), 1001);
        });
        task.await.unwrap();
        while here().num_alive_tasks() > 0 {
            oasync::yield_now().await;
        }
        assert_eq!(here().workers()[0].local_queue_depth, 0);
        assert_eq!(here().injector_depth(), 0);
    });
    assert_eq!(coord.metrics().workers()[0].poll_count, 1001);
}

#[test]
fn a_worker_is_busy_while_someone_sits_there() {
    const WORK: Duration = Duration::from_millis(20);
    let start = Instant::now();
    let coord = coordinator(2);
    let spin = || {
        let start = Instant::now();
        while start.elapsed() < WORK {
            std::hint::spin_loop();
        }
    };
    let busy = |metrics: &Metrics| metrics.workers().iter().map(|w| w.busy).sum::<Duration>();
    coord.block_on(async {
        let before = busy(&here());
        oasync::spawn(async move { spin() }).await.unwrap();
        assert!(busy(&here()) >= before + WORK, "counted while it sits, too");
    });
    coord.shutdown(LONG);
    let total = busy(&coord.metrics());
    assert!(total >= WORK && total <= 2 * start.elapsed(), "{total:?}");
    thread::sleep(Duration::from_millis(2));
    assert_eq!(busy(&coord.metrics()), total, "nobody sits there");
}

#[test]
fn a_worker_is_never_busy_for_longer_than_its_coordinator_lives() {
    for _ in 0..100 {
        let start = Instant::now();
        let coord = coordinator(1);
        thread::scope(|s| {
            let caller =
                s.spawn(|| coord.block_on(async { thread::sleep(Duration::from_millis(1)) }));
            // Most of it in vain, but also while the seat is given up.
            while !caller.is_finished() {
                let busy = coord.metrics().workers()[0].busy;
                assert!(busy <= start.elapsed(), "{busy:?} of {:?}", start.elapsed());
            }
        });
    }
}

#[test]
fn threads_are_counted_while_they_live() {
    let builder = Coordinator::builder().workers(3).blocking_threads(2);
    // Nobody comes because a worker is late.
    let builder = builder.keep_alive(LONG).stall_threshold(10 * LONG);
    let coord = builder.build().unwrap();
    coord.start().unwrap();
    assert_eq!(coord.metrics().num_worker_threads(), 1);
    let (meet, part) = (Arc::new(Barrier::new(6)), Arc::new(Barrier::new(6)));
    let wait = || {
        let (meet, part) = (meet.clone(), part.clone());
        move || {
            meet.wait();
            part.wait();
        }
    };
    for _ in 0..3 {
        let wait = wait();
        coord.go(async move { wait() });
    }
    (0..2).for_each(|_| coord.gob(wait()));
    meet.wait();
    (0..4).for_each(|_| coord.gob(|| ()));
    let metrics = coord.metrics();
    assert_eq!((metrics.num_worker_threads(), metrics.num_blocking_threads()), (3, 2));
    assert_eq!((metrics.num_idle_blocking_threads(), metrics.blocking_queue_depth()), (0, 4));
    assert_eq!(metrics.num_alive_tasks(), 9);
    part.wait();
    eventually("all end", || coord.metrics().num_alive_tasks() == 0);
    eventually("the pool idles", || coord.metrics().num_idle_blocking_threads() == 2);
    let metrics = coord.metrics();
    assert_eq!((metrics.num_blocking_threads(), metrics.blocking_queue_depth()), (2, 0));
    assert_eq!(metrics.num_worker_threads(), 3);
    coord.shutdown(LONG);
    let metrics = coord.metrics();
    assert_eq!((metrics.num_worker_threads(), metrics.num_blocking_threads()), (0, 0));
    assert_eq!(metrics.num_idle_blocking_threads(), 0);
}

#[test]
fn a_lent_poll_is_counted_there_and_not_for_a_worker() {
    let coord = Coordinator::builder().workers(1).blocking_threads(1).build().unwrap();
    coord.start().unwrap();
    let release = Arc::new(AtomicBool::new(false));
    let (stuck, released) = (Arc::new(Barrier::new(2)), release.clone());
    let sticks = stuck.clone();
    coord.go(async move {
        sticks.wait();
        eventually("the lent polls are over", || released.load(Ordering::SeqCst));
    });
    stuck.wait();
    (0..30).for_each(|_| coord.go(oasync::yield_now()));
    coord.gob(|| ()); // after it, its thread lends itself
    eventually("all are polled", || coord.metrics().lend_count() == 60);
    assert_eq!(coord.metrics().workers()[0].poll_count, 1);
    release.store(true, Ordering::SeqCst);
}

#[test]
fn every_panic_is_counted_once() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("drop");
        }
    }
    let builder = Coordinator::builder().workers(1).blocking_threads(1);
    let coord = builder.on_panic(|_| panic!("hook")).build().unwrap();
    coord.block_on(async {
        let panics = || here().panics();
        assert!(oasync::spawn(async { panic!("task") }).await.is_err());
        assert_eq!(panics(), 1);
        assert!(oasync::spawn_blocking(|| panic!("closure")).await.is_err());
        assert_eq!(panics(), 2);
        // A future that panics while it is cancelled, and the hook for that.
        let guard = Bomb;
        let task = oasync::spawn(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        oasync::yield_now().await;
        assert!(task.cancel().await.unwrap_err().is_cancelled());
        assert_eq!(panics(), 4);
        // A detached task, and the hook; a result that nobody takes, and the hook.
        oasync::go(async { panic!("detached") });
        oasync::go(async { Bomb });
        while here().num_alive_tasks() > 0 || panics() < 8 {
            oasync::yield_now().await;
        }
        assert_eq!(panics(), 8);
        assert_eq!(here().num_alive_tasks(), 0);
    });
    coord.shutdown(LONG);
    assert_eq!(coord.metrics().panics(), 8);
}

fn only(tasks: Vec<TaskInfo>) -> TaskInfo {
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    tasks.into_iter().next().unwrap()
}

#[test]
fn tasks_are_listed_with_what_they_do() {
    let coord = without_help(1);
    let list = || Coordinator::current().tasks();
    coord.block_on(async {
        // In its first poll: running, without an age.
        let task = oasync::spawn(async move { only(list()) });
        let id = task.id();
        let line = line!() - 2;
        let info = task.await.unwrap();
        assert_eq!((info.id(), info.name(), info.age()), (id, None, None));
        assert_eq!((info.state(), info.location().line()), (TaskState::Running, line));
        assert!(info.location().file().ends_with("metrics.rs"));
        // It has waited and is polled again.
        let task = oasync::spawn(async move {
            oasync::yield_now().await;
            only(list())
        });
        let info = task.await.unwrap();
        assert_eq!(info.state(), TaskState::Running);
        assert!(info.age().is_some());
        // It waits.
        let start = Instant::now();
        let task = oasync::task().name("waiter").spawn(std::future::pending::<()>());
        oasync::yield_now().await;
        let info = only(list());
        assert_eq!((info.id(), info.name()), (task.id(), Some("waiter")));
        assert_eq!(info.state(), TaskState::Waiting);
        assert!(info.age().unwrap() <= start.elapsed());
        let text = info.to_string();
        assert!(text.starts_with(&format!("task {} `waiter`, spawned at ", task.id())), "{text}");
        assert!(text.ends_with(", waiting"), "{text}");
        assert!(task.cancel().await.is_err());
        assert!(list().is_empty());
        // A closure that runs.
        let (enter, entered) = mpsc::channel();
        let (open, opened) = mpsc::channel::<()>();
        let closure = oasync::task().name("closure").spawn_blocking(move || {
            enter.send(()).unwrap();
            opened.recv_timeout(LONG).unwrap();
        });
        entered.recv_timeout(LONG).unwrap();
        let info = only(list());
        assert_eq!((info.id(), info.name()), (closure.id(), Some("closure")));
        assert_eq!(info.state(), TaskState::Running);
        assert!(info.age().is_some() && info.to_string().ends_with(", running"));
        open.send(()).unwrap();
        closure.await.unwrap();
        // Its thread takes it off the list after the handle was woken.
        eventually("it is off the list", || list().is_empty());
    });
}

#[test]
fn an_age_is_never_too_high_and_hardly_too_low() {
    let coord = coordinator(1);
    let start = Instant::now();
    coord.block_on(async {
        let list = || Coordinator::current().tasks();
        let _waits = oasync::spawn(std::future::pending::<()>());
        while list().is_empty() {
            oasync::yield_now().await;
        }
        let entered = Instant::now();
        eventually("it grows old", || only(list()).age() > Some(Duration::from_millis(100)));
        for _ in 0..3 {
            let least = entered.elapsed();
            let age = only(list()).age().unwrap();
            assert!(age <= start.elapsed());
            assert!(age + Duration::from_millis(40) >= least, "{age:?} after {least:?}");
        }
    });
}

#[test]
fn of_70_000_tasks_those_that_wait_are_listed_and_no_others() {
    let coord = without_help(1);
    let waiting = coord.block_on(async {
        let polled = Arc::new(AtomicUsize::new(0));
        let wait = async |polled: Arc<AtomicUsize>| {
            polled.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        };
        let tasks: Vec<_> = (0..70_000).map(|_| oasync::spawn(wait(polled.clone()))).collect();
        while polled.load(Ordering::Relaxed) < tasks.len() {
            oasync::yield_now().await;
        }
        let mut waiting = Vec::new();
        for (i, task) in tasks.into_iter().enumerate() {
            if i % 2 == 0 {
                task.cancel().await.unwrap_err();
            } else {
                waiting.push(task);
            }
        }
        waiting
    });
    let mut listed: Vec<_> = coord.tasks().iter().map(TaskInfo::id).collect();
    let mut ids: Vec<_> = waiting.iter().map(|task| task.id()).collect();
    listed.sort_unstable();
    ids.sort_unstable();
    assert!(listed == ids, "{} of {} are listed", listed.len(), ids.len());
}

#[test]
fn every_task_is_counted_when_it_is_spawned_and_when_it_ends() {
    let coord = coordinator(2);
    let counts = || {
        let metrics = coord.metrics();
        (metrics.spawned_count(), metrics.finished_count())
    };
    let waits = coord.spawn(std::future::pending::<()>());
    let closure = coord.spawn_blocking(|| ());
    assert_eq!(counts(), (2, 0));
    coord.block_on(async {
        closure.await.unwrap();
        for task in oasync::spawn_many((0..50).map(|_| async {})) {
            task.await.unwrap();
        }
        assert!(oasync::spawn(async { panic!("planned: counted") }).await.is_err());
        assert!(waits.cancel().await.is_err());
    });
    eventually("all have ended", || counts() == (53, 53));
    coord.shutdown(LONG);
    coord.go(async {});
    assert_eq!(counts(), (53, 53), "a refused task is not counted");
}

#[test]
fn what_metrics_print_is_named_as_their_methods() {
    let printed = format!("{:?}", coordinator(1).metrics());
    for name in ["spawned_count: 0", "num_alive_tasks: 0", "injector_depth: 0", "lend_count: 0"] {
        assert!(printed.contains(name), "{printed}");
    }
}
