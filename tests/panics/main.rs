//! Promise: a panic reaches whoever the table in `src/task/mod.rs` names; no
//! worker is lost and every counter stays exact.

#[path = "../common/mod.rs"]
mod common;
mod wakers;

use std::any::Any;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Builder, Coordinator, JoinHandle, TaskId, WorkerKind};

use common::{LONG, eventually, in_time};

const PLANNED: &str = "planned";
const WORKERS: usize = 2;

/// Silences the panics of these tests, not those of their assertions.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let planned = text(info.payload()).is_some_and(|text| text.starts_with(PLANNED))
                || info.payload().is::<AngryPayload>();
            if !planned {
                default(info);
            }
        }));
    });
}

fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{PLANNED}: bomb");
    }
}

/// A payload whose drop panics with another one, `self.0` times.
struct AngryPayload(usize);

impl Drop for AngryPayload {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(AngryPayload(self.0 - 1));
        }
    }
}

/// What the panic hook was told.
#[derive(Debug)]
struct Told {
    id: Option<TaskId>,
    name: Option<String>,
    line: Option<u32>,
    message: Option<String>,
    display: String,
}

type Log = Arc<Mutex<Vec<Told>>>;

fn logged(builder: Builder) -> (Builder, Log) {
    let log = Log::default();
    let told = log.clone();
    let builder = builder.on_panic(move |panic| {
        told.lock().unwrap().push(Told {
            id: panic.id(),
            name: panic.name().map(str::to_owned),
            line: panic.location().map(|at| at.line()),
            message: text(panic.payload()).map(str::to_owned),
            display: panic.to_string(),
        });
    });
    (builder, log)
}

fn started() -> (Coordinator, Log) {
    quiet();
    let (builder, log) = logged(Coordinator::builder().workers(WORKERS));
    let coord = builder.build().unwrap();
    coord.start().unwrap();
    (coord, log)
}

/// Lets as many tasks run at the same time as there are workers; false if blocking
/// threads were among those who did.
#[track_caller]
fn meet(coord: &Coordinator) -> bool {
    let here = Arc::new(AtomicUsize::new(0));
    let all: Vec<_> = (0..WORKERS)
        .map(|_| {
            let here = here.clone();
            coord.spawn(async move {
                here.fetch_add(1, Ordering::SeqCst);
                eventually("all meet", || here.load(Ordering::SeqCst) == WORKERS);
                oasync::worker_info().unwrap().kind() == WorkerKind::Worker
            })
        })
        .collect();
    all.into_iter().map(|task| block_on(task).unwrap()).fold(true, |all, one| all & one)
}

/// So many panics were counted and told, nothing is alive, and each worker still
/// works: as many tasks as workers run at the same time.
#[track_caller]
fn unharmed(coord: &Coordinator, log: &Log, counted: u64, told: usize) {
    eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
    eventually("each worker works", || meet(coord));
    eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
    assert_eq!(coord.metrics().num_worker_threads(), WORKERS);
    // A lender may still be dropping the result of a task that has ended.
    eventually("all are counted", || coord.metrics().panics() >= counted);
    eventually("all are told", || log.lock().unwrap().len() >= told);
    assert_eq!(coord.metrics().panics(), counted);
    let log = log.lock().unwrap();
    assert_eq!(log.len(), told, "{log:?}");
}

#[track_caller]
fn message<T>(result: Result<T, oasync::JoinError>) -> String {
    let payload = result.err().expect("it panicked").into_panic();
    text(&*payload).expect("a text").to_owned()
}

#[test]
fn in_a_poll_it_reaches_the_handle_and_not_the_hook() {
    let (coord, log) = started();
    let first = coord.spawn(async { panic!("{PLANNED} 1") });
    assert_eq!(message::<()>(block_on(first)), "planned 1");
    let later = coord.spawn(async {
        oasync::yield_now().await;
        panic!("{PLANNED} 2")
    });
    assert_eq!(message::<()>(block_on(later)), "planned 2");
    unharmed(&coord, &log, 2, 0);
}

#[test]
fn of_a_detached_task_it_reaches_the_hook() {
    let (coord, log) = started();
    let line = line!() + 1;
    let named = coord.task().name("lost").spawn(async { panic!("{PLANNED} 1") });
    let id = named.id();
    drop::<JoinHandle<()>>(named);
    eventually("the hook is told", || log.lock().unwrap().len() == 1);
    {
        let log = log.lock().unwrap();
        let told = &log[0];
        assert_eq!(told.id, Some(id));
        assert_eq!(told.name.as_deref(), Some("lost"));
        assert_eq!(told.line, Some(line));
        assert_eq!(told.message.as_deref(), Some("planned 1"));
        let start = format!("task {id} `lost`, spawned at {}:{line}:", file!());
        assert!(told.display.starts_with(&start), "{}", told.display);
        assert!(told.display.ends_with(" panicked: planned 1"), "{}", told.display);
    }
    coord.go(async { panic!("{PLANNED} 2") });
    eventually("the hook is told", || log.lock().unwrap().len() == 2);
    let told = log.lock().unwrap().pop().unwrap();
    assert_eq!((told.name, told.message.as_deref()), (None, Some("planned 2")));
    unharmed(&coord, &log, 2, 1);
}

#[test]
fn of_a_task_detached_after_its_panic_it_reaches_the_hook() {
    let (coord, log) = started();
    let task = coord.spawn(async { panic!("{PLANNED}") });
    eventually("it has panicked", || task.is_finished());
    assert!(log.lock().unwrap().is_empty(), "someone may still take it");
    drop::<JoinHandle<()>>(task);
    assert_eq!(log.lock().unwrap()[0].message.as_deref(), Some("planned"));
    unharmed(&coord, &log, 1, 1);
}

#[test]
fn in_the_drop_of_a_completed_future_it_reaches_the_handle() {
    let (coord, log) = started();
    /// Completes at once, and panics when it is dropped.
    struct Completes(#[allow(dead_code)] Bomb);
    impl Future for Completes {
        type Output = i32;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<i32> {
            Poll::Ready(1)
        }
    }
    let task = coord.spawn(Completes(Bomb));
    assert_eq!(message(block_on(task)), "planned: bomb");
    unharmed(&coord, &log, 1, 0);
}

#[test]
fn in_the_drop_after_a_panicking_poll_it_reaches_the_hook() {
    let (coord, log) = started();
    /// Panics when polled, and again when it is dropped.
    struct Panics(#[allow(dead_code)] Bomb);
    impl Future for Panics {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("{PLANNED}: poll")
        }
    }
    let task = coord.spawn(Panics(Bomb));
    let id = task.id();
    assert_eq!(message(block_on(task)), "planned: poll");
    assert_eq!(log.lock().unwrap()[0].id, Some(id));
    assert_eq!(log.lock().unwrap()[0].message.as_deref(), Some("planned: bomb"));
    unharmed(&coord, &log, 2, 1);
}

#[test]
fn in_the_drop_of_a_cancelled_future_it_reaches_the_hook() {
    let (coord, log) = started();
    let made = Arc::new(AtomicUsize::new(0));
    let bomb = || {
        let made = made.clone();
        coord.spawn(async move {
            let _bomb = Bomb;
            made.fetch_add(1, Ordering::SeqCst);
            pending::<()>().await;
        })
    };
    let task = bomb();
    let id = task.id();
    eventually("it has its bomb", || made.load(Ordering::SeqCst) == 1);
    assert!(block_on(task.cancel()).unwrap_err().is_cancelled());
    assert_eq!(log.lock().unwrap()[0].id, Some(id));
    unharmed(&coord, &log, 1, 1);

    let held: Vec<_> = (0..100).map(|_| bomb()).collect();
    eventually("they have theirs", || made.load(Ordering::SeqCst) == 101);
    let report = coord.shutdown(Duration::ZERO);
    assert_eq!((report.finished, report.cancelled), (0, 100));
    assert_eq!(coord.metrics().num_alive_tasks(), 0);
    assert_eq!(coord.metrics().panics(), 101);
    assert_eq!(log.lock().unwrap().len(), 101);
    held.into_iter().for_each(|task| assert!(block_on(task).unwrap_err().is_cancelled()));
}

#[test]
fn in_the_drop_of_a_result_that_nobody_waits_for_it_reaches_the_hook() {
    let (coord, log) = started();
    let (detached, gate) = std::sync::mpsc::channel();
    coord.go(async move { gate.recv().map(|()| Bomb) });
    detached.send(()).unwrap();
    eventually("the hook is told", || !log.lock().unwrap().is_empty());
    assert_eq!(log.lock().unwrap()[0].id, None);
    assert_eq!(log.lock().unwrap()[0].display, "a result or a waker panicked: planned: bomb");
    let (detached, gate) = std::sync::mpsc::channel();
    coord.gob(move || gate.recv().map(|()| Bomb));
    detached.send(()).unwrap();
    eventually("the hook is told", || log.lock().unwrap().len() == 2);
    unharmed(&coord, &log, 2, 2);
}

#[test]
fn in_the_drop_of_a_result_it_does_not_come_out_of_go() {
    let (coord, log) = started();
    for _ in 0..2000 {
        coord.go(async { Bomb });
    }
    unharmed(&coord, &log, 2000, 2000);
}

#[test]
fn in_the_drop_of_a_result_with_its_handle_it_is_the_droppers() {
    let (coord, log) = started();
    let task = coord.spawn(async { Bomb });
    eventually("it is finished", || task.is_finished());
    let caught = catch_unwind(AssertUnwindSafe(|| drop(task)));
    assert_eq!(text(&*caught.unwrap_err()), Some("planned: bomb"));
    unharmed(&coord, &log, 0, 0);

    let dropper = coord.spawn(async {
        let task = oasync::spawn(async { Bomb });
        while !task.is_finished() {
            oasync::yield_now().await;
        }
        drop(task);
    });
    assert_eq!(message(block_on(dropper)), "planned: bomb");
    unharmed(&coord, &log, 1, 0);
}

#[test]
fn in_a_hook_it_is_counted() {
    in_time(panics_in_every_hook);
}

fn panics_in_every_hook() {
    quiet();
    let calls = Arc::new(AtomicUsize::new(0));
    let (starts, stops) = (calls.clone(), calls.clone());
    // Else a thread more may come to help, on a machine as slow as valgrind's.
    let coord = Coordinator::builder()
        .workers(WORKERS)
        .stall_threshold(10 * LONG)
        .on_thread_start(move |_| {
            starts.fetch_add(1, Ordering::SeqCst);
            panic!("{PLANNED}: start")
        })
        .on_thread_stop(move |_| {
            stops.fetch_add(1, Ordering::SeqCst);
            panic!("{PLANNED}: stop")
        })
        .on_panic(|_| panic!("{PLANNED}: hook"))
        .build()
        .unwrap();
    coord.start().unwrap();
    let log = Log::default();
    // Brings both threads up: each start was one panic. No task waits meanwhile, or a
    // blocking thread might come for it.
    block_on(coord.broadcast(|| ()));
    meet(&coord);
    assert_eq!(coord.metrics().panics(), WORKERS as u64);
    coord.go(async { panic!("{PLANNED}: task") });
    unharmed(&coord, &log, WORKERS as u64 + 2, 0);
    assert_eq!(coord.block_on(coord.spawn_blocking(|| 1)).unwrap(), 1);
    let handle = coord.handle();
    drop(coord);
    // Two workers and a blocking thread started and stopped.
    let calls = calls.load(Ordering::SeqCst) as u64;
    assert!(calls >= 2 * 3);
    // And one task, with its hook.
    assert_eq!(handle.metrics().panics(), calls + 2);
    assert_eq!(handle.metrics().num_alive_tasks(), 0);
}

#[test]
fn in_the_drop_of_a_worker_state_it_is_counted() {
    quiet();
    let coord = Coordinator::builder().workers(1).worker_state(|_| Bomb).build().unwrap();
    coord.start().unwrap();
    block_on(coord.spawn(async { oasync::with_worker_state(|_: &Bomb| ()) })).unwrap();
    let handle = coord.handle();
    drop(coord);
    assert_eq!(handle.metrics().panics(), 1);
}

#[test]
fn in_a_closure_it_reaches_the_handle_or_the_hook_and_the_thread_stays() {
    quiet();
    let (builder, log) = logged(Coordinator::builder().workers(WORKERS).blocking_threads(1));
    let coord = builder.build().unwrap();
    coord.start().unwrap();
    let closure = coord.spawn_blocking(|| panic!("{PLANNED} 1"));
    assert_eq!(message::<()>(block_on(closure)), "planned 1");
    coord.gob(|| panic!("{PLANNED} 2"));
    assert_eq!(block_on(coord.spawn_blocking(|| 3)).unwrap(), 3);
    assert_eq!(log.lock().unwrap()[0].message.as_deref(), Some("planned 2"));
    assert_eq!(coord.metrics().num_blocking_threads(), 1);
    unharmed(&coord, &log, 2, 1);
}

#[test]
fn in_a_main_future_it_comes_out_of_block_on() {
    let (coord, log) = started();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        coord.block_on(async {
            oasync::spawn(async {}).await.unwrap();
            panic!("{PLANNED}: main")
        })
    }));
    let Err(payload) = caught;
    assert_eq!(text(&*payload), Some("planned: main"));
    assert_eq!(coord.block_on(async { 1 }), 1);
    unharmed(&coord, &log, 0, 0);
}

#[test]
fn in_the_drop_of_a_payload_it_goes_nowhere() {
    let (coord, log) = started();
    for depth in [0, 1, 2, 3, 1000] {
        coord.go(async move { panic_any(AngryPayload(depth)) });
    }
    unharmed(&coord, &log, 5, 5);
    let task = coord.spawn(async { panic_any(AngryPayload(1)) });
    let payload = block_on::<Result<(), _>>(task).unwrap_err().into_panic();
    assert_eq!(payload.downcast_ref::<AngryPayload>().unwrap().0, 1, "it came whole");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err(), "and is the taker's");
    unharmed(&coord, &log, 6, 5);
}

#[test]
fn a_thousand_of_them_are_all_counted() {
    let (coord, log) = started();
    for i in 0..1000 {
        coord.go(async move {
            if i % 2 == 0 {
                oasync::yield_now().await;
            }
            panic!("{PLANNED} {i}")
        });
    }
    unharmed(&coord, &log, 1000, 1000);
}
