//! 100 tasks begin to sleep 1,000 times each, and do not wait for the end of it: what a
//! timeout costs that is not needed.

use std::future::Future;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::{Sample, Timed, ns_per_op};

const TASKS: usize = 100;
const SLEEPS: usize = 1_000;
/// Between two yields.
const EACH: usize = 10;

pub(super) fn run<R: Timed>() -> Sample {
    let (sleeps, elapsed) = R::root(async {
        let mut tasks = Vec::with_capacity(TASKS);
        let start = Instant::now();
        for _ in 0..TASKS {
            tasks.push(R::spawn(async {
                let mut sleeps = 0;
                for i in 0..SLEEPS {
                    let mut sleep = pin!(R::sleep(Duration::from_secs(30)));
                    let waits = poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending()));
                    sleeps += usize::from(waits.await);
                    if i % EACH == 0 {
                        R::yield_now().await;
                    }
                }
                sleeps
            }));
        }
        let mut sleeps = 0;
        for task in tasks {
            sleeps += task.await;
        }
        (sleeps, start.elapsed())
    });
    assert_eq!(sleeps, TASKS * SLEEPS);
    ns_per_op(elapsed, sleeps)
}
