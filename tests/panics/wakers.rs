//! Foreign wakers that panic while a handle was polled with them.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

use futures_lite::future::block_on;
use oasync::JoinHandle;

use crate::{PLANNED, started, unharmed};

/// When a foreign waker panics.
#[derive(Clone, Copy, PartialEq, Debug)]
enum On {
    Clone,
    Wake,
    Drop,
}

/// A waker that panics at one of its calls.
fn angry(on: On) -> Waker {
    const fn table<const ON: u8>() -> RawWakerVTable {
        fn act(on: bool) {
            if on {
                panic!("{PLANNED}: waker");
            }
        }
        RawWakerVTable::new(
            |_| {
                act(ON == On::Clone as u8);
                RawWaker::new(std::ptr::null(), vtable::<ON>())
            },
            |_| act(ON == On::Wake as u8),
            |_| act(ON == On::Wake as u8),
            |_| act(ON == On::Drop as u8),
        )
    }
    fn vtable<const ON: u8>() -> &'static RawWakerVTable {
        const { &table::<ON>() }
    }
    let vtable = match on {
        On::Clone => vtable::<{ On::Clone as u8 }>(),
        On::Wake => vtable::<{ On::Wake as u8 }>(),
        On::Drop => vtable::<{ On::Drop as u8 }>(),
    };
    // SAFETY: the waker has no data, and its functions may be called from any
    // thread; they only may panic.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), vtable)) }
}

/// Polls `task` once with an angry waker, whose own drop does not count here.
fn poll_angrily<T>(task: &mut JoinHandle<T>, on: On) -> bool {
    let waker = std::mem::ManuallyDrop::new(angry(on));
    catch_unwind(AssertUnwindSafe(|| {
        assert!(Pin::new(task).poll(&mut Context::from_waker(&waker)).is_pending());
    }))
    .is_err()
}

/// A task that waits for the flag.
fn waits_for(coord: &oasync::Handle, flag: &Arc<AtomicBool>) -> JoinHandle<i32> {
    let flag = flag.clone();
    coord.spawn(async move {
        while !flag.load(Ordering::SeqCst) {
            oasync::yield_now().await;
        }
        7
    })
}

#[test]
fn in_a_waker_polled_with_outside_it_is_contained() {
    for on in [On::Clone, On::Wake, On::Drop] {
        for detach in [false, true] {
            let (coord, log) = started();
            let flag = Arc::new(AtomicBool::new(false));
            let mut task = waits_for(&coord.handle(), &flag);
            let thrown = poll_angrily(&mut task, on);
            assert_eq!(thrown, on == On::Clone, "a clone is the poller's own call");
            if detach {
                drop(task);
                flag.store(true, Ordering::SeqCst);
            } else {
                flag.store(true, Ordering::SeqCst);
                assert_eq!(block_on(task).unwrap(), 7);
            }
            // Nobody is told: outside, a handle does not know whose hook to call.
            unharmed(&coord, &log, 0, 0);
        }
    }
}
