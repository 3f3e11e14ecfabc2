//! Promise: a handle gives what became of its task, in whatever order things
//! happen and wherever it is awaited.

mod common;

use std::collections::HashSet;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::task::{Context, Poll, Wake, Waker};

use futures_lite::future::block_on;
use oasync::{JoinError, JoinHandle};

use common::{CountDrop, LONG, coordinator, eventually, started};

/// Silences the panics that are part of a test.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<String>().map_or("", |text| text);
            let planned = text.starts_with("into_panic on an error")
                || info.payload().downcast_ref() == Some(&"planned");
            if !planned {
                default(info);
            }
        }));
    });
}

/// Sets a flag when it is dropped.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn flag() -> (Flag, Arc<AtomicBool>) {
    let dropped = Arc::new(AtomicBool::new(false));
    (Flag(dropped.clone()), dropped)
}

fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::SeqCst)
}

#[test]
fn completed_before_it_is_awaited() {
    let coord = started(2);
    let task = coord.spawn(async { "done" });
    eventually("it is finished", || task.is_finished());
    assert_eq!(block_on(task).unwrap(), "done");
}

#[test]
fn completed_after_it_is_awaited() {
    for workers in [1, 2] {
        let coord = started(workers);
        for _ in 0..200 {
            let mut task = coord.spawn(async {
                oasync::yield_now().await;
                5
            });
            let woken = block_on(coord.spawn(async move {
                let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut task).poll(cx))).await;
                match first {
                    Poll::Ready(value) => value.unwrap(),
                    Poll::Pending => task.await.unwrap(),
                }
            }));
            assert_eq!(woken.unwrap(), 5);
        }
        let (tx, rx) = mpsc::channel();
        let task = coord.spawn(async move {
            while rx.try_recv().is_err() {
                oasync::yield_now().await;
            }
            6
        });
        assert!(!task.is_finished());
        let awaiting = std::thread::spawn(move || block_on(task));
        tx.send(()).unwrap();
        assert_eq!(awaiting.join().unwrap().unwrap(), 6);
    }
}

#[test]
fn detached_it_runs_on() {
    let coord = started(2);
    let (tx, rx) = mpsc::channel();
    for early in [true, false] {
        let (tx, started, go) = (tx.clone(), flag(), flag());
        let (here, there) = (started.1.clone(), go.1.clone());
        let task = coord.spawn(async move {
            drop(started.0);
            while !is_set(&there) {
                oasync::yield_now().await;
            }
            tx.send(early).unwrap();
        });
        if !early {
            eventually("it runs", || is_set(&here));
        }
        drop(task);
        drop(go.0);
        assert_eq!(rx.recv_timeout(LONG), Ok(early));
    }
}

#[test]
fn the_result_is_dropped_once_wherever_it_goes() {
    let coord = started(2);
    let drops = Arc::new(AtomicUsize::new(0));
    for i in 0..3000 {
        let result = CountDrop(drops.clone());
        let task = coord.spawn(async move { result });
        match i % 3 {
            // Races with the completion.
            0 => drop(task),
            1 => drop(block_on(task)),
            _ => drop(task.cancel()),
        }
    }
    eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
    eventually("each is dropped", || drops.load(Ordering::SeqCst) >= 3000);
    drop(coord);
    assert_eq!(drops.load(Ordering::SeqCst), 3000);
}

#[test]
fn cancelled_before_its_first_poll() {
    let coord = coordinator(1);
    let (guard, dropped) = flag();
    let polled = Arc::new(AtomicBool::new(false));
    let entered = polled.clone();
    let task = coord.spawn(async move {
        entered.store(true, Ordering::SeqCst);
        drop(guard);
    });
    let closure = coord.spawn_blocking(|| panic!("a cancelled closure does not start"));
    let (task, closure) = (task.cancel(), closure.cancel());
    let result = coord.block_on(async {
        let result = task.await;
        assert!(is_set(&dropped), "dropped before the cancel resolves");
        assert!(closure.await.unwrap_err().is_cancelled());
        result
    });
    assert!(result.unwrap_err().is_cancelled());
    assert!(!is_set(&polled));
}

#[test]
fn cancelled_while_it_waits() {
    let coord = started(2);
    for _ in 0..200 {
        let (guard, dropped) = flag();
        let task = coord.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let id = task.id();
        eventually("it waits", || coord.tasks().iter().any(|task| task.id() == id));
        assert!(block_on(task.cancel()).unwrap_err().is_cancelled());
        assert!(is_set(&dropped), "dropped before the cancel resolves");
    }
}

#[test]
fn cancelled_while_it_runs() {
    for workers in [1, 2] {
        let coord = started(workers);
        let (guard, dropped) = flag();
        let (entered, runs) = mpsc::channel();
        let (release, go) = mpsc::channel();
        let task = coord.spawn(async move {
            let _guard = guard;
            entered.send(()).unwrap();
            go.recv().unwrap();
            pending::<()>().await;
        });
        runs.recv().unwrap();
        let mut cancel = pin!(task.cancel());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(cancel.as_mut().poll(&mut cx).is_pending(), "its poll has not returned");
        assert!(!is_set(&dropped));
        release.send(()).unwrap();
        assert!(block_on(cancel).unwrap_err().is_cancelled());
        assert!(is_set(&dropped), "dropped before the cancel resolves");
    }
}

#[test]
fn cancelled_after_its_end_it_gives_the_result_or_the_panic() {
    quiet();
    let coord = started(2);
    let done = coord.spawn(async { 7 });
    let failed = coord.spawn(async { std::panic::panic_any("planned") });
    eventually("both have ended", || done.is_finished() && failed.is_finished());
    assert_eq!(block_on(done.cancel()).unwrap(), 7);
    let error: JoinError = block_on(failed.cancel()).unwrap_err();
    assert!(error.is_panic());
    assert_eq!(error.into_panic().downcast_ref(), Some(&"planned"));
}

#[test]
fn a_cancel_that_is_not_awaited_takes_effect() {
    let coord = started(2);
    let (guard, dropped) = flag();
    let task = coord.spawn(async move {
        let _guard = guard;
        loop {
            oasync::yield_now().await;
        }
    });
    drop::<oasync::Cancel<()>>(task.cancel());
    eventually("its future is dropped", || is_set(&dropped));
    eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
}

#[test]
fn cancelled_by_itself() {
    let coord = started(1);
    let (guard, dropped) = flag();
    let (give, take) = mpsc::channel::<JoinHandle<()>>();
    let task = coord.spawn(async move {
        let me = loop {
            match take.try_recv() {
                Ok(me) => break me,
                Err(_) => oasync::yield_now().await,
            }
        };
        drop(me.cancel());
        // It ends where it next waits, not before.
        assert!(!is_set(&guard.0));
        pending::<()>().await;
    });
    give.send(task).unwrap();
    eventually("its future is dropped", || is_set(&dropped));
    eventually("no task is alive", || coord.metrics().num_alive_tasks() == 0);
    assert_eq!(coord.metrics().panics(), 0);
}

/// Tasks that do `with` to their own handle, in their first poll or in a later one, and go on;
/// the last of them until the end of the coordinator. With it, the results that were dropped.
fn let_go_of_themselves(with: fn(JoinHandle<CountDrop>)) -> usize {
    let (futures, results) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut before = 0;
    for (workers, early) in [(1, true), (1, false), (2, true), (2, false)] {
        let coord = started(workers);
        for ends in [true, true, false] {
            let (give, take) = mpsc::channel();
            let (wake, woken) = async_channel::bounded(1);
            let (tell, told) = mpsc::channel();
            let (guard, result) = (CountDrop(futures.clone()), CountDrop(results.clone()));
            let task = coord.spawn(async move {
                let _guard = guard;
                if !early {
                    oasync::yield_now().await;
                }
                with(take.recv_timeout(LONG).unwrap());
                tell.send(()).unwrap();
                woken.recv().await.unwrap();
                tell.send(()).unwrap();
                if !ends {
                    pending::<()>().await;
                }
                result
            });
            give.send(task).unwrap();
            told.recv_timeout(LONG).unwrap();
            assert_eq!(futures.load(Ordering::SeqCst), before, "it waits");
            wake.send_blocking(()).unwrap();
            assert_eq!(told.recv_timeout(LONG), Ok(()), "it goes on");
            if ends {
                before += 1;
                eventually("it ends", || futures.load(Ordering::SeqCst) == before);
            }
        }
        eventually("one is alive", || coord.metrics().num_alive_tasks() == 1);
        drop(coord);
        before += 1;
        assert_eq!(futures.load(Ordering::SeqCst), before);
    }
    results.load(Ordering::SeqCst)
}

#[test]
fn detached_by_itself_it_runs_on() {
    assert_eq!(let_go_of_themselves(drop), 12, "each result is dropped");
}

#[test]
fn leaked_by_itself_it_runs_on() {
    // The results that were given stay where they are; the others went with their futures.
    assert_eq!(let_go_of_themselves(std::mem::forget), 4);
}

#[test]
fn a_closure_that_runs_is_not_cancelled() {
    let coord = started(1);
    let (entered, runs) = mpsc::channel();
    let (release, go) = mpsc::channel();
    let closure = coord.spawn_blocking(move || {
        entered.send(()).unwrap();
        go.recv().unwrap();
        8
    });
    runs.recv().unwrap();
    let cancel = closure.cancel();
    release.send(()).unwrap();
    match block_on(cancel) {
        Ok(value) => assert_eq!(value, 8),
        Err(error) => assert!(error.is_cancelled()),
    }
    assert_eq!(block_on(coord.spawn_blocking(|| 9)).unwrap(), 9);
}

#[test]
fn dropped_with_its_coordinator_while_it_runs() {
    let coord = started(2);
    let (entered, runs) = mpsc::channel();
    let task = coord.spawn(async move {
        entered.send(()).unwrap();
        loop {
            oasync::yield_now().await;
        }
    });
    runs.recv().unwrap();
    drop(coord);
    assert!(task.is_finished());
    assert!(block_on::<Result<(), _>>(task).unwrap_err().is_cancelled());
}

#[test]
fn ids_are_unique() {
    let coords = [started(1), started(2)];
    let mut ids = HashSet::new();
    let spawners: Vec<_> = (0..4)
        .map(|i| {
            let handle = coords[i % 2].handle();
            std::thread::spawn(move || {
                let inside = handle.spawn(async {
                    (0..5000).map(|_| oasync::spawn(async {}).id()).collect::<Vec<_>>()
                });
                let mut ids: Vec<_> = (0..5000).map(|_| handle.spawn(async {}).id()).collect();
                ids.push(inside.id());
                ids.extend(block_on(inside).unwrap());
                ids
            })
        })
        .collect();
    for spawner in spawners {
        for id in spawner.join().unwrap() {
            assert!(ids.insert(id), "{id} came twice");
        }
    }
    assert_eq!(ids.len(), 4 * 10_001);
    let task = coords[0].spawn(pending::<()>());
    let id = task.id();
    assert_eq!(block_on(task.cancel()).unwrap_err().id(), id);
}

#[test]
fn an_error_tells_what_happened() {
    quiet();
    let coord = started(1);
    let task = coord.spawn(pending::<()>());
    let cancelled = block_on(task.cancel()).unwrap_err();
    assert!(cancelled.is_cancelled() && !cancelled.is_panic());
    let cancelled = cancelled.try_into_panic().unwrap_err();
    let source: &dyn std::error::Error = &cancelled;
    assert!(source.source().is_none());
    let io: std::io::Error = cancelled.into();
    assert_eq!(io.kind(), std::io::ErrorKind::Other);
    assert!(io.get_ref().unwrap().downcast_ref::<JoinError>().unwrap().is_cancelled());

    let task = coord.spawn(async { std::panic::panic_any("planned") });
    let panicked: JoinError = block_on::<Result<(), _>>(task).unwrap_err();
    assert!(panicked.is_panic() && !panicked.is_cancelled());
    assert_eq!(panicked.try_into_panic().unwrap().downcast_ref(), Some(&"planned"));

    let task = coord.spawn(pending::<()>());
    let cancelled = block_on(task.cancel()).unwrap_err();
    let taken = coord.spawn(async { drop(cancelled.into_panic()) });
    assert!(block_on(taken).unwrap_err().is_panic(), "there is no panic to take out");
}

#[test]
fn awaited_in_another_coordinator() {
    let (a, b) = (started(1), started(2));
    let tasks: Vec<_> = (0..1000u64)
        .map(|i| {
            a.spawn(async move {
                oasync::yield_now().await;
                i
            })
        })
        .collect();
    let sum = b.spawn(async move {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(a.block_on(sum).unwrap(), 499_500);
}

/// Counts its wakes.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn polled_with_changing_wakers_it_wakes_the_last() {
    let coord = started(1);
    for _ in 0..100 {
        let (go, may_go) = flag();
        let mut task = coord.spawn(async move {
            while !is_set(&may_go) {
                oasync::yield_now().await;
            }
            3
        });
        let bells: Vec<Arc<Bell>> = (0..5).map(|_| Arc::default()).collect();
        for bell in &bells {
            let waker = Waker::from(bell.clone());
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
            assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        }
        drop(go);
        eventually("the last is woken", || bells[4].0.load(Ordering::SeqCst) > 0);
        assert!(bells[..4].iter().all(|bell| bell.0.load(Ordering::SeqCst) == 0));
        assert_eq!(block_on(task).unwrap(), 3);
    }
}

#[test]
fn an_aborted_task_is_dropped_and_so_is_a_result_that_is_there() {
    let coord = started(1);
    let drops = Arc::new(AtomicUsize::new(0));
    let guard = CountDrop(drops.clone());
    let task = coord.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    task.abort();
    eventually("the future is dropped", || drops.load(Ordering::SeqCst) == 1);
    let guard = CountDrop(drops.clone());
    let task = coord.spawn(async move { guard });
    eventually("it has ended", || task.is_finished());
    task.abort();
    assert_eq!(drops.load(Ordering::SeqCst), 2);
}
