//! Promise: an arena serves the task that made it, on whatever thread that is,
//! and nobody else.

mod common;

use std::alloc::Layout;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread::{self, ThreadId};

use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box as ArenaBox;
use allocator_api2::vec::Vec as ArenaVec;
use oasync::{Arena, WorkerKind, arena};

use common::{coordinator, eventually, without_help};

/// What `f` panics with.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(f()))) else {
        panic!("it did not panic");
    };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().unwrap().to_string(),
    }
}

fn here() -> (ThreadId, WorkerKind) {
    (thread::current().id(), oasync::worker_info().unwrap().kind())
}

/// Waits until `open`, after having sent its waker.
async fn gate(open: &AtomicBool, wakers: &mpsc::Sender<Waker>) {
    poll_fn(|cx| {
        if open.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        wakers.send(cx.waker().clone()).unwrap();
        Poll::Pending
    })
    .await;
}

#[test]
fn in_a_task_that_moves_to_another_thread_and_in_a_lent_poll() {
    let coord = without_help(1);
    let open = Arc::new(AtomicBool::new(false));
    let (wakers, woken) = mpsc::channel();
    let (done, ended) = mpsc::channel();
    let (before, after) = coord.block_on(async {
        let gate_open = open.clone();
        oasync::go(async move {
            let arena = arena();
            let before = here();
            let mut list = ArenaVec::new_in(&arena);
            list.extend(0..100);
            let text = arena.alloc_str("moved");
            gate(&gate_open, &wakers).await;
            list.extend(100..1000);
            text.make_ascii_uppercase();
            let more = arena.alloc_slice_fill_with(1000, |i| i);
            assert_eq!(text, "MOVED");
            assert!(list.iter().eq(more.iter()));
            done.send((before, here())).unwrap();
        });
        let waker = loop {
            match woken.try_recv() {
                Ok(waker) => break waker,
                Err(_) => oasync::yield_now().await,
            }
        };
        open.store(true, Ordering::Release);
        waker.wake();
        // This thread has the only seat and keeps it: what is left to poll the task is
        // a blocking thread that is done with a closure, once it has left the run slot.
        let mut moved = None;
        eventually("it is polled by a blocking thread", || {
            oasync::gob(|| ());
            moved = ended.try_recv().ok();
            moved.is_some()
        });
        moved.unwrap()
    });
    assert_eq!(before, (thread::current().id(), WorkerKind::Caller));
    assert_ne!(before.0, after.0);
    assert_eq!(after.1, WorkerKind::Blocking);
}

#[test]
fn in_many_tasks_on_many_threads() {
    let coord = coordinator(4);
    let sums = coord.block_on(async {
        let tasks: Vec<_> = (0..100u64)
            .map(|task| {
                oasync::spawn(async move {
                    let arena = arena();
                    let mut list = ArenaVec::new_in(&arena);
                    for i in 0..50 {
                        list.push(&*arena.alloc(task * 1000 + i));
                        oasync::yield_now().await;
                    }
                    list.iter().map(|&&n| n - task * 1000).sum::<u64>()
                })
            })
            .collect();
        let mut sums = Vec::new();
        for task in tasks {
            sums.push(task.await.unwrap());
        }
        sums
    });
    assert_eq!(sums, [49 * 50 / 2; 100]);
}

#[test]
fn in_a_main_future() {
    let coord = coordinator(1);
    let sum = coord.block_on(async {
        let arena = arena();
        // Not `Send`: a main future stays on its thread.
        let count = arena.alloc(std::rc::Rc::new(1));
        oasync::spawn(async {}).await.unwrap();
        **count + *arena.alloc(41)
    });
    assert_eq!(sum, 42);
}

#[test]
fn in_a_blocking_closure() {
    let coord = coordinator(1);
    let text = coord.block_on(async {
        oasync::spawn_blocking(|| {
            let arena = arena();
            let text = arena.alloc_str("blocking");
            // Its own `block_on` is another owner; afterwards it is this one again.
            let nested = oasync::block_on(async { panic_of(|| arena.alloc(1)) });
            assert!(nested.contains("nested `block_on`"), "{nested}");
            arena.alloc(1);
            text.to_string()
        })
        .await
        .unwrap()
    });
    assert_eq!(text, "blocking");
}

#[test]
fn in_the_drop_of_a_cancelled_task() {
    struct Last(Arena, mpsc::Sender<String>);
    impl Drop for Last {
        fn drop(&mut self) {
            let text = self.0.alloc_str("last words");
            self.1.send(format!("{text}, {}", arena().alloc(1))).unwrap();
        }
    }
    let coord = coordinator(1);
    let (tx, rx) = mpsc::channel();
    coord.block_on(async {
        let (started, start) = mpsc::channel();
        let task = oasync::spawn(async move {
            let _last = Last(arena(), tx);
            started.send(()).unwrap();
            std::future::pending::<()>().await;
        });
        while start.try_recv().is_err() {
            oasync::yield_now().await;
        }
        assert!(task.cancel().await.unwrap_err().is_cancelled());
    });
    assert_eq!(rx.recv().unwrap(), "last words, 1");
}

#[test]
fn made_outside_of_every_task_it_panics() {
    let sentence = panic_of(arena);
    assert!(sentence.starts_with("arena(): this thread is not inside a task"), "{sentence}");
    let in_thread = coordinator(1)
        .block_on(async { thread::scope(|s| s.spawn(|| panic_of(arena)).join().unwrap()) });
    assert_eq!(in_thread, sentence);
}

#[test]
fn used_on_another_thread_it_panics() {
    coordinator(1).block_on(async {
        let arena = arena();
        let arena = &arena;
        let uses: [fn(&Arena); 9] = [
            |arena| _ = arena.alloc(1),
            |arena| _ = arena.alloc_with(|| 1),
            |arena| _ = arena.alloc_str(""),
            |arena| _ = arena.alloc_slice_copy::<u8>(&[]),
            |arena| _ = arena.alloc_slice_clone::<String>(&[]),
            |arena| _ = arena.alloc_slice_fill_iter([1]),
            |arena| _ = arena.try_alloc(()),
            |arena| _ = arena.try_alloc_str("x"),
            |arena| drop(ArenaVec::<u8, _>::with_capacity_in(1, arena)),
        ];
        for (i, usage) in uses.into_iter().enumerate() {
            let used = move || panic_of(|| usage(arena));
            let sentence = thread::scope(|s| s.spawn(used).join().unwrap());
            let expected = "arena: this thread is not inside a task; only the task";
            assert!(sentence.starts_with(expected), "{i}: {sentence}");
            usage(arena);
        }
        let told = thread::scope(|s| s.spawn(|| format!("{arena:?}")).join().unwrap());
        assert!(told.contains(&format!("allocated_bytes: {}", arena.allocated_bytes())), "{told}");
    });
}

#[test]
fn used_by_another_task_it_panics() {
    coordinator(1).block_on(async {
        let shared = Arc::new(arena());
        shared.alloc(1);
        let theirs = shared.clone();
        let task = oasync::spawn(async move { panic_of(|| theirs.alloc(2)) });
        let id = task.id();
        let sentence = task.await.unwrap();
        assert!(sentence.starts_with(&format!("arena: task {id} did not make it")), "{sentence}");
        shared.alloc(3);
    });
}

#[test]
fn used_after_its_task_it_panics() {
    let coord = coordinator(1);
    let arena = coord.block_on(async { oasync::spawn(async { arena() }).await.unwrap() });
    let sentence = coord.block_on(async { panic_of(|| arena.alloc(1)) });
    assert!(sentence.starts_with("arena: this main future did not make it"), "{sentence}");
    assert!(panic_of(|| arena.alloc(1)).starts_with("arena: this thread is not inside a task"));
}

#[test]
fn used_in_a_nested_block_on_it_panics() {
    let coord = coordinator(1);
    coord.block_on(async {
        let arena = arena();
        let text = arena.alloc_str("outer");
        let sentence = coord.block_on(async { panic_of(|| arena.alloc(1)) });
        assert!(sentence.starts_with("arena: a nested `block_on` has"), "{sentence}");
        // The inner future may use an arena of its own, and what is in the outer.
        coord.block_on(async { oasync::arena().alloc(&mut *text).make_ascii_uppercase() });
        assert_eq!((text, arena.alloc(1)), (&mut *String::from("OUTER"), &mut 1));
    });
}

#[test]
fn moved_to_another_task_or_thread_it_can_be_reset_and_dropped() {
    let coord = coordinator(1);
    let filled = || async {
        let arena = arena();
        arena.alloc_slice_fill_with(100_000, |i| i);
        arena
    };
    let mut arena = coord.block_on(filled());
    assert!(coord.metrics().arena_bytes() >= 800_000);
    thread::spawn(move || {
        arena.reset();
        drop(arena);
    })
    .join()
    .unwrap();
    assert_eq!(coord.metrics().arena_bytes(), 0);
    coord.block_on(async {
        let mut arena = filled().await;
        oasync::spawn(async move { arena.reset() }).await.unwrap();
    });
    assert_eq!(coord.metrics().arena_bytes(), 0);
}

#[test]
fn outlives_its_coordinator() {
    let coord = coordinator(1);
    let arena = coord.block_on(async {
        let arena = arena();
        arena.alloc(1);
        arena
    });
    drop(coord);
    assert!(arena.allocated_bytes() > 0);
}

#[test]
fn a_collection_may_be_dropped_or_shrunk_on_another_thread_but_not_grown() {
    struct Counted<'a>(&'a AtomicUsize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = AtomicUsize::new(0);
    coordinator(1).block_on(async {
        let arena = arena();
        let mut list = ArenaVec::new_in(&arena);
        list.resize_with(10, || Counted(&dropped));
        let mut grown = ArenaVec::with_capacity_in(2, &arena);
        grown.extend([1, 2]);
        let sentence = thread::scope(|s| {
            let other = s.spawn(|| {
                drop(list.into_boxed_slice());
                panic_of(|| grown.push(3))
            });
            // The owner goes on meanwhile.
            for i in 0..10_000 {
                assert_eq!(*arena.alloc(i), i);
            }
            other.join().unwrap()
        });
        assert!(sentence.starts_with("arena: this thread is not inside a task"), "{sentence}");
        assert_eq!(dropped.load(Ordering::Relaxed), 10);
        grown.push(3);
        assert_eq!(grown, [1, 2, 3]);
    });
}

#[test]
fn zero_sized_and_over_aligned_values() {
    #[repr(align(4096))]
    #[derive(Clone)]
    struct Page(u8);
    coordinator(1).block_on(async {
        let arena = arena();
        arena.alloc(());
        assert_eq!(arena.alloc_slice_fill_with(1000, |_| ()).len(), 1000);
        assert_eq!((arena.alloc_str("").len(), arena.allocated_bytes()), (0, 0));
        let mut pages = ArenaVec::new_in(&arena);
        for i in 0..20 {
            arena.alloc(i);
            let page = arena.alloc_with(|| Page(i));
            assert_eq!((page.0, std::ptr::from_ref(page) as usize % 4096), (i, 0));
            pages.push(page.clone());
            assert_eq!(pages.as_ptr() as usize % 4096, 0);
        }
        assert!(pages.iter().map(|page| page.0).eq(0..20));
    });
}

#[test]
fn a_panic_in_a_closure_leaves_the_arena_usable() {
    #[derive(Debug)]
    struct Unclonable;
    impl Clone for Unclonable {
        fn clone(&self) -> Self {
            panic!("clone")
        }
    }
    struct Short;
    impl Iterator for Short {
        type Item = u8;
        fn next(&mut self) -> Option<u8> {
            None
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (2, Some(2))
        }
    }
    impl ExactSizeIterator for Short {}
    let coord = coordinator(1);
    coord.block_on(async {
        let mut arena = arena();
        let kept = arena.alloc_str("kept");
        assert_eq!(panic_of(|| arena.alloc_with(|| -> [u8; 9000] { panic!("with") })), "with");
        let fill = |i| if i < 3000 { i } else { panic!("fill") };
        assert_eq!(panic_of(|| arena.alloc_slice_fill_with(5000, fill)), "fill");
        assert_eq!(panic_of(|| arena.alloc_slice_clone(&[Unclonable])), "clone");
        assert_eq!(panic_of(|| arena.try_alloc_slice_clone(&[Unclonable])), "clone");
        assert!(panic_of(|| arena.alloc_slice_fill_iter(Short)).contains("too few"));
        assert!(panic_of(|| arena.try_alloc_slice_fill_iter(Short)).contains("too few"));
        assert_eq!((kept, arena.alloc(1)), (&mut *String::from("kept"), &mut 1));
        assert_eq!(coord.metrics().arena_bytes(), arena.allocated_bytes());
        // A chunk that was got in a panic is counted by the reset at the latest.
        let huge = || panic_of(|| arena.alloc_slice_fill_with(1 << 20, |_| -> u8 { panic!("") }));
        huge();
        arena.reset();
        assert!(arena.allocated_bytes() >= 1 << 20);
        assert_eq!(coord.metrics().arena_bytes(), arena.allocated_bytes());
    });
    assert_eq!(coord.metrics().arena_bytes(), 0);
}

#[test]
fn a_closure_may_use_the_arena_itself() {
    let coord = coordinator(1);
    coord.block_on(async {
        let arena = arena();
        let outer = arena.alloc_with(|| {
            let inner = arena.alloc_slice_fill_with(3, |i| *arena.alloc_with(|| i * 10));
            coord.block_on(async {
                oasync::arena().alloc(0);
            });
            arena.alloc_slice_copy(&[0u8; 10_000]);
            inner
        });
        let lists = arena.alloc_slice_fill_with(100, |i| arena.alloc_slice_copy(&[i; 100]));
        assert_eq!(outer, &[0, 10, 20]);
        assert!(lists.iter().enumerate().all(|(i, list)| **list == [i; 100]));
    });
}

#[test]
fn collections_grow_across_awaits() {
    let coord = coordinator(2);
    let task = coord.spawn(async {
        let arena = arena();
        let boxed = ArenaBox::new_in(vec![1; 10], &arena);
        let mut lists: Vec<_> = (0..4).map(|_| ArenaVec::new_in(&arena)).collect();
        for i in 0..2000 {
            lists[i % 4].push(i);
            if i % 7 == 0 {
                lists[i % 3].shrink_to_fit();
            }
            if i % 50 == 0 {
                oasync::yield_now().await;
            }
        }
        let right =
            |(l, list): (usize, &ArenaVec<usize, _>)| list.iter().copied().eq((l..2000).step_by(4));
        assert!(lists.iter().enumerate().all(right));
        boxed.iter().sum::<i32>()
    });
    assert_eq!(coord.block_on(task).unwrap(), 10);
}

#[test]
fn a_lone_list_grows_in_place() {
    coordinator(1).block_on(async {
        let arena = arena();
        let mut list = ArenaVec::new_in(&arena);
        for i in 0..64u8 {
            list.reserve_exact(16);
            list.extend([i; 16]);
        }
        assert!(list.chunks(16).zip(0..).all(|(chunk, i)| chunk == [i; 16]));
        // Moved each time, it would have taken 33 KiB for its 1 KiB.
        assert!(arena.allocated_bytes() < 4096, "{}", arena.allocated_bytes());
    });
}

#[test]
fn blocks_keep_their_content_when_resized() {
    let layout = |size, align| Layout::from_size_align(size, align).unwrap();
    coordinator(1).block_on(async {
        let arena = &arena();
        let mut block = arena.allocate_zeroed(layout(3, 1)).unwrap();
        let mut old = layout(3, 1);
        // SAFETY: `block` is always the block of the layout `old`.
        unsafe {
            block.cast::<[u8; 3]>().write([1, 2, 3]);
            for (size, align) in [(3, 1), (4, 1), (100, 1), (100, 64), (5000, 32), (5000, 256)] {
                let new = layout(size, align);
                block = arena.grow_zeroed(block.cast(), old, new).unwrap();
                let bytes = block.as_ref();
                assert_eq!(block.cast::<u8>().as_ptr() as usize % align, 0);
                assert_eq!((bytes.len(), &bytes[..3]), (size, &[1, 2, 3][..]));
                assert!(bytes[3..].iter().all(|&byte| byte == 0));
                old = new;
            }
            for (size, align) in [(4000, 8), (4000, 512), (3, 1)] {
                let new = layout(size, align);
                block = arena.shrink(block.cast(), old, new).unwrap();
                assert_eq!(block.cast::<u8>().as_ptr() as usize % align, 0);
                assert_eq!((block.len(), &block.as_ref()[..3]), (size, &[1, 2, 3][..]));
                old = new;
            }
            arena.deallocate(block.cast(), old);
        }
    });
}

#[test]
fn every_way_to_allocate() {
    coordinator(1).block_on(async {
        let arena = arena();
        let words = ["a".to_owned(), "b".to_owned()];
        assert_eq!(arena.alloc(1), &1);
        assert_eq!(arena.alloc_with(|| 2), &2);
        assert_eq!(arena.alloc_str("three"), "three");
        assert_eq!(arena.alloc_slice_copy(&[4, 5]), [4, 5]);
        assert_eq!(arena.alloc_slice_fill_with(3, |i| i), [0, 1, 2]);
        assert_eq!(arena.alloc_slice_fill_iter(words.iter()), ["a", "b"]);
        assert_eq!(arena.try_alloc(6).unwrap(), &6);
        assert_eq!(arena.try_alloc_with(|| 7).unwrap(), &7);
        assert_eq!(arena.try_alloc_str("eight").unwrap(), "eight");
        assert_eq!(arena.try_alloc_slice_copy(&[9]).unwrap(), [9]);
        assert_eq!(arena.try_alloc_slice_clone(&["ten"]).unwrap(), ["ten"]);
        assert_eq!(arena.try_alloc_slice_fill_with(2, |i| i).unwrap(), [0, 1]);
        assert_eq!(arena.try_alloc_slice_fill_iter(words.iter()).unwrap(), ["a", "b"]);
        let cloned = arena.alloc_slice_clone(&words);
        assert_eq!(cloned, words);
        for word in cloned {
            // Nobody else would.
            drop(std::mem::take(word));
        }
    });
}
