//! The memory of 1,000,000 tasks that wait, for each, beyond the future itself:
//! the bytes asked of the allocator, and those resident.
//!
//! Each peer has a process of its own: a runtime may keep what it has grown to,
//! and the allocator what was freed.

use std::fs;
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
    let (asked, resident) = count(|live| {
        R::root(async move {
            let parked = PARKED.arm(TASKS);
            let done = DONE.arm(TASKS);
            let before = (live(), resident_bytes());
            for place in places {
                R::go(Park { place, parked: false });
            }
            parked.await;
            let bytes = ((live() - before.0) as f64, resident_bytes() - before.1);
            for place in places {
                place.lock().unwrap().take().expect("parked").wake();
            }
            done.await;
            bytes
        })
    });
    let of_each = |bytes: f64| bytes / TASKS as f64 - size_of::<Park>() as f64;
    vec![of_each(asked), of_each(resident)]
}

/// Not a number where the system does not tell.
fn resident_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()
    });
    kilobytes.map_or(f64::NAN, |kilobytes| 1024.0 * kilobytes)
}
