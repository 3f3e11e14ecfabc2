//! A hundred thousand pending tasks end within a second, whatever goes on meanwhile.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use oasync::{Coordinator, Handle};

use crate::common::in_time;
use crate::{Count, LONG, eventually, no_threads, wait_for_ever};

const PENDING: usize = 100_000;

/// On a machine under load it may take longer, but not each time.
const BOUND: Duration = Duration::from_secs(1);

/// More where each takes a tenth, for what goes wrong at one moment only.
const ROUNDS: usize = if cfg!(debug_assertions) { 3 } else { 10 };

/// What is known of the tasks, for those who do something while they are cancelled.
struct Scene {
    handle: Handle,
    /// One of each pending task.
    wakers: Mutex<Vec<Waker>>,
    /// How often the future of each was dropped.
    drops: Vec<AtomicU8>,
    /// Of all other tasks and closures.
    count: Count,
    /// How much was done by the others.
    steps: AtomicUsize,
    closed: AtomicBool,
}

/// Counts its drop in its own place.
struct Dropped(Arc<Scene>, usize);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.drops[self.1].fetch_add(1, Ordering::SeqCst);
    }
}

impl Scene {
    fn new(coord: &Coordinator) -> Arc<Self> {
        let scene = Arc::new(Scene {
            handle: coord.handle(),
            wakers: Mutex::default(),
            drops: (0..PENDING).map(|_| AtomicU8::new(0)).collect(),
            count: Count::default(),
            steps: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        for i in 0..PENDING {
            let dropped = Dropped(scene.clone(), i);
            let mut is_known = false;
            coord.go(poll_fn::<(), _>(move |cx| {
                let scene = &dropped.0;
                if std::mem::replace(&mut is_known, true) {
                    scene.step();
                } else {
                    scene.wakers.lock().unwrap().push(cx.waker().clone());
                }
                Poll::Pending
            }));
        }
        eventually("all wait", || scene.wakers.lock().unwrap().len() == PENDING);
        scene
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Those who run while the closer has no processor are not to fill the memory.
    fn has_room(&self) -> bool {
        self.count.made() < self.count.dropped() + PENDING
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// The body of a thread that does something meanwhile, until all is closed.
type Other = fn(&Arc<Scene>);

/// How long it took to close. All futures were dropped then, and no thread is left.
fn round(name: &str, by_drop: bool, others: &[Other]) -> Duration {
    let builder = Coordinator::builder().workers(2).blocking_threads(4);
    let coord = builder.thread_name(name).build().unwrap();
    coord.start().unwrap();
    let scene = Scene::new(&coord);
    let threads: Vec<_> = others
        .iter()
        .map(|&other| {
            let scene = scene.clone();
            thread::spawn(move || other(&scene))
        })
        .collect();
    let begun = || scene.steps.load(Ordering::Relaxed) > 1000;
    eventually("the others have begun", || others.is_empty() || begun());
    let start = Instant::now();
    let took;
    if by_drop {
        drop(coord);
        took = start.elapsed();
    } else {
        let report = coord.shutdown(Duration::ZERO);
        took = start.elapsed();
        if report.still_running.is_empty() {
            assert!(report.cancelled >= PENDING as u64, "{report}");
        } else {
            // So many drops may last longer than it waits.
            eventually("all have ended", || coord.metrics().num_alive_tasks() == 0);
            assert!(coord.shutdown(Duration::ZERO).still_running.is_empty());
        }
    }
    assert!(scene.drops.iter().all(|drops| drops.load(Ordering::SeqCst) == 1));
    scene.closed.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(scene.count.made(), scene.count.dropped());
    no_threads(name);
    took
}

#[track_caller]
fn ends_within_a_second(name: &'static str, others: &'static [Other]) {
    // One at a time: each wants the machine for itself.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for by_drop in [false, true] {
        let start = Instant::now();
        let mut times = Vec::new();
        let mut is_fast = false;
        while times.len() < ROUNDS || !is_fast {
            assert!(is_fast || start.elapsed() < LONG, "none within {BOUND:?}: {times:?}");
            let took = in_time(move || round(name, by_drop, others));
            times.push(took);
            is_fast |= took < BOUND;
        }
    }
}

#[test]
fn while_nothing_else_goes_on() {
    ends_within_a_second("sd-100k", &[]);
}

fn spawn(scene: &Arc<Scene>) {
    let (inside, guard) = (scene.clone(), scene.count.guard());
    scene.handle.go(async move {
        let _guard = guard;
        loop {
            if inside.has_room() {
                oasync::go(wait_for_ever(inside.count.guard()));
            }
            oasync::yield_now().await;
        }
    });
    while !scene.is_closed() {
        if !scene.has_room() {
            thread::yield_now();
            continue;
        }
        scene.handle.go(wait_for_ever(scene.count.guard()));
        let guard = scene.count.guard();
        scene.handle.go(async move {
            oasync::yield_now().await;
            drop(guard);
        });
        scene.step();
    }
}

#[test]
fn while_others_spawn() {
    ends_within_a_second("sd-100k-s", &[spawn, spawn]);
}

/// Wakes half of them all the time.
fn wake(scene: &Arc<Scene>) {
    let half = scene.wakers.lock().unwrap()[PENDING / 2..].to_vec();
    while !scene.is_closed() {
        half.iter().for_each(Waker::wake_by_ref);
    }
    half.into_iter().for_each(Waker::wake);
}

/// Wakes the others until it begins: if one is forgotten then, no later wake makes up for it.
fn wake_before(scene: &Arc<Scene>) {
    let half = scene.wakers.lock().unwrap()[..PENDING / 2].to_vec();
    let woken = half.iter().cycle().take_while(|_| !scene.handle.is_shutting_down());
    woken.for_each(Waker::wake_by_ref);
}

#[test]
fn while_others_wake() {
    ends_within_a_second("sd-100k-w", &[wake, wake_before]);
}

/// Closures that run and that wait, and tasks and a thread that wait for them.
fn block(scene: &Arc<Scene>) {
    let guard = scene.count.guard();
    let until_told = scene.handle.spawn_blocking_with(move |stop| {
        let _guard = guard;
        while !stop.is_cancelled() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    while !scene.is_closed() {
        if !scene.has_room() {
            thread::yield_now();
            continue;
        }
        let (closure, task) = (scene.clone(), scene.count.guard());
        let guard = scene.count.guard();
        scene.handle.go(async move {
            let _task = task;
            let closure = oasync::spawn_blocking(move || {
                let _guard = guard;
                closure.step();
            });
            let _ended = closure.await;
        });
        let guard = scene.count.guard();
        scene.handle.gob(move || drop(guard));
    }
    // It may not have begun.
    assert!(block_on(until_told).map_or_else(|error| error.is_cancelled(), |()| true));
}

#[test]
fn while_others_block() {
    ends_within_a_second("sd-100k-b", &[block, block]);
}
