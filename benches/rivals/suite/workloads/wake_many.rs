//! One task wakes 1,000 at once and waits until all of them wait again.

use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Instant;

use super::{Runtime, Sample, ns_per_op};

const SLEEPERS: usize = 1_000;
const RINGS: usize = 10;

#[derive(Default)]
struct Bell(Mutex<State>);

#[derive(Default)]
struct State {
    rings: usize,
    sleepers: Vec<Waker>,
    ringer: Option<Waker>,
}

impl Bell {
    /// Sleeps until the bell has rung more than `rings` times.
    async fn sleep(&self, rings: usize) {
        poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            if state.rings > rings {
                return Poll::Ready(());
            }
            state.sleepers.push(cx.waker().clone());
            if state.sleepers.len() == SLEEPERS {
                let ringer = state.ringer.take();
                drop(state);
                ringer.into_iter().for_each(Waker::wake);
            }
            Poll::Pending
        })
        .await;
    }

    async fn all_asleep(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            if state.sleepers.len() == SLEEPERS {
                return Poll::Ready(());
            }
            state.ringer = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Wakes all; not under the lock, which they take at once.
    fn ring(&self, spare: &mut Vec<Waker>) {
        let mut state = self.0.lock().unwrap();
        state.rings += 1;
        mem::swap(&mut state.sleepers, spare);
        drop(state);
        spare.drain(..).for_each(Waker::wake);
    }
}

pub(super) fn run<R: Runtime>() -> Sample {
    let (wakes, elapsed) = R::root(async {
        let bell = Arc::new(Bell::default());
        let mut tasks = Vec::with_capacity(SLEEPERS);
        for _ in 0..SLEEPERS {
            let bell = bell.clone();
            tasks.push(R::spawn(async move {
                for rings in 0..=RINGS {
                    bell.sleep(rings).await;
                }
                RINGS
            }));
        }
        let mut spare = Vec::with_capacity(SLEEPERS);
        bell.all_asleep().await;
        let start = Instant::now();
        for _ in 0..RINGS {
            bell.ring(&mut spare);
            bell.all_asleep().await;
        }
        let elapsed = start.elapsed();
        bell.ring(&mut spare);
        let mut wakes = 0;
        for task in tasks {
            wakes += task.await;
        }
        (wakes, elapsed)
    });
    assert_eq!(wakes, SLEEPERS * RINGS);
    ns_per_op(elapsed, wakes)
}
