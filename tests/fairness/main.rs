//! Promise: a task that is ready waits for a bounded number of polls of its
//! worker, whatever the others do.

#[path = "../common/mod.rs"]
mod common;
mod full;

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::time::Instant;

use futures_lite::future::block_on;
use oasync::{Coordinator, JoinHandle};

use common::{LONG, coordinator, eventually, started, without_help};

/// Stops the endless tasks of a test, also when it fails.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn flag(&self) -> impl Fn() -> bool + Send + 'static {
        let flag = self.0.clone();
        move || flag.load(Ordering::Relaxed)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// `n` tasks that yield until they are stopped, counting their polls.
fn hogs(coord: &Coordinator, n: usize, stop: &Stop) -> Arc<AtomicUsize> {
    let polls = Arc::new(AtomicUsize::new(0));
    for _ in 0..n {
        let (polls, stop) = (polls.clone(), stop.flag());
        coord.go(async move {
            while !stop() {
                polls.fetch_add(1, Ordering::Relaxed);
                oasync::yield_now().await;
            }
        });
    }
    polls
}

/// A ring of tasks each of which wakes the next for ever: they live in the run
/// slot, if they may.
fn ring(coord: &Coordinator, n: usize, stop: &Stop) -> Arc<AtomicUsize> {
    let polls = Arc::new(AtomicUsize::new(0));
    let wakers: Arc<Vec<Mutex<Option<Waker>>>> =
        Arc::new((0..n).map(|_| Mutex::default()).collect());
    for i in 0..n {
        let (polls, wakers, stop) = (polls.clone(), wakers.clone(), stop.flag());
        coord.go(poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::Relaxed);
            *wakers[i].lock().unwrap() = Some(cx.waker().clone());
            let next = wakers[(i + 1) % n].lock().unwrap().clone();
            next.iter().for_each(Waker::wake_by_ref);
            if stop() { Poll::Ready(()) } else { Poll::Pending }
        }));
    }
    polls
}

#[test]
fn yielding_goes_to_the_back_of_the_queue() {
    const TASKS: usize = 50;
    const ROUNDS: usize = 20;
    let coord = without_help(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let inner = order.clone();
    coord.block_on(async move {
        let driver = oasync::spawn(async move {
            let task = |i| {
                let order = inner.clone();
                async move {
                    for round in 0..ROUNDS {
                        order.lock().unwrap().push((round, i));
                        oasync::yield_now().await;
                    }
                }
            };
            // Together, so that none of them is in the run slot, which may be emptied.
            for task in oasync::spawn_many((0..TASKS).map(task)) {
                task.await.unwrap();
            }
        });
        driver.await.unwrap();
    });
    let order = order.lock().unwrap();
    let expected = (0..ROUNDS).flat_map(|round| (0..TASKS).map(move |i| (round, i)));
    assert!(order.iter().copied().eq(expected), "everyone has a turn in every round");
}

#[test]
fn a_pair_that_wake_each_other_starve_nobody() {
    for (workers, partners) in [(1, 2), (1, 3), (2, 2), (2, 4)] {
        let (coord, stop) = (coordinator(workers), Stop::default());
        coord.start().unwrap();
        let turns = ring(&coord, partners, &stop);
        eventually("the ring turns", || turns.load(Ordering::Relaxed) > 1000);
        // From outside, over the injector.
        assert_eq!(block_on(coord.spawn(async { 1 })).unwrap(), 1);
        // From inside, over a local queue: with other tasks, and by itself.
        let inside = coord.spawn(async {
            let tasks: Vec<_> = (0..1000).map(|i| oasync::spawn(async move { i })).collect();
            let mut sum = 0;
            for task in tasks {
                oasync::yield_now().await;
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(block_on(inside).unwrap(), 499_500);
    }
}

#[test]
fn a_ready_task_waits_for_a_bounded_number_of_polls() {
    // Of each of 10 yielding tasks, and of a ring in the run slot, all polls
    // between two of a probe are counted. The slot may go first 3 times for each
    // task of the queue, and the injector is looked at every 61 polls.
    const HOGS: usize = 10;
    const BOUND: usize = 200;
    let (coord, stop) = (without_help(1), Stop::default());
    let polls = [hogs(&coord, HOGS, &stop), ring(&coord, 2, &stop)];
    let sum = move || polls.iter().map(|polls| polls.load(Ordering::Relaxed)).sum::<usize>();
    let probe = coord.spawn(async move {
        let mut most = 0;
        for _ in 0..1000 {
            let before = sum();
            oasync::yield_now().await;
            most = most.max(sum() - before);
        }
        most
    });
    coord.start().unwrap();
    let most = block_on(probe).unwrap();
    assert!(most >= HOGS, "the others had their turns too: {most}");
    assert!(most <= BOUND, "{most} polls of others between two of a task");
}

const READY: usize = 1000;
const HOGS: usize = 20;

/// So many polls of its worker, at most, are there before that of one of `READY` tasks which
/// are ready all at once, beside `HOGS` that yield without end.
///
/// A look at the injector, every 61 polls, takes 129 out, or what the queue has room for. So
/// until the injector is empty the queue holds 67 or more, and a hog that goes to the back
/// comes once in 61 polls at most: the other 41 are of those that are ready. Some looks find
/// less: the end of a block that did not fit, or, with two workers, a share of what is left.
/// There are 7 blocks, and 8 halves of the last 256. In the end comes a full queue.
const BOUND: usize = 61 * (READY.div_ceil(61 - HOGS) + 10) + 256;

/// Polls of each worker, as far as those who are polled count themselves.
#[derive(Clone, Default)]
struct Counts(Arc<[AtomicUsize; 2]>);

impl Counts {
    fn here(&self) -> &AtomicUsize {
        &self.0[oasync::worker_info().unwrap().index()]
    }

    /// Counts this poll, and says how many were before it.
    fn count(&self) -> usize {
        self.here().fetch_add(1, Ordering::Relaxed)
    }

    async fn yield_until(self, stop: impl Fn() -> bool) {
        while !stop() {
            self.count();
            oasync::yield_now().await;
        }
    }
}

/// What makes `READY` tasks ready: spawns them, or wakes them. Each sends how many polls were
/// before its own.
fn ready(
    coord: &Coordinator,
    woken: bool,
    counts: &Counts,
) -> (Box<dyn FnOnce() + Send>, mpsc::Receiver<usize>) {
    let (tell, told) = mpsc::channel();
    let counts = counts.clone();
    let told_by = move || {
        let (tell, counts) = (tell.clone(), counts.clone());
        move || tell.send(counts.count()).unwrap()
    };
    if !woken {
        let handle = coord.handle();
        let spawn = move |_| {
            let tell = told_by();
            handle.go(async move { tell() });
        };
        return (Box::new(move || (0..READY).for_each(spawn)), told);
    }
    let (sender, wakers) = mpsc::channel();
    for _ in 0..READY {
        let (mut sender, tell) = (Some(sender.clone()), told_by());
        coord.go(poll_fn(move |cx| match sender.take() {
            Some(sender) => {
                sender.send(cx.waker().clone()).unwrap();
                Poll::Pending
            }
            None => {
                tell();
                Poll::Ready(())
            }
        }));
    }
    let wakers: Vec<Waker> = (0..READY).map(|_| wakers.recv_timeout(LONG).unwrap()).collect();
    (Box::new(move || wakers.into_iter().for_each(Waker::wake)), told)
}

#[test]
fn each_of_a_thousand_ready_tasks_waits_for_a_bounded_number_of_polls() {
    for (woken, outside) in [(false, false), (false, true), (true, false), (true, true)] {
        let (coord, stop, counts) = (without_help(1), Stop::default(), Counts::default());
        coord.start().unwrap();
        (0..HOGS).for_each(|_| coord.go(counts.clone().yield_until(stop.flag())));
        let (ready, told) = ready(&coord, woken, &counts);
        // In a poll of the only worker, so that the count stands still until all are ready.
        let all = coord.spawn(async move {
            match outside {
                true => std::thread::spawn(ready).join().unwrap(),
                false => ready(),
            }
            counts.here().load(Ordering::Relaxed)
        });
        let before = block_on(all).unwrap();
        let waited = (0..READY).map(|_| told.recv_timeout(LONG).unwrap() - before);
        let most = waited.max().unwrap();
        let which = if woken { "woken" } else { "spawned" };
        assert!(most <= BOUND, "{which}: {most} polls, not {BOUND}, before one of them");
    }
}

#[test]
fn each_of_a_thousand_waits_for_a_bounded_number_of_polls_of_the_worker_that_polls_it() {
    // Of that one: while it has no processor the other may do any number.
    let (coord, stop, counts) = (without_help(2), Stop::default(), Counts::default());
    coord.start().unwrap();
    let (ready, told) = ready(&coord, false, &counts);
    let (in_polls, all_ready) = (Arc::new(Barrier::new(3)), Arc::new(Barrier::new(3)));
    for _ in 0..2 {
        let (in_polls, all_ready) = (in_polls.clone(), all_ready.clone());
        let hogs: Vec<_> = (0..HOGS).map(|_| counts.clone().yield_until(stop.flag())).collect();
        coord.go(async move {
            in_polls.wait();
            // Into the queue of each worker, which is never empty from now on: so neither
            // takes anything from the other.
            drop(oasync::spawn_many(hogs));
            all_ready.wait();
        });
    }
    in_polls.wait();
    ready();
    all_ready.wait();
    let waited = (0..READY).map(|_| told.recv_timeout(LONG).unwrap());
    let most = waited.max().unwrap();
    assert!(most <= BOUND, "{most} polls, not {BOUND}, before one of them");
}

#[test]
fn a_spawned_task_waits_for_a_bounded_number_of_polls() {
    const BOUND: usize = 200;
    let (coord, stop) = (without_help(1), Stop::default());
    let polls = [hogs(&coord, 10, &stop), ring(&coord, 2, &stop)];
    let sum = move || polls.iter().map(|polls| polls.load(Ordering::Relaxed)).sum::<usize>();
    let sum = Arc::new(sum);
    let probe = coord.spawn(async move {
        let mut most = 0;
        for _ in 0..1000 {
            let (before, now) = (sum(), sum.clone());
            let began = oasync::spawn(async move { now() });
            most = most.max(began.await.unwrap() - before);
        }
        most
    });
    coord.start().unwrap();
    let most = block_on(probe).unwrap();
    assert!(most <= BOUND, "{most} polls of others before the first of a task");
}

#[test]
fn the_injector_is_served_while_local_work_is_endless() {
    for workers in [1, 2] {
        let (coord, stop) = (coordinator(workers), Stop::default());
        coord.start().unwrap();
        let polls = hogs(&coord, 20, &stop);
        eventually("they run", || polls.load(Ordering::Relaxed) > 1000);
        for i in 0..200 {
            assert_eq!(block_on(coord.spawn(async move { i })).unwrap(), i);
        }
        let (tx, rx) = mpsc::channel();
        for i in 0..2000 {
            let tx = tx.clone();
            coord.go(async move { tx.send(i).unwrap() });
        }
        drop(tx);
        let mut all = Vec::new();
        while let Ok(i) = rx.recv_timeout(LONG) {
            all.push(i);
        }
        all.sort();
        assert!(all.into_iter().eq(0..2000), "each is served");
    }
}

#[test]
fn the_injector_is_served_within_a_bounded_number_of_polls() {
    const BOUND: usize = 500;
    let (coord, stop) = (without_help(1), Stop::default());
    coord.start().unwrap();
    let polls = hogs(&coord, 20, &stop);
    let handle = coord.handle();
    // Spawned by a foreign thread while the only worker is held in a poll, so
    // that the count stands still until it is in the injector.
    for _ in 0..50 {
        let (handle, before, after) = (handle.clone(), polls.clone(), polls.clone());
        let held: JoinHandle<(usize, JoinHandle<usize>)> = coord.spawn(async move {
            let foreign = std::thread::spawn(move || {
                handle.spawn(async move { after.load(Ordering::Relaxed) })
            });
            let probe = foreign.join().unwrap();
            (before.load(Ordering::Relaxed), probe)
        });
        let (before, probe) = block_on(held).unwrap();
        let waited = block_on(probe).unwrap().saturating_sub(before);
        assert!(waited <= BOUND, "{waited} polls of others before it was served");
    }
}

/// `n` tasks that a thread of its own wakes as fast as it can.
fn woken_all_the_time(coord: &Coordinator, n: usize, stop: &Stop) -> Arc<AtomicUsize> {
    let polls = Arc::new(AtomicUsize::new(0));
    let (sender, wakers) = mpsc::channel();
    for _ in 0..n {
        let (polls, stop, sender) = (polls.clone(), stop.flag(), sender.clone());
        let mut first = Some(sender);
        coord.go(poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::Relaxed);
            first.take().iter().for_each(|sender| sender.send(cx.waker().clone()).unwrap());
            if stop() { Poll::Ready(()) } else { Poll::Pending }
        }));
    }
    let wakers: Vec<Waker> = (0..n).map(|_| wakers.recv_timeout(LONG).unwrap()).collect();
    let stop = stop.flag();
    std::thread::spawn(move || {
        while !stop() {
            wakers.iter().for_each(Waker::wake_by_ref);
        }
    });
    polls
}

#[test]
fn a_task_woken_from_outside_waits_for_a_bounded_number_of_polls() {
    // Beside endless local work, and four in the injector that may be there before it.
    const BOUND: usize = 1000;
    let (coord, stop) = (without_help(1), Stop::default());
    coord.start().unwrap();
    let polls = [hogs(&coord, 20, &stop), woken_all_the_time(&coord, 4, &stop)];
    let sum = move || polls.iter().map(|polls| polls.load(Ordering::Relaxed)).sum::<usize>();
    for _ in 0..50 {
        let (sender, waker) = mpsc::channel();
        let (open, now) = (Arc::new(AtomicBool::new(false)), sum.clone());
        let may = open.clone();
        let probe = coord.spawn(poll_fn(move |cx| match may.load(Ordering::SeqCst) {
            true => Poll::Ready(now()),
            false => {
                sender.send(cx.waker().clone()).unwrap();
                Poll::Pending
            }
        }));
        let waker = waker.recv_timeout(LONG).unwrap();
        // Woken while the only worker is held in a poll, so that the count stands still.
        let now = sum.clone();
        let held = coord.spawn(async move {
            let wake = move || {
                open.store(true, Ordering::SeqCst);
                waker.wake();
            };
            std::thread::spawn(wake).join().unwrap();
            now()
        });
        let before = block_on(held).unwrap();
        let waited = block_on(probe).unwrap().saturating_sub(before);
        assert!(waited <= BOUND, "{waited} polls of others before it was polled");
    }
}

#[test]
fn a_main_future_has_its_turn_among_hogs() {
    for workers in [1, 2] {
        let (coord, stop) = (coordinator(workers), Stop::default());
        hogs(&coord, 20, &stop);
        ring(&coord, 2, &stop);
        let sum = coord.block_on(async {
            let mut sum = 0;
            for i in 0..500 {
                oasync::yield_now().await;
                sum += oasync::spawn(async move { i }).await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 124_750);
    }
}

#[test]
fn tasks_have_their_turn_while_the_main_future_yields_for_ever() {
    for workers in [1, 2] {
        let coord = coordinator(workers);
        let sum = coord.block_on(async {
            let task = oasync::spawn(async {
                let mut sum = 0;
                for i in 0..500 {
                    oasync::yield_now().await;
                    sum += i;
                }
                sum
            });
            while !task.is_finished() {
                oasync::yield_now().await;
            }
            task.await.unwrap()
        });
        assert_eq!(sum, 124_750);
    }
}

#[test]
fn blocking_closures_run_while_local_work_is_endless() {
    for workers in [1, 2] {
        let (coord, stop) = (coordinator(workers), Stop::default());
        coord.start().unwrap();
        hogs(&coord, 20, &stop);
        for i in 0..50 {
            // The pool's own work goes first, although its threads lend a hand.
            assert_eq!(block_on(coord.spawn_blocking(move || i)).unwrap(), i);
        }
    }
}

#[test]
fn a_second_worker_comes_while_the_first_is_held() {
    // Whatever the first has just been doing: each round finds it at another
    // count of polls, and with another queue.
    let coord = started(2);
    for round in 0..500 {
        let here = Arc::new(AtomicUsize::new(0));
        let pair = [(); 2].map(|()| {
            let here = here.clone();
            coord.spawn(async move {
                here.fetch_add(1, Ordering::SeqCst);
                let deadline = Instant::now() + LONG;
                while here.load(Ordering::SeqCst) < 2 {
                    assert!(Instant::now() < deadline, "round {round}: the other never ran");
                    std::thread::yield_now();
                }
            })
        });
        pair.into_iter().for_each(|task| block_on(task).unwrap());
    }
}
