//! Promise: a worker state is typed, made once for each thread that asks for
//! it, on that thread, and dropped there.

mod common;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use oasync::{Coordinator, WorkerKind, with_worker_state};

use common::{LONG, coordinator, eventually};

/// Neither `Send` nor `Sync`; tells where it was made and dropped.
struct State {
    made_on: ThreadId,
    kind: WorkerKind,
    uses: Rc<Cell<u64>>,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    made: Mutex<Vec<ThreadId>>,
    dropped: Mutex<Vec<ThreadId>>,
}

impl Log {
    fn counts(&self) -> (usize, usize) {
        (self.made.lock().unwrap().len(), self.dropped.lock().unwrap().len())
    }

    /// Each state was dropped where it was made, and each thread made one.
    fn assert_one_each(&self) {
        let mut made = self.made.lock().unwrap().clone();
        let mut dropped = self.dropped.lock().unwrap().clone();
        made.sort_by_key(|id| format!("{id:?}"));
        dropped.sort_by_key(|id| format!("{id:?}"));
        assert_eq!(made, dropped);
        made.dedup();
        assert_eq!(made.len(), dropped.len(), "made once for each thread");
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // A foreign drop shows in the log, where nothing swallows it.
        self.log.dropped.lock().unwrap().push(thread::current().id());
    }
}

fn logged(workers: usize) -> (Coordinator, Arc<Log>) {
    let log = Arc::new(Log::default());
    let making = log.clone();
    let builder = Coordinator::builder().workers(workers).stall_threshold(10 * LONG);
    let builder = builder.worker_state(move |info| {
        let made_on = thread::current().id();
        making.made.lock().unwrap().push(made_on);
        State { made_on, kind: info.kind(), uses: Rc::default(), log: making.clone() }
    });
    (builder.build().unwrap(), log)
}

/// Uses this thread's state and checks that it is this thread's.
fn visit() -> (WorkerKind, ThreadId) {
    with_worker_state(|state: &State| {
        assert_eq!(state.made_on, thread::current().id());
        assert_eq!(state.kind, oasync::worker_info().unwrap().kind());
        state.uses.set(state.uses.get() + 1);
        (state.kind, state.made_on)
    })
}

#[test]
fn a_callers_state_is_made_once_and_dropped_by_the_end_of_block_on() {
    let (coord, log) = logged(1);
    for round in 1..=3 {
        coord.block_on(async {
            assert_eq!(log.counts(), (round - 1, round - 1), "not made until asked for");
            for _ in 0..10 {
                assert_eq!(visit(), (WorkerKind::Caller, thread::current().id()));
                assert_eq!(oasync::spawn(async { visit().0 }).await.unwrap(), WorkerKind::Caller);
            }
            with_worker_state(|state: &State| assert_eq!(state.uses.get(), 20));
            assert_eq!(log.counts(), (round, round - 1));
        });
        assert_eq!(log.counts(), (round, round));
    }
    let here = thread::current().id();
    assert!(log.dropped.lock().unwrap().iter().all(|&on| on == here));
}

#[test]
fn a_callers_state_is_dropped_when_the_main_future_panics() {
    let (coord, log) = logged(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        coord.block_on(async {
            visit();
            panic!("main");
        })
    }));
    assert!(panic.is_err());
    assert_eq!(log.counts(), (1, 1));
    log.assert_one_each();
}

#[test]
fn a_nested_block_on_shares_the_state_of_its_thread() {
    let (coord, log) = logged(1);
    coord.block_on(async {
        visit();
        oasync::block_on(async { visit() });
        coord.block_on(async { oasync::block_on(async { visit() }) });
        with_worker_state(|state: &State| assert_eq!(state.uses.get(), 3));
        assert_eq!(log.counts(), (1, 0));
    });
    log.assert_one_each();
}

/// A closure that `calls` threads call at the same time: so each call is on a
/// thread of its own, although a blocking thread may poll tasks.
fn meeting<R>(calls: usize, f: impl Fn() -> R + Clone) -> impl Fn() -> R + Clone {
    let barrier = Arc::new(Barrier::new(calls));
    move || {
        barrier.wait();
        f()
    }
}

#[test]
fn each_thread_has_its_own_dropped_there_before_shutdown_returns() {
    let (coord, log) = logged(3);
    coord.start().unwrap();
    // Three workers, two blocking threads.
    let visit = meeting(5, || visit().0);
    let kinds: Vec<_> = (0..5)
        .map(|i| {
            let visit = visit.clone();
            match i {
                0..3 => coord.spawn(async move { visit() }),
                _ => coord.spawn_blocking(visit),
            }
        })
        .collect();
    eventually("all have met", || kinds.iter().all(|task| task.is_finished()));
    assert_eq!(log.counts(), (5, 0));
    let report = coord.shutdown(LONG);
    assert!(report.still_running.is_empty());
    assert_eq!(log.counts(), (5, 5));
    log.assert_one_each();
    let mut kinds: Vec<_> = kinds.into_iter().map(|task| coord.block_on(task).unwrap()).collect();
    kinds.sort_by_key(|&kind| kind == WorkerKind::Blocking);
    assert_eq!(kinds[..3], [WorkerKind::Worker; 3]);
    assert_eq!(kinds[3..], [WorkerKind::Blocking; 2]);
}

#[test]
fn a_drop_of_the_coordinator_drops_the_states_too() {
    let (coord, log) = logged(2);
    coord.start().unwrap();
    let visit = meeting(2, visit);
    let (task, closure) = (
        coord.spawn({
            let visit = visit.clone();
            async move { visit() }
        }),
        coord.spawn_blocking(visit),
    );
    eventually("both have run", || task.is_finished() && closure.is_finished());
    drop(coord);
    assert_eq!(log.counts(), (2, 2));
    log.assert_one_each();
}

#[test]
fn a_blocking_thread_that_idles_out_drops_its_state() {
    let log = Arc::new(Log::default());
    let making = log.clone();
    let builder = Coordinator::builder().workers(1).keep_alive(Duration::from_millis(10));
    let builder = builder.worker_state(move |info| {
        let made_on = thread::current().id();
        making.made.lock().unwrap().push(made_on);
        State { made_on, kind: info.kind(), uses: Rc::default(), log: making.clone() }
    });
    let coord = builder.build().unwrap();
    coord.block_on(coord.spawn_blocking(visit)).unwrap();
    eventually("the state is dropped", || log.counts() == (1, 1));
    log.assert_one_each();
}

#[test]
fn every_task_sees_the_state_of_the_thread_that_polls_it() {
    let (coord, log) = logged(4);
    coord.block_on(async {
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                oasync::spawn(async {
                    for _ in 0..20 {
                        visit();
                        oasync::yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    coord.shutdown(LONG);
    log.assert_one_each();
}

#[test]
fn a_state_need_not_be_send_and_may_be_borrowed_twice() {
    type S = (Rc<RefCell<Vec<u32>>>, usize);
    let coord = Coordinator::builder()
        .workers(1)
        .stall_threshold(10 * LONG)
        .worker_state::<S, _>(|info| (Rc::default(), info.index()))
        .build()
        .unwrap();
    let list = coord.block_on(async {
        with_worker_state(|outer: &S| {
            outer.0.borrow_mut().push(1);
            with_worker_state(|inner: &S| inner.0.borrow_mut().push(2));
        });
        oasync::spawn(async { with_worker_state(|s: &S| s.0.borrow_mut().push(3)) }).await.unwrap();
        with_worker_state(|s: &S| s.0.borrow().clone())
    });
    assert_eq!(list, [1, 2, 3]);
}

#[test]
fn two_coordinators_states_do_not_mix() {
    let a = Coordinator::builder().workers(1).worker_state(|_| "a").build().unwrap();
    let b = Coordinator::builder().workers(1).worker_state(|_| 2u8).build().unwrap();
    a.block_on(async {
        b.block_on(async {
            assert_eq!(with_worker_state(|s: &u8| *s), 2);
            a.block_on(async { assert_eq!(with_worker_state(|s: &&str| *s), "a") });
        });
        assert_eq!(with_worker_state(|s: &&str| *s), "a");
    });
}

/// The message of the panic of `f`.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else {
        panic!("it did not panic");
    };
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().unwrap().to_string(),
    }
}

#[test]
fn another_type_panics_with_both_names() {
    let coord =
        Coordinator::builder().workers(1).worker_state(|_| Cell::new(1u16)).build().unwrap();
    let wrong = || with_worker_state(|_: &Rc<str>| ());
    let text = message(|| coord.block_on(async { wrong() }));
    assert!(text.contains("Cell<u16>") && text.contains("Rc<str>"), "{text}");
    let error = coord.block_on(coord.spawn(async move { wrong() })).unwrap_err();
    assert!(error.to_string().contains("Cell<u16>"), "{error}");
    assert_eq!(coord.block_on(async { with_worker_state(|s: &Cell<u16>| s.get()) }), 1);
}

#[test]
fn without_a_worker_state_it_panics_with_a_sentence() {
    let coord = coordinator(1);
    let text = message(|| coord.block_on(async { with_worker_state(|_: &u32| ()) }));
    assert!(text.contains("built without `worker_state`") && text.contains("u32"), "{text}");
}

#[test]
fn outside_of_a_coordinator_it_panics_with_a_sentence() {
    let text = message(|| with_worker_state(|_: &u32| ()));
    assert!(text.contains("not inside a coordinator") && text.contains("u32"), "{text}");
    let coord = Coordinator::builder().workers(1).worker_state(|_| 1u32).build().unwrap();
    coord.block_on(async {
        let here = with_worker_state(|s: &u32| *s);
        let there = thread::spawn(|| message(|| with_worker_state(|_: &u32| ())));
        assert_eq!(here, 1);
        assert!(there.join().unwrap().contains("not inside a coordinator"));
    });
    message(|| with_worker_state(|_: &u32| ())); // no longer inside
}

#[test]
fn a_panic_of_make_reaches_the_one_who_asks_and_the_next_tries_again() {
    let fails = Arc::new(AtomicBool::new(true));
    let failing = fails.clone();
    let builder = Coordinator::builder().workers(1).worker_state(move |_| {
        assert!(!failing.load(Ordering::SeqCst), "no state today");
        5u32
    });
    let coord = builder.build().unwrap();
    let ask = || with_worker_state(|s: &u32| *s);
    coord.block_on(async {
        let error = oasync::spawn(async move { ask() }).await.unwrap_err();
        assert!(error.to_string().ends_with("no state today"), "{error}");
        let error = oasync::spawn_blocking(ask).await.unwrap_err();
        assert!(error.to_string().ends_with("no state today"), "{error}");
        assert_eq!(message(ask), "no state today");
        fails.store(false, Ordering::SeqCst);
        assert_eq!(ask(), 5);
        assert_eq!(oasync::spawn(async move { ask() }).await.unwrap(), 5);
        assert_eq!(oasync::spawn_blocking(ask).await.unwrap(), 5);
    });
    assert_eq!(coord.metrics().panics(), 2, "those of the task and the closure");
}

#[test]
fn a_panic_of_its_drop_is_caught_and_counted() {
    struct Bomb;
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    impl Drop for Bomb {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::SeqCst);
            panic!("drop of a state");
        }
    }
    let ask = || with_worker_state(|_: &Bomb| ());
    let coord = Coordinator::builder().workers(1).worker_state(|_| Bomb).build().unwrap();
    coord.block_on(async { ask() });
    assert_eq!((coord.metrics().panics(), DROPS.load(Ordering::SeqCst)), (1, 1));
    // Also while the main future's own panic goes up.
    let panic = catch_unwind(AssertUnwindSafe(|| {
        coord.block_on(async {
            ask();
            panic!("main");
        })
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"main"));
    assert_eq!(coord.metrics().panics(), 2);
    // On threads: a worker and a blocking one.
    coord.start().unwrap();
    let ask = meeting(2, ask);
    let (task, closure) = (
        coord.spawn({
            let ask = ask.clone();
            async move { ask() }
        }),
        coord.spawn_blocking(ask),
    );
    eventually("both have run", || task.is_finished() && closure.is_finished());
    coord.shutdown(LONG);
    assert_eq!((coord.metrics().panics(), DROPS.load(Ordering::SeqCst)), (4, 4));
}
