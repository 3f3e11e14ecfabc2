//! Too much memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{CountDrop, eventually, started};
use crate::{in_time, wait};

const MIB: usize = 1 << 20;

/// A future of a mebibyte, which waits once with all of it.
async fn large(byte: u8) -> usize {
    let page = [byte; MIB];
    oasync::yield_now().await;
    page.iter().map(|&byte| usize::from(byte)).sum()
}

/// Makes it in place: a debug build moves it over the stack a few times.
fn spawn_large(coord: &oasync::Coordinator, byte: u8) -> oasync::JoinHandle<usize> {
    assert!(size_of_val(&large(byte)) >= MIB);
    coord.spawn(large(byte))
}

#[test]
fn a_future_of_a_mebibyte_is_a_task_like_any_other() {
    in_time("a large future", || {
        stacker(|| {
            let coord = started(2);
            assert_eq!(wait(spawn_large(&coord, 3)).unwrap(), 3 * MIB);
        })
    });
}

#[test]
fn a_hundred_of_them_live_on_the_heap_and_give_it_back() {
    in_time("many large futures", || {
        stacker(|| {
            let coord = started(2);
            let tasks: Vec<_> = (0..100).map(|i| spawn_large(&coord, i)).collect();
            for (i, task) in tasks.into_iter().enumerate() {
                assert_eq!(wait(task).unwrap(), i * MIB);
            }
            assert_eq!(coord.metrics().num_alive_tasks(), 0);
        })
    });
}

#[test]
fn large_futures_that_are_cancelled_are_dropped() {
    in_time("cancelled large futures", || {
        stacker(|| {
            let coord = started(2);
            let drops = Arc::new(AtomicUsize::new(0));
            for _ in 0..20 {
                let guard = CountDrop(drops.clone());
                coord.go(async move {
                    let _guard = guard;
                    let page = [1_u8; MIB];
                    std::future::pending::<()>().await;
                    assert_eq!(page[0], 1);
                });
            }
            drop(coord);
            assert_eq!(drops.load(Ordering::SeqCst), 20);
        })
    });
}

/// On a thread whose stack holds the copies that a debug build makes on the way to
/// the heap; the workers need no more than they have.
fn stacker(f: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 * MIB);
        thread.spawn_scoped(scope, f).unwrap().join().unwrap();
    });
}

#[test]
fn an_arena_beyond_all_memory_says_so_and_the_task_goes_on() {
    let coord = started(2);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            coord.spawn(async {
                let arena = oasync::arena();
                let small = arena.alloc_str("small");
                // More than there is, more than there can be, more than can be said.
                for (bytes, told) in [
                    (1 << 46, "70368744177664 bytes were refused"),
                    (isize::MAX as usize, " bytes were refused"),
                    (usize::MAX, "more was asked for than can exist"),
                ] {
                    let error = arena.try_alloc_slice_fill_with(bytes, |_| 0_u8).unwrap_err();
                    assert!(error.to_string().ends_with(told), "{error}");
                }
                oasync::yield_now().await;
                assert_eq!((&*small, arena.try_alloc(7)), ("small", Ok(&mut 7)));
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| wait(task).unwrap());
    // What cannot say so panics: to the handle, as any panic.
    let task = coord.spawn(async {
        oasync::arena().alloc_slice_fill_with(usize::MAX, |_| 0_u8);
    });
    assert!(wait(task).unwrap_err().is_panic());
    eventually("no more is held", || coord.metrics().arena_bytes() < MIB);
}

#[test]
fn over_aligned_and_zero_sized_values_are_where_they_should_be_in_every_task() {
    #[repr(align(4096))]
    #[derive(Clone, Copy)]
    struct Page(u8);

    let coord = started(2);
    let tasks: Vec<_> = (0..50)
        .map(|i| {
            coord.spawn(async move {
                let arena = oasync::arena();
                for _ in 0..20 {
                    arena.alloc(1_u8);
                    let page = arena.alloc(Page(i));
                    assert!(std::ptr::from_ref(page).is_aligned() && page.0 == i);
                    let nothing = arena.alloc_slice_fill_with(100, |_| ());
                    assert_eq!(nothing.len(), 100);
                    oasync::yield_now().await;
                    assert_eq!(page.0, i);
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| wait(task).unwrap());
}
