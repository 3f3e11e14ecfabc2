//! Promise: tasks that use about as much arena memory as those before them cause
//! no call of the global allocator; and if that has no memory, the arena says so.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use allocator_api2::vec::Vec as ArenaVec;
use oasync::{Arena, Coordinator, arena};

use common::{coordinator, without_help};

/// Nothing but a chunk of an arena is as large as this in these tests, and
/// aligned to `ALIGN` as all chunks are. (Printing a backtrace takes much, too.)
const LARGE: usize = 40_000;
const ALIGN: usize = 16;

/// Counts, and refuses what is large while `REFUSE` is set.
struct Counting;

static LARGE_CALLS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static REFUSE: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: all memory is the system's; a refusal is a null pointer.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        if layout.size() >= LARGE && layout.align() >= ALIGN {
            LARGE_CALLS.fetch_add(1, Ordering::Relaxed);
            if REFUSE.get() {
                return ptr::null_mut();
            }
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// The tests take turns, as `LARGE_CALLS` is everyone's.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn use_arena() {
    let arena = arena();
    let list = arena.alloc_slice_fill_with(LARGE / 8, |i| i);
    let mut other = ArenaVec::new_in(&arena);
    oasync::yield_now().await;
    other.extend_from_slice(&list[LARGE / 8 - 10..]);
    assert_eq!(other[9], LARGE / 8 - 1);
}

#[test]
fn one_after_the_other_tasks_with_an_arena_allocate_as_little_as_tasks_without() {
    const TASKS: usize = 100_000;
    let _turn = turn();
    let coord = without_help(1);
    coord.block_on(async {
        // All of it happens on this thread, which has the only seat. The first
        // run grows every buffer of the coordinator to what it stays at. If the machine
        // takes the thread's processor away, that may cost one now and then: so the least.
        let mut least = [usize::MAX; 2];
        for run in 0..8 {
            let before = CALLS.get();
            for _ in 0..TASKS {
                let task = oasync::spawn(async move {
                    if run % 2 == 0 {
                        let arena = arena();
                        let numbers = arena.alloc_slice_copy(&[1, 2, 3]);
                        oasync::yield_now().await;
                        arena.alloc_str("text");
                        assert_eq!(numbers, [1, 2, 3]);
                    } else {
                        oasync::yield_now().await;
                    }
                });
                task.await.unwrap();
            }
            least[run % 2] = least[run % 2].min(CALLS.get() - before);
        }
        let [with, without] = least;
        assert_eq!(with, without);
        assert!(with >= TASKS, "each task is an allocation itself: the count counts");
    });
}

#[test]
fn side_by_side_tasks_share_as_many_chunks_as_are_in_use_at_once() {
    const SPAWNERS: usize = 32;
    let _turn = turn();
    let coord = coordinator(2);
    let before = LARGE_CALLS.load(Ordering::Relaxed);
    coord.block_on(async {
        let spawner = async || {
            for _ in 0..60 {
                oasync::spawn(use_arena()).await.unwrap();
            }
        };
        let spawners: Vec<_> = (0..SPAWNERS).map(|_| oasync::spawn(spawner())).collect();
        for spawner in spawners {
            spawner.await.unwrap();
        }
    });
    let chunks = LARGE_CALLS.load(Ordering::Relaxed) - before;
    // Twice as many: a taker may miss what is just being given back.
    assert!((1..=2 * SPAWNERS).contains(&chunks), "{chunks} chunks for {} tasks", SPAWNERS * 60);
}

/// Says that it was cloned.
struct Made<'a>(&'a Cell<bool>);

impl Clone for Made<'_> {
    fn clone(&self) -> Self {
        self.0.set(true);
        Made(self.0)
    }
}

#[test]
fn without_memory_the_try_functions_say_so_and_the_others_panic() {
    let _turn = turn();
    let text = "x".repeat(LARGE);
    oasync::block_on(async {
        let arena = arena();
        let kept = arena.alloc_str("kept");
        let bytes = arena.allocated_bytes();
        let made = Cell::new(false);
        let clones: Vec<_> = (0..LARGE / size_of::<Made<'_>>()).map(|_| Made(&made)).collect();
        REFUSE.set(true);
        let errors = [
            arena.try_alloc([0u8; LARGE]).err(),
            arena
                .try_alloc_with(|| {
                    made.set(true);
                    [0u8; LARGE]
                })
                .err(),
            arena.try_alloc_str(&text).err(),
            arena.try_alloc_slice_copy(text.as_bytes()).err(),
            arena
                .try_alloc_slice_fill_with(LARGE, |_| {
                    made.set(true);
                    0u8
                })
                .err(),
            arena.try_alloc_slice_clone(&clones).err(),
            arena.try_alloc_slice_fill_iter(text.bytes().inspect(|_| made.set(true))).err(),
        ];
        let in_list = ArenaVec::<u8, _>::new_in(&arena).try_reserve(LARGE).is_err();
        let panics = catch_unwind(AssertUnwindSafe(|| _ = arena.alloc_str(&text))).is_err();
        let unlimited = arena.try_alloc_slice_fill_with(usize::MAX, |i| i).err();
        REFUSE.set(false);
        for (i, error) in errors.into_iter().enumerate() {
            let expected = format!("no memory for an arena: {LARGE} bytes were refused");
            assert_eq!(error.unwrap().to_string(), expected, "{i}");
        }
        assert!(in_list && panics && unlimited.is_some() && !made.get());
        assert_eq!((&*kept, arena.allocated_bytes()), ("kept", bytes));
        assert_eq!(*arena.alloc_str(&text), *text);
    });
}

#[test]
fn a_reset_gives_memory_back() {
    let _turn = turn();
    let coord = coordinator(1);
    coord.block_on(async {
        let mut arena = arena();
        assert_eq!((arena.allocated_bytes(), coord.metrics().arena_bytes()), (0, 0));
        for round in 0..3 {
            for i in 0..1000 {
                assert_eq!(arena.alloc_slice_fill_with(100, |_| i)[99], i);
            }
            let full = arena.allocated_bytes();
            assert!(full >= 400_000, "round {round}: {full}");
            assert_eq!(coord.metrics().arena_bytes(), full);
            arena.reset();
            let left = arena.allocated_bytes();
            assert!(0 < left && left < full, "round {round}: {left} of {full}");
            assert_eq!(coord.metrics().arena_bytes(), left);
            // What is left is used again.
            arena.alloc_slice_copy(&vec![0u8; left]);
            assert_eq!(arena.allocated_bytes(), left);
        }
    });
}

#[test]
fn no_more_than_arena_keep_is_kept() {
    let _turn = turn();
    let coord = Coordinator::builder().workers(1).arena_keep(4096).build().unwrap();
    let used = |bytes: usize| {
        coord.block_on(async {
            let arena = arena();
            arena.alloc_slice_fill_with(bytes, |_| 0u8);
            arena.allocated_bytes()
        })
    };
    let large = used(5000);
    assert!(large >= 5000);
    assert_eq!(coord.metrics().arena_bytes(), 0);
    let small = used(1500);
    assert!((1500..=4096).contains(&small));
    assert_eq!(coord.metrics().arena_bytes(), small);
    // The kept one serves the next, and stays if it has not grown too large.
    assert_eq!(used(10), small);
    assert_eq!(coord.metrics().arena_bytes(), small);
    used(50_000);
    assert_eq!(coord.metrics().arena_bytes(), 0);
}

#[test]
fn a_burst_of_arenas_is_not_kept_whole() {
    let _turn = turn();
    let coord = coordinator(1);
    coord.block_on(async {
        let arenas: Vec<Arena> = (0..1000).map(|_| arena()).collect();
        arenas.iter().for_each(|arena| _ = arena.alloc(0u8));
        let each = arenas[0].allocated_bytes();
        assert_eq!(coord.metrics().arena_bytes(), 1000 * each);
        drop(arenas);
        assert_eq!(coord.metrics().arena_bytes(), 256 * each);
    });
}
