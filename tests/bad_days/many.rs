//! Coordinators in great numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oasync::Coordinator;

use crate::common::{CountDrop, LONG, coordinator, eventually};
use crate::{in_time, wait, within};

/// The names of this process's threads that begin with `prefix`; none where they cannot
/// be read.
fn threads(prefix: &str) -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.ok()?.path().join("comm")).ok() // it may have ended
    };
    tasks.filter_map(name).filter(|name| name.starts_with(prefix)).collect()
}

#[test]
fn ten_thousand_coordinators_one_after_the_other_leave_nothing() {
    const COORDINATORS: usize = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
    within(10 * LONG, "many coordinators", || {
        let drops = Arc::new(AtomicUsize::new(0));
        for i in 0..COORDINATORS {
            let workers = 1 + i % 3;
            let coord = Coordinator::builder().workers(workers).thread_name("legion");
            let coord = coord.build().unwrap();
            let guard = CountDrop(drops.clone());
            coord.go(async move { drop(guard) });
            match i % 4 {
                0 => {} // never started
                1 => coord.start().unwrap(),
                2 => assert_eq!(
                    coord.block_on(async { oasync::spawn(async { 1 }).await }).unwrap(),
                    1
                ),
                _ => {
                    coord.start().unwrap();
                    assert_eq!(wait(coord.spawn_blocking(|| 2)).unwrap(), 2);
                }
            }
        }
        assert_eq!(drops.load(Ordering::SeqCst), COORDINATORS);
        // One that was joined may be seen for a moment.
        eventually("all threads have ended", || threads("legion").is_empty());
    });
}

#[test]
fn two_coordinators_that_block_on_each_other_in_turn_go_on() {
    in_time("two coordinators", || {
        let (a, b) = (Arc::new(coordinator(1)), Arc::new(coordinator(1)));
        a.start().unwrap();
        b.start().unwrap();
        fn go_deeper(here: Arc<Coordinator>, there: Arc<Coordinator>, depth: usize) -> usize {
            if depth == 0 {
                return 0;
            }
            let (h, t) = (here.clone(), there.clone());
            // A task on the other one, which waits for one on this one, and so on.
            1 + there.block_on(there.spawn(async move { go_deeper(t, h, depth - 1) })).unwrap()
        }
        let tasks: Vec<_> = (0..2)
            .map(|i| {
                let (a, b) = (a.clone(), b.clone());
                let (here, there) = if i == 0 { (a, b) } else { (b, a) };
                here.clone().spawn(async move { go_deeper(here, there, 20) })
            })
            .collect();
        for task in tasks {
            assert_eq!(wait(task).unwrap(), 20);
        }
    });
}

#[test]
fn two_coordinators_whose_only_workers_block_on_each_other_at_once_go_on() {
    in_time("two coordinators, crossed", || {
        let (a, b) = (Arc::new(coordinator(1)), Arc::new(coordinator(1)));
        let met = Arc::new(std::sync::Barrier::new(2));
        let crossed = |there: &Arc<Coordinator>| {
            let (there, met) = (there.clone(), met.clone());
            async move {
                met.wait(); // both workers are inside of a poll
                there.block_on(there.spawn(async { 1 })).unwrap()
            }
        };
        a.start().unwrap();
        b.start().unwrap();
        let (in_a, in_b) = (a.spawn(crossed(&b)), b.spawn(crossed(&a)));
        assert_eq!((wait(in_a).unwrap(), wait(in_b).unwrap()), (1, 1));
    });
}
