//! What runs while threads are refused. Each scenario goes through every number of
//! workers and every thread that may be the one that is refused.

use std::collections::HashSet;
use std::future::{Future, pending};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use oasync::{Coordinator, JoinHandle, WorkerKind};

use crate::common::{CountDrop, LONG, coordinator, eventually, without_help};
use crate::refusal::{for_each_refusal, for_each_single_refusal};

/// Waits without any coordinator.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    futures_lite::future::block_on(future)
}

/// CPU time of this process.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid clock and a valid place for its time.
    let error = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(error, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Nobody spins: over some time, the process hardly computes.
fn assert_quiet() {
    let (window, mut least) = (Duration::from_millis(60), Duration::MAX);
    // Something may still go to sleep in the first; a spin is in all of them.
    for _ in 0..3 {
        let before = cpu();
        thread::sleep(window);
        least = least.min(cpu() - before);
        if least < window / 4 {
            return;
        }
    }
    panic!("{least:?} of computing in {window:?} of waiting");
}

fn in_pool() -> bool {
    oasync::worker_info().is_some_and(|info| info.kind() == WorkerKind::Blocking)
}

/// Tasks and closures of all kinds, and how many of each came to run.
pub fn submit(coord: &Coordinator, ran: &Arc<AtomicUsize>) -> Vec<JoinHandle<usize>> {
    let count = |ran: &Arc<AtomicUsize>| {
        let ran = ran.clone();
        move |i| {
            ran.fetch_add(1, Ordering::SeqCst);
            i
        }
    };
    (0..90)
        .map(|i| {
            let done = count(ran);
            match i % 5 {
                0 => coord.spawn(async move { done(i) }),
                1 => coord.spawn_blocking(move || done(i)),
                2 => coord.task().name("named").spawn(async move {
                    oasync::yield_now().await;
                    done(i)
                }),
                3 => coord.spawn(async move {
                    let inner = oasync::spawn_blocking(move || i).await;
                    done(i);
                    inner.unwrap_or(GONE)
                }),
                _ => coord.spawn(async move {
                    oasync::block_in_place(|| done(i));
                    oasync::spawn(async move { i }).await.unwrap_or(GONE)
                }),
            }
        })
        .collect()
}

const ALL: usize = 90;

/// What a task gives whose own task or closure was refused.
const GONE: usize = usize::MAX;

/// Each gave its result, or says that it was cancelled.
pub fn assert_all_resolve(tasks: Vec<JoinHandle<usize>>) {
    for (i, task) in tasks.into_iter().enumerate() {
        match wait(task) {
            Ok(value) => assert!(value == i || value == GONE),
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
    }
}

#[test]
#[ignore = "runs where threads are refused"]
fn with_a_caller() {
    for_each_refusal(["all is done"], |workers, points| {
        let (coord, ran) = (coordinator(workers), Arc::new(AtomicUsize::new(0)));
        let before = submit(&coord, &ran);
        coord.block_on(async {
            for (i, task) in before.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), i);
            }
            for (i, task) in submit(&coord, &ran).into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), i);
            }
        });
        assert_eq!(ran.load(Ordering::SeqCst), 2 * ALL);
        assert_quiet();
        points.reach("all is done");
    });
}

#[test]
#[ignore = "runs where threads are refused"]
fn started() {
    for_each_refusal(["it starts", "it does not"], |workers, points| {
        let (coord, ran) = (coordinator(workers), Arc::new(AtomicUsize::new(0)));
        let begins = coord.start();
        let tasks = submit(&coord, &ran);
        if begins.is_ok() {
            for (i, task) in tasks.into_iter().enumerate() {
                assert_eq!(wait(task).unwrap(), i);
            }
            assert_eq!(ran.load(Ordering::SeqCst), ALL);
            points.reach("it starts");
        } else {
            // They are queued, or a later thread did come for them.
            assert_quiet();
            drop(coord);
            assert_all_resolve(tasks);
            points.reach("it does not");
        }
    });
}

#[test]
#[ignore = "runs where threads are refused"]
fn coming_back() {
    for_each_refusal(["it comes back"], |workers, points| {
        let coord = coordinator(workers);
        if coord.start().is_err() {
            return;
        }
        // It gives its place away and takes it again, while others are sent for.
        let comes_back = coord.spawn(async {
            for _ in 0..200 {
                oasync::block_in_place(thread::yield_now);
                oasync::yield_now().await;
            }
        });
        let mut tasks = Vec::new();
        while !comes_back.is_finished() && tasks.len() < 10_000 {
            tasks.push(coord.spawn(async {}));
            thread::yield_now();
        }
        wait(comes_back).unwrap();
        tasks.into_iter().for_each(|task| wait(task).unwrap());
        points.reach("it comes back");
    });
}

#[test]
#[ignore = "runs where threads are refused"]
fn nested() {
    for_each_refusal(["all is done"], |workers, points| {
        fn dive(depth: usize) -> usize {
            if depth == 0 {
                return 0;
            }
            let closure = oasync::spawn_blocking(move || depth);
            let below = oasync::spawn(async move { dive(depth - 1) });
            assert_eq!(oasync::block_on(closure).unwrap(), depth);
            1 + oasync::block_on(below).unwrap()
        }
        let coord = coordinator(workers);
        coord.block_on(async {
            let tasks: Vec<_> = (0..4).map(|_| oasync::spawn(async { dive(5) })).collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), 5);
            }
        });
        points.reach("all is done");
    });
}

#[test]
#[ignore = "runs where threads are refused"]
fn waiting() {
    for_each_refusal(["all wait"], |workers, points| {
        let coord = coordinator(workers);
        let drops = Arc::new(AtomicUsize::new(0));
        let _ = coord.start();
        for _ in 0..10 {
            let guard = CountDrop(drops.clone());
            coord.go(async move {
                let _guard = guard;
                pending::<()>().await;
            });
        }
        let (release, gate) = mpsc::channel::<()>();
        let closure = coord.spawn_blocking(move || gate.recv_timeout(LONG).is_ok());
        assert_quiet();
        let _ = release.send(());
        // The caller runs it, if there is nobody else.
        assert!(coord.block_on(closure).unwrap());
        assert_quiet();
        drop(coord);
        assert_eq!(drops.load(Ordering::SeqCst), 10);
        points.reach("all wait");
    });
}

#[test]
#[ignore = "runs where threads are refused"]
fn closures_in_closures() {
    for_each_refusal(["in the pool", "on a worker"], |workers, points| {
        let coord = coordinator(workers);
        if coord.start().is_err() {
            return;
        }
        let (arrives, arrived) = mpsc::channel();
        let handle = coord.handle();
        let outer = coord.spawn_blocking(move || {
            if !in_pool() {
                // The last worker, perhaps.
                arrives.send(Ok(())).unwrap();
                return "on a worker";
            }
            // Not `block_on`: it does not say that it blocks.
            let (inner, begun) = mpsc::channel();
            handle.gob(move || inner.send(()).unwrap());
            arrives.send(begun.recv_timeout(LONG)).unwrap();
            "in the pool"
        });
        assert_eq!(arrived.recv_timeout(2 * LONG).unwrap(), Ok(()));
        points.reach(wait(outer).unwrap());
    });
}

/// A task that waits, without saying so, for what is behind it, and for a timer.
fn assert_rescued(coord: &Coordinator, in_slot: bool) {
    let stuck = coord.spawn(async move {
        let (behind, run) = mpsc::channel();
        let behind = async move {
            oasync::sleep(Duration::from_millis(1)).await;
            behind.send(()).unwrap();
        };
        if in_slot {
            oasync::go(behind);
        } else {
            drop(oasync::spawn_many([behind]));
        }
        run.recv_timeout(LONG)
    });
    assert_eq!(wait(stuck).unwrap(), Ok(()), "in the slot: {in_slot}");
}

/// The thread of the watcher is among those that are refused.
#[test]
#[ignore = "runs where threads are refused"]
fn stuck() {
    for in_slot in [true, false] {
        for_each_single_refusal(["it is rescued"], |workers, points| {
            let coord = coordinator(workers);
            if coord.start().is_ok() {
                assert_rescued(&coord, in_slot);
                points.reach("it is rescued");
            }
        });
    }
}

/// Each worker is needed, and polls may be so long that none gets help: a thread that was
/// refused is asked for again all the same.
#[test]
#[ignore = "runs where threads are refused"]
fn meeting() {
    for_each_single_refusal(["all meet"], |workers, points| {
        let coord = without_help(workers);
        if coord.start().is_err() {
            return;
        }
        let here = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..workers)
            .map(|_| {
                let here = here.clone();
                coord.spawn(async move {
                    here.fetch_add(1, Ordering::SeqCst);
                    eventually("all are here", || here.load(Ordering::SeqCst) == workers);
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| wait(task).unwrap());
        points.reach("all meet");
    });
}

/// No thread comes any more; but one of the pool is there.
#[test]
#[ignore = "runs where threads are refused"]
fn stuck_for_good() {
    for_each_refusal(["it is rescued"], |workers, points| {
        let coord = coordinator(workers);
        if coord.start().is_ok() && wait(coord.spawn_blocking(in_pool)).unwrap() {
            assert_rescued(&coord, true);
            assert_rescued(&coord, false);
            points.reach("it is rescued");
        }
    });
}

/// Whether a thread of the watcher is there.
fn is_watched() -> bool {
    let names = || -> Vec<String> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let name = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.unwrap().path().join("comm")).ok() // it may have ended
        };
        tasks.filter_map(name).collect()
    };
    // Until a thread names itself it has the name of the one that started it.
    eventually("each thread has a name of its own", || {
        let names = names();
        names.iter().collect::<HashSet<_>>().len() == names.len()
    });
    names().iter().any(|name| name.trim_end().ends_with("-watch"))
}

/// The pool's only thread has idled for longer than it would, if there were a watcher.
#[test]
#[ignore = "runs where threads are refused"]
fn idle_for_long() {
    const KEEP: Duration = Duration::from_millis(5);
    for_each_refusal(["one idles, and nobody watches"], |workers, points| {
        let coord = Coordinator::builder().workers(workers).keep_alive(KEEP).build().unwrap();
        if coord.start().is_err() {
            return;
        }
        // It does not idle before it is known whether there is a watcher.
        let (release, gate) = mpsc::channel::<()>();
        let closure = coord.spawn_blocking(move || in_pool() && gate.recv().is_err());
        // This asks for one.
        wait(coord.spawn(async { oasync::spawn(async {}).await.unwrap() })).unwrap();
        let watched = is_watched();
        drop(release);
        if wait(closure).unwrap() && !watched {
            thread::sleep(10 * KEEP);
            assert_rescued(&coord, false);
            points.reach("one idles, and nobody watches");
        }
    });
}

/// The pool's only thread lends, to a poll that waits for a closure.
#[test]
#[ignore = "runs where threads are refused"]
fn stuck_lender() {
    for_each_refusal(["the pool's thread lends"], |workers, points| {
        let coord = Coordinator::builder().workers(workers).blocking_threads(1).build().unwrap();
        if coord.start().is_err() || !wait(coord.spawn_blocking(in_pool)).unwrap() {
            return;
        }
        let (release, gate) = mpsc::channel::<()>();
        let (arrives, arrived) = mpsc::channel();
        let gate = Arc::new(Mutex::new(gate));
        // On every worker, if all came.
        let held: Vec<_> = (0..workers)
            .map(|_| {
                let gate = gate.clone();
                coord.spawn(async move { gate.lock().unwrap().recv_timeout(LONG).is_ok() })
            })
            .collect();
        let handle = coord.handle();
        let lent = coord.spawn(async move {
            let (runs, run) = mpsc::channel();
            handle.gob(move || runs.send(()).unwrap());
            arrives.send(()).unwrap();
            (run.recv_timeout(LONG), in_pool())
        });
        // If some did not come, the pool's thread may be at the gate.
        let mut left = workers;
        while arrived.recv_timeout(Duration::from_millis(100)).is_err() {
            release.send(()).unwrap();
            left -= 1;
        }
        for _ in 0..left {
            release.send(()).unwrap();
        }
        let (ran, lent) = wait(lent).unwrap();
        assert_eq!(ran, Ok(()));
        if lent {
            points.reach("the pool's thread lends");
        }
        held.into_iter().for_each(|task| assert!(wait(task).unwrap()));
    });
}

#[test]
#[ignore = "runs where threads are refused"]
fn busy_pool() {
    for_each_single_refusal(["the pool has a thread"], |workers, points| {
        // Else the workers would run it after a while, or at once without a watcher.
        let coord = without_help(workers);
        let _ = coord.start();
        let (arrives, arrived) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let busy = coord.spawn_blocking(move || {
            arrives.send(in_pool()).unwrap();
            gate.recv_timeout(LONG).is_ok()
        });
        // If nobody comes for it, it runs on the caller's thread at the end.
        let has_thread = arrived.recv_timeout(Duration::from_millis(200)).unwrap_or(false);
        let next = coord.spawn_blocking(in_pool);
        release.send(()).unwrap();
        assert!(coord.block_on(busy).unwrap());
        // Its own thread, or the one that was busy.
        assert!(coord.block_on(next).unwrap() || !has_thread);
        if has_thread {
            points.reach("the pool has a thread");
        }
    });
}
