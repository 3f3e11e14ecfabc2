//! A coordinator may be closed by what it runs.

use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Coordinator, InheritedLocal, JoinHandle};

use crate::{
    Count, LONG, coordinator, eventually, no_threads, threads, wait_for_ever, yield_for_ever,
};

/// Closes the coordinator, and looks whether the rest has gone.
struct Closer {
    coord: Option<Coordinator>,
    others: Count,
    by_drop: bool,
    back: mpsc::Sender<Option<Coordinator>>,
}

impl Closer {
    fn close(&mut self) {
        let coord = self.coord.take().unwrap();
        if self.by_drop {
            drop(coord);
            self.back.send(None).unwrap();
            return;
        }
        let report = coord.shutdown(Duration::from_millis(20));
        assert_eq!((report.finished, report.cancelled), (0, 40), "{report:?}");
        assert!(report.still_running.is_empty(), "{report:?}");
        assert_eq!((self.others.made(), self.others.dropped()), (40, 40));
        self.back.send(Some(coord)).unwrap();
    }
}

/// Closes when it is dropped.
struct CloseOnDrop(Closer);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

type Place = fn(oasync::Handle, Closer);

/// Lets `place` close coordinators with 1 and 2 workers, by a shutdown and by a
/// drop, while other tasks live.
#[track_caller]
fn everywhere(name: &str, place: Place) {
    for (workers, by_drop) in [(1, false), (1, true), (2, false), (2, true)] {
        for _ in 0..5 {
            let (coord, count) = (coordinator(name, workers), Count::default());
            coord.start().unwrap();
            for _ in 0..20 {
                coord.go(wait_for_ever(count.guard()));
                coord.go(yield_for_ever(count.guard()));
            }
            let (back, closed) = mpsc::channel();
            let handle = coord.handle();
            let others = count.clone();
            place(handle.clone(), Closer { coord: Some(coord), others, by_drop, back });
            let coord = closed.recv_timeout(LONG).expect("closed within a minute");
            eventually("nothing is alive", || handle.metrics().num_alive_tasks() == 0);
            assert_eq!((count.made(), count.dropped()), (40, 40));
            drop(coord);
            no_threads(name);
        }
    }
}

#[test]
fn in_a_task() {
    everywhere("si-task", |handle, mut closer| {
        let task = handle.spawn(async move {
            closer.close();
            1
        });
        assert_eq!(block_on(task).unwrap(), 1, "the task goes on");
    });
}

#[test]
fn in_a_task_that_waits_afterwards() {
    everywhere("si-wait", |handle, mut closer| {
        let task = handle.spawn(async move {
            closer.close();
            pending::<()>().await;
        });
        assert!(block_on(task).unwrap_err().is_cancelled());
    });
}

#[test]
fn in_a_main_future() {
    everywhere("si-main", |handle, mut closer| {
        let value = handle.block_on(async move {
            oasync::yield_now().await;
            closer.close();
            assert!(oasync::spawn(async {}).await.unwrap_err().is_cancelled());
            1
        });
        assert_eq!(value, 1);
    });
}

#[test]
fn in_a_main_future_on_a_worker_thread() {
    everywhere("si-nest", |handle, mut closer| {
        let task = handle.spawn(async move {
            oasync::block_on(async move {
                oasync::yield_now().await;
                closer.close();
                1
            })
        });
        assert_eq!(block_on(task).unwrap(), 1);
    });
}

#[test]
fn in_a_closure() {
    everywhere("si-block", |handle, mut closer| {
        let task = handle.spawn_blocking(move || {
            closer.close();
            1
        });
        assert_eq!(block_on(task).unwrap(), 1);
    });
}

#[test]
fn in_the_destructor_of_a_completed_task() {
    everywhere("si-done", |handle, closer| {
        let closer = CloseOnDrop(closer);
        block_on(handle.spawn(async move {
            oasync::yield_now().await;
            drop(closer);
        }))
        .unwrap();
    });
}

#[test]
fn in_the_destructor_of_a_cancelled_task() {
    everywhere("si-canc", |handle, closer| {
        let closer = CloseOnDrop(closer);
        let task = handle.spawn(async move {
            let _closer = closer;
            pending::<()>().await;
        });
        let id = task.id();
        eventually("it waits", || handle.tasks().iter().any(|task| task.id() == id));
        assert!(block_on(task.cancel()).unwrap_err().is_cancelled());
    });
}

#[test]
fn in_the_destructor_of_a_result() {
    everywhere("si-res", |handle, closer| {
        let closer = CloseOnDrop(closer);
        handle.go(async move { closer });
    });
}

#[test]
fn in_the_destructor_of_a_value_that_the_task_inherited() {
    static LAST: InheritedLocal<Mutex<CloseOnDrop>> = InheritedLocal::new();
    everywhere("si-inh", |handle, closer| {
        let (gate, opened) = async_channel::bounded::<()>(1);
        LAST.sync_scope(Mutex::new(CloseOnDrop(closer)), || {
            handle.go(async move {
                let _closed = opened.recv().await;
            });
        });
        drop(gate); // the task is the last to have the value
    });
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("planned");
    }
}

#[test]
fn in_the_destructor_of_a_value_whose_future_panicked_in_its_own() {
    struct Ready(Option<CloseOnDrop>, Bomb);
    impl Future for Ready {
        type Output = CloseOnDrop;
        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<CloseOnDrop> {
            Poll::Ready(self.0.take().unwrap())
        }
    }
    everywhere("si-val", |handle, closer| {
        let task = handle.spawn(Ready(Some(CloseOnDrop(closer)), Bomb));
        assert!(block_on(task).is_err_and(|error| error.is_panic()));
    });
}

#[test]
fn in_the_panic_hook_while_a_future_is_dropped() {
    let closer = Arc::new(Mutex::new(None::<oasync::Handle>));
    let (reported, report) = mpsc::channel();
    let given = closer.clone();
    let close = move || given.lock().unwrap().take().unwrap().shutdown(Duration::MAX);
    let coord = Coordinator::builder()
        .workers(1)
        .on_panic(move |_| reported.send(close()).unwrap())
        .build()
        .unwrap();
    *closer.lock().unwrap() = Some(coord.handle());
    coord.start().unwrap();
    let (made, bomb) = mpsc::channel();
    let task = coord.spawn(async move {
        let _bomb = Bomb;
        made.send(()).unwrap();
        pending::<()>().await;
    });
    bomb.recv_timeout(LONG).unwrap();
    let ending = task.cancel();
    let report = report.recv_timeout(LONG).expect("it does not wait for the task itself");
    assert!(report.still_running.is_empty());
    assert!(block_on(ending).unwrap_err().is_cancelled());
}

#[test]
fn the_last_owner_may_be_a_task_of_its_own() {
    for workers in [1, 2] {
        let count = Count::default();
        let coord = Arc::new(coordinator("si-own", workers));
        coord.start().unwrap();
        let tasks: Vec<_> = (0..100)
            .map(|i| {
                let (coord, guard) = (coord.clone(), count.guard());
                coord.clone().spawn(async move {
                    let _guard = guard;
                    let _coord = coord;
                    for _ in 0..i {
                        oasync::yield_now().await;
                    }
                })
            })
            .collect();
        drop(coord);
        for task in tasks {
            block_on(task).unwrap();
        }
        eventually("all are dropped", || count.dropped() == 100);
        no_threads("si-own");
    }
}

#[test]
fn while_another_thread_is_in_block_on() {
    for workers in [1, 2] {
        for from_task in [false, true] {
            let (coord, count) = (coordinator("si-other", workers), Count::default());
            let task: JoinHandle<()> = coord.spawn(wait_for_ever(count.guard()));
            let (handle, ready) = (coord.handle(), Arc::new(std::sync::Barrier::new(2)));
            let there = ready.clone();
            let other = thread::spawn(move || {
                handle.block_on(async {
                    there.wait();
                    let error = task.await.unwrap_err();
                    assert!(oasync::spawn(async {}).await.unwrap_err().is_cancelled());
                    error
                })
            });
            ready.wait();
            let handle = coord.handle();
            if from_task {
                let closer = handle.clone();
                let task = handle.spawn(async move { closer.shutdown(Duration::ZERO) });
                // The other thread's late spawn counts too, if it comes in time.
                assert!((1..=2).contains(&block_on(task).unwrap().cancelled));
            } else {
                handle.block_on(async move { drop(coord) });
            }
            assert!(other.join().unwrap().is_cancelled());
            assert_eq!((count.made(), count.dropped()), (1, 1));
            no_threads("si-other");
        }
    }
}

#[test]
fn two_tasks_at_once_do_not_wait_for_each_other_beyond_the_limit() {
    for workers in [1, 2] {
        let (coord, count) = (coordinator("si-both", workers), Count::default());
        coord.start().unwrap();
        coord.go(wait_for_ever(count.guard()));
        let closers: Vec<_> = (0..2)
            .map(|_| {
                let handle = coord.handle();
                coord.spawn(async move {
                    handle.shutdown(Duration::from_millis(10));
                })
            })
            .collect();
        // One may be cancelled before it begins.
        let ended: Vec<_> = closers.into_iter().map(block_on).collect();
        assert!(ended.iter().any(Result::is_ok));
        assert!(ended.into_iter().flat_map(Result::err).all(|error| error.is_cancelled()));
        drop(coord);
        assert_eq!((count.made(), count.dropped()), (1, 1));
        no_threads("si-both");
    }
}

#[test]
fn the_default_coordinator_is_left_alone() {
    let other = oasync::spawn(pending::<()>());
    let coord = coordinator("si-def", 2);
    coord.start().unwrap();
    let handle = coord.handle();
    assert_eq!(handle.block_on(async { coord.shutdown(LONG).still_running.len() }), 0);
    drop(coord);
    assert!(!other.is_finished());
    assert_eq!(oasync::block_on(oasync::spawn(async { 1 })).unwrap(), 1);
    // A thread gives itself its name, when it has begun.
    let has_threads = || !threads("oasync").is_empty() || !cfg!(target_os = "linux");
    eventually("the default coordinator has threads", has_threads);
    assert!(block_on(other.cancel()).unwrap_err().is_cancelled());
}

#[test]
fn in_the_drop_of_what_a_scoped_task_returned() {
    for handle_is_kept in [false, true] {
        let coord = coordinator("si-out", 2);
        coord.start().unwrap();
        let task = coord.handle().spawn(async move {
            oasync::scope(|s| {
                let child = s.spawn(async move { coord });
                if handle_is_kept {
                    drop(child.join());
                }
            });
        });
        // The first wait after the end cancels it.
        let _ = block_on(task);
        eventually("all threads end", || threads("si-out").is_empty());
    }
}

/// A destructor that the first shutdown runs, on whichever thread, shuts down too: each
/// lists what still runs, and neither waits for the other beyond its limit.
#[test]
fn a_shutdown_inside_a_shutdown_lists_what_still_runs() {
    struct Again(oasync::Handle, mpsc::Sender<bool>);
    impl Drop for Again {
        fn drop(&mut self) {
            let _ = self.1.send(lists_stuck(&self.0));
        }
    }
    fn lists_stuck(handle: &oasync::Handle) -> bool {
        let report = handle.shutdown(Duration::ZERO);
        report.still_running.iter().any(|info| info.name() == Some("stuck"))
    }
    for workers in [1, 2] {
        let (coord, count) = (coordinator("sd-again", workers), Count::default());
        coord.start().unwrap();
        let (release, stuck) = mpsc::channel::<()>();
        let (entered, running) = mpsc::channel();
        let guard = count.guard();
        let _closure = coord.task().name("stuck").spawn_blocking(move || {
            let _guard = guard;
            entered.send(()).unwrap();
            let _ = stuck.recv();
        });
        running.recv().unwrap();
        let (sender, listed) = mpsc::channel();
        let again = Again(coord.handle(), sender);
        coord.go(async move {
            let _again = again;
            pending::<()>().await;
        });
        let handle = coord.handle();
        let outer = coord.spawn(async move { lists_stuck(&handle) });
        assert_eq!(listed.recv_timeout(LONG), Ok(true));
        let outer = block_on(outer);
        assert!(outer.is_err() || outer.is_ok_and(|lists| lists));
        release.send(()).unwrap();
        eventually("the closure ends", || count.dropped() == 1);
        drop(coord);
        no_threads("sd-again");
    }
}

#[test]
fn main_futures_and_tasks_can_see_that_it_has_begun() {
    let coord = coordinator("sd-seen", 2);
    coord.start().unwrap();
    let until_it_begins = || async {
        while !Coordinator::current().is_shutting_down() {
            oasync::yield_now().await;
        }
    };
    let task = coord.spawn(until_it_begins());
    assert!(!coord.is_shutting_down() && !coord.handle().is_shutting_down());
    std::thread::scope(|s| {
        let caller = s.spawn(|| coord.block_on(until_it_begins()));
        let report = coord.shutdown(LONG);
        assert_eq!((report.finished, report.cancelled), (1, 0));
        caller.join().unwrap();
    });
    assert!(task.is_finished() && coord.is_shutting_down());
}
