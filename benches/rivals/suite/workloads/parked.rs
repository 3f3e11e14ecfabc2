//! The memory of 1,000,000 tasks that wait: bytes asked of the allocator for each,
//! beyond the future itself.
//!
//! It can be taken only once a process: a runtime may keep what it has grown to.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use super::latch::Latch;
use super::{Runtime, Sample};
use crate::suite::counting::count;

const TASKS: usize = 1_000_000;

static PARKED: Latch = Latch::new();
static DONE: Latch = Latch::new();

/// Where a task leaves its waker; all of them are there before the count.
type Place = Mutex<Option<Waker>>;

struct Park {
    place: &'static Place,
    parked: bool,
}

impl Future for Park {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.parked {
            DONE.count_down();
            return Poll::Ready(());
        }
        self.parked = true;
        *self.place.lock().unwrap() = Some(cx.waker().clone());
        PARKED.count_down();
        Poll::Pending
    }
}

pub(super) fn run<R: Runtime>() -> Sample {
    let places: Vec<Place> = (0..TASKS).map(|_| Mutex::new(None)).collect();
    let places: &'static [Place] = places.leak();
    let bytes = count(|live| {
        R::root(async move {
            let parked = PARKED.arm(TASKS);
            let done = DONE.arm(TASKS);
            let before = live();
            for place in places {
                R::go(Park { place, parked: false });
            }
            parked.await;
            let bytes = live() - before;
            for place in places {
                place.lock().unwrap().take().expect("parked").wake();
            }
            done.await;
            bytes
        })
    });
    vec![bytes as f64 / TASKS as f64 - size_of::<Park>() as f64]
}
