//! Promise: a closure for the blocking pool runs once, on a thread made for
//! that; threads come on demand, are as many as allowed, and go again.

mod common;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use oasync::{Coordinator, WorkerKind};

use common::{CountDrop, LONG, eventually};

fn pool(threads: usize, keep_alive: Duration) -> Coordinator {
    let builder = Coordinator::builder().workers(2).blocking_threads(threads);
    builder.keep_alive(keep_alive).build().unwrap()
}

/// A closure that says that it runs, and runs until it is let go.
struct Gate {
    entered: mpsc::Receiver<()>,
    open: mpsc::SyncSender<()>,
}

fn gate() -> (Gate, impl FnOnce() + Send + 'static) {
    let (enter, entered) = mpsc::channel();
    let (open, opened) = mpsc::sync_channel(1);
    let closure = move || {
        enter.send(()).unwrap();
        opened.recv_timeout(LONG).unwrap();
    };
    (Gate { entered, open }, closure)
}

impl Gate {
    fn wait(&self) {
        self.entered.recv_timeout(LONG).unwrap();
    }

    fn open(&self) {
        self.open.send(()).unwrap();
    }
}

#[test]
fn threads_are_dedicated_and_named() {
    let coord = Coordinator::builder().workers(1).thread_name("pool").build().unwrap();
    let here = thread::current().id();
    let (info, name, id) = coord.block_on(async {
        let closure = oasync::spawn_blocking(|| {
            let thread = thread::current();
            (oasync::worker_info().unwrap(), thread.name().map(str::to_owned), thread.id())
        });
        closure.await.unwrap()
    });
    assert_eq!((info.kind(), info.index()), (WorkerKind::Blocking, 0));
    assert_eq!(name.as_deref(), Some("pool-pool-0"));
    assert_ne!(id, here);
}

#[test]
fn threads_start_on_demand_up_to_the_maximum_and_end_after_the_keep_alive() {
    let coord = pool(3, Duration::from_millis(30));
    coord.start().unwrap();
    assert_eq!(coord.metrics().num_blocking_threads(), 0);
    let gates: Vec<Gate> = (0..3)
        .map(|running| {
            assert_eq!(coord.metrics().num_blocking_threads(), running);
            let (gate, closure) = gate();
            coord.gob(closure);
            gate.wait();
            gate
        })
        .collect();
    let (one_more, closure) = gate();
    coord.gob(closure);
    let metrics = coord.metrics();
    assert_eq!((metrics.num_blocking_threads(), metrics.blocking_queue_depth()), (3, 1));
    gates.iter().for_each(Gate::open);
    one_more.wait();
    one_more.open();
    eventually("idle threads end", || coord.metrics().num_blocking_threads() == 0);
    assert_eq!(coord.metrics().num_idle_blocking_threads(), 0);
    // And the pool can start again. A thread that ends is no longer counted when it gives
    // its number back.
    let index = || oasync::worker_info().unwrap().index();
    eventually("the lowest free number", || {
        let again = coord.block_on(coord.spawn_blocking(index)).unwrap();
        eventually("it ends", || coord.metrics().num_blocking_threads() == 0);
        again == 0
    });
}

#[test]
fn a_thread_is_kept_alive_and_used_again() {
    let coord = pool(4, LONG);
    let ids: HashSet<_> = (0..20)
        .map(|_| {
            let id = coord.block_on(coord.spawn_blocking(|| thread::current().id())).unwrap();
            eventually("it idles", || coord.metrics().num_idle_blocking_threads() == 1);
            id
        })
        .collect();
    assert_eq!((ids.len(), coord.metrics().num_blocking_threads()), (1, 1));
}

#[test]
fn four_closures_on_two_threads_run_two_at_a_time_while_tasks_go_on() {
    const TIME: Duration = Duration::from_millis(300);
    let coord = pool(2, LONG);
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Two meet, or nobody passes: at least two run at the same time.
    let pairs = Arc::new(Barrier::new(2));
    let ended = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let (ticks, times) = coord.block_on(async {
        let closures: Vec<_> = (0..4)
            .map(|_| {
                let (running, most) = (running.clone(), most.clone());
                let (pairs, ended) = (pairs.clone(), ended.clone());
                oasync::spawn_blocking(move || {
                    most.fetch_max(1 + running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                    pairs.wait();
                    thread::sleep(TIME);
                    running.fetch_sub(1, Ordering::SeqCst);
                    ended.fetch_add(1, Ordering::SeqCst);
                    start.elapsed()
                })
            })
            .collect();
        let ticker = oasync::spawn(async move {
            let mut ticks = 0u64;
            while ended.load(Ordering::SeqCst) < 4 {
                oasync::spawn(async {}).await.unwrap();
                ticks += 1;
            }
            ticks
        });
        let mut times = Vec::new();
        for closure in closures {
            times.push(closure.await.unwrap());
        }
        (ticker.await.unwrap(), times)
    });
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert!(ticks > 100, "tasks go on meanwhile: {ticks}");
    let mut times = times;
    times.sort();
    assert!(times[0] >= TIME && times[2] >= 2 * TIME, "two after two: {times:?}");
    assert_eq!(coord.metrics().num_blocking_threads(), 2);
}

#[test]
fn nothing_is_lost_when_the_queue_is_long_and_the_pool_full() {
    const CLOSURES: u64 = 10_000;
    for threads in [1, 2, 8] {
        let coord = pool(threads, Duration::from_millis(1));
        let (count, sum) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let closure = |i: u64| {
            let (count, sum) = (count.clone(), sum.clone());
            let (running, most) = (running.clone(), most.clone());
            move || {
                most.fetch_max(1 + running.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                count.fetch_add(1, Ordering::SeqCst);
                sum.fetch_add(i, Ordering::SeqCst);
                running.fetch_sub(1, Ordering::SeqCst);
                i
            }
        };
        let joined = coord.block_on(async {
            let handles: Vec<_> =
                (0..CLOSURES).map(|i| oasync::spawn_blocking(closure(i))).collect();
            let mut joined = 0;
            for handle in handles {
                joined += handle.await.unwrap();
            }
            joined
        });
        let expected = CLOSURES * (CLOSURES - 1) / 2;
        assert_eq!(count.load(Ordering::SeqCst), CLOSURES);
        assert_eq!((joined, sum.load(Ordering::SeqCst)), (expected, expected));
        assert!(most.load(Ordering::SeqCst) <= threads);
        assert_eq!(coord.metrics().num_alive_tasks(), 0);
        assert_eq!(coord.metrics().blocking_queue_depth(), 0);
    }
}

#[test]
fn nothing_is_lost_when_threads_end_while_closures_come() {
    // The keep-alive ends again and again just when the next closure comes.
    let coord = pool(2, Duration::from_micros(50));
    coord.start().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for i in 0..300u64 {
                    let count = count.clone();
                    let handle = coord.spawn_blocking(move || {
                        count.fetch_add(1, Ordering::SeqCst);
                    });
                    if i % 4 == 0 {
                        coord.block_on(handle).unwrap();
                    }
                }
            });
        }
    });
    eventually("all have run", || count.load(Ordering::SeqCst) == 1200);
}

#[test]
fn closures_come_from_everywhere() {
    let coord = pool(2, LONG);
    let (tx, rx) = mpsc::channel();
    let send = |n: u32| {
        let tx = tx.clone();
        move || tx.send(n).unwrap()
    };
    coord.gob(send(0)); // before the start
    coord.start().unwrap();
    coord.gob(send(1));
    let (from_task, from_closure, named) = (send(2), send(3), send(4));
    coord.go(async move { oasync::gob(from_task) });
    coord.gob(move || oasync::gob(from_closure));
    coord.handle().task().name("closure").gob(named);
    let got: HashSet<u32> = (0..5).map(|_| rx.recv_timeout(LONG).unwrap()).collect();
    assert_eq!(got, (0..5).collect());
}

#[test]
fn a_panic_reaches_the_handle_and_the_thread_lives_on() {
    let coord = pool(1, LONG);
    coord.start().unwrap();
    let id = coord.block_on(coord.spawn_blocking(|| thread::current().id())).unwrap();
    let error = coord.block_on(coord.spawn_blocking(|| panic!("closure"))).unwrap_err();
    assert!(error.is_panic());
    assert_eq!(error.into_panic().downcast_ref(), Some(&"closure"));
    coord.gob(|| panic!("detached"));
    let after = coord.block_on(coord.spawn_blocking(|| thread::current().id())).unwrap();
    assert_eq!(id, after);
    let metrics = coord.metrics();
    assert_eq!((metrics.panics(), metrics.num_blocking_threads()), (2, 1));
    assert_eq!(metrics.num_alive_tasks(), 0);
}

#[test]
fn a_cancelled_closure_that_is_queued_never_runs() {
    let coord = pool(1, LONG);
    coord.start().unwrap();
    let (gate, closure) = gate();
    coord.gob(closure);
    gate.wait();
    let ran = Arc::new(AtomicBool::new(false));
    let dropped = Arc::new(AtomicUsize::new(0));
    let (flag, guard) = (ran.clone(), CountDrop(dropped.clone()));
    let handle = coord.spawn_blocking(move || {
        let _guard = guard;
        flag.store(true, Ordering::SeqCst);
    });
    let cancel = handle.cancel();
    gate.open();
    assert!(coord.block_on(cancel).unwrap_err().is_cancelled());
    assert_eq!(dropped.load(Ordering::SeqCst), 1, "dropped once it is joined");
    coord.block_on(coord.spawn_blocking(|| ())).unwrap();
    assert!(!ran.load(Ordering::SeqCst));
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
}

/// Not by who cancels, nor by the pool, whose only thread is busy.
#[test]
fn a_cancelled_closure_that_is_queued_is_dropped_by_a_worker() {
    struct Where(mpsc::Sender<Option<WorkerKind>>);
    impl Drop for Where {
        fn drop(&mut self) {
            let _ = self.0.send(oasync::worker_info().map(|info| info.kind()));
        }
    }
    let coord = pool(1, LONG);
    coord.start().unwrap();
    let (gate, closure) = gate();
    coord.gob(closure);
    gate.wait();
    let (tx, rx) = mpsc::channel();
    let guard = Where(tx);
    let cancel = coord.spawn_blocking_with(move |_| drop(guard)).cancel();
    assert!(futures_lite::future::block_on(cancel).unwrap_err().is_cancelled());
    assert_eq!(rx.recv_timeout(LONG), Ok(Some(WorkerKind::Worker)));
    gate.open();
}

#[test]
fn a_closure_that_runs_is_not_stopped_by_a_cancel() {
    let coord = pool(1, LONG);
    coord.start().unwrap();
    let (gate, closure) = gate();
    let ended = Arc::new(AtomicBool::new(false));
    let flag = ended.clone();
    let handle = coord.spawn_blocking(move || {
        closure();
        flag.store(true, Ordering::SeqCst);
    });
    gate.wait();
    let cancel = handle.cancel();
    gate.open();
    let _ = coord.block_on(cancel);
    assert!(ended.load(Ordering::SeqCst), "the cancel waits for its end");
}

#[test]
fn a_result_is_dropped_once() {
    let coord = pool(1, LONG);
    coord.start().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = || dropped.load(Ordering::SeqCst);
    let result = || {
        let dropped = dropped.clone();
        move || CountDrop(dropped)
    };
    // Joined: the caller's.
    let guard = coord.block_on(coord.spawn_blocking(result())).unwrap();
    assert_eq!(count(), 0);
    drop(guard);
    assert_eq!(count(), 1);
    // Detached: the pool's.
    coord.gob(result());
    eventually("the detached one is dropped", || count() == 2);
    // Finished, but never taken: the handle's.
    let handle = coord.spawn_blocking(result());
    eventually("it is finished", || handle.is_finished());
    assert_eq!(count(), 2);
    drop(handle);
    assert_eq!(count(), 3);
}

#[test]
fn a_result_that_panics_in_its_drop_is_counted_and_the_thread_lives_on() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("result");
        }
    }
    let coord = pool(1, LONG);
    coord.start().unwrap();
    let id = coord.block_on(coord.spawn_blocking(|| thread::current().id())).unwrap();
    // Detached before it ends: the pool drops the result.
    let (gate, closure) = gate();
    coord.gob(move || {
        closure();
        Bomb
    });
    gate.open();
    let after = coord.block_on(coord.spawn_blocking(|| thread::current().id())).unwrap();
    assert_eq!((id, coord.metrics().panics()), (after, 1));
}

#[test]
fn one_thread_keeps_the_order() {
    let coord = pool(1, LONG);
    coord.start().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for i in 0..1000 {
        let seen = seen.clone();
        coord.gob(move || seen.lock().unwrap().push(i));
    }
    coord.block_on(coord.spawn_blocking(|| ())).unwrap();
    assert!(seen.lock().unwrap().iter().copied().eq(0..1000));
}

#[test]
fn closures_that_wait_for_each_other_all_get_a_thread() {
    // As many as there may be threads: a burst starts every one it needs.
    let coord = pool(16, LONG);
    let barrier = Arc::new(Barrier::new(16));
    for _ in 0..3 {
        coord.block_on(async {
            let closures: Vec<_> = (0..16)
                .map(|_| {
                    let barrier = barrier.clone();
                    oasync::spawn_blocking(move || barrier.wait().is_leader())
                })
                .collect();
            let mut leaders = 0;
            for closure in closures {
                leaders += usize::from(closure.await.unwrap());
            }
            assert_eq!(leaders, 1);
        });
    }
    assert_eq!(coord.metrics().num_blocking_threads(), 16);
}

/// It stepped aside for as long as it waited, and no longer: the bound holds.
fn counts_again(wait: fn(oasync::Handle)) {
    let coord = pool(1, LONG);
    coord.start().unwrap();
    let handle = coord.handle();
    let (first, closure) = gate();
    coord.gob(move || {
        wait(handle);
        closure();
    });
    first.wait();
    let (second, closure) = gate();
    coord.gob(closure);
    // A thread too many would come for it now.
    assert!(second.entered.recv_timeout(Duration::from_millis(50)).is_err());
    let metrics = coord.metrics();
    assert_eq!((metrics.num_blocking_threads(), metrics.blocking_queue_depth()), (1, 1));
    first.open.send(()).unwrap();
    second.wait();
    assert_eq!(coord.metrics().num_blocking_threads(), 1);
    second.open.send(()).unwrap();
}

#[test]
fn a_closure_that_waited_in_its_block_on_counts_again() {
    counts_again(|handle| handle.block_on(async { oasync::block_in_place(|| ()) }));
}

#[test]
fn a_closure_that_waited_in_the_body_of_its_scope_counts_again() {
    counts_again(|handle| handle.scope(|_| oasync::block_in_place(|| ())));
}
