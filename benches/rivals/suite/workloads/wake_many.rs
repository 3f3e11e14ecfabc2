//! One task wakes 1,000 at once and waits until all of them wait again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use event_listener::Event;

use super::{Runtime, Sample, ns_per_op};

const SLEEPERS: usize = 1_000;
const ROUNDS: usize = 10;

#[derive(Default)]
struct Bell {
    rings: Event,
    wakes: AtomicUsize,
    all_awake: Event,
}

impl Bell {
    /// Counts one that listens (again).
    fn listening(&self) {
        if (self.wakes.fetch_add(1, Ordering::AcqRel) + 1) % SLEEPERS == 0 {
            self.all_awake.notify(1);
        }
    }

    async fn ring(&self) {
        let all_awake = self.all_awake.listen();
        self.rings.notify(usize::MAX);
        all_awake.await;
    }
}

pub(super) fn run<R: Runtime>() -> Sample {
    let (wakes, elapsed) = R::root(async {
        let bell = Arc::new(Bell::default());
        let all_listen = bell.all_awake.listen();
        let mut tasks = Vec::with_capacity(SLEEPERS);
        for _ in 0..SLEEPERS {
            let bell = bell.clone();
            tasks.push(R::spawn(async move {
                for _ in 0..ROUNDS {
                    let listener = bell.rings.listen();
                    bell.listening();
                    listener.await;
                }
                bell.listening();
            }));
        }
        all_listen.await;
        let start = Instant::now();
        for _ in 0..ROUNDS {
            bell.ring().await;
        }
        let elapsed = start.elapsed();
        for task in tasks {
            task.await;
        }
        (bell.wakes.load(Ordering::Acquire) - SLEEPERS, elapsed)
    });
    assert_eq!(wakes, SLEEPERS * ROUNDS);
    ns_per_op(elapsed, wakes)
}
