//! A ring of 500 tasks, joined by channels, hands one number round 50 times.

use std::time::Instant;

use async_channel::{Receiver, Sender, bounded};

use super::{Runtime, Sample, ns_per_op};

const TASKS: usize = 500;
const LAPS: usize = 50;

async fn pass_on(from: Receiver<usize>, to: Sender<usize>) {
    while let Ok(hops) = from.recv().await {
        if to.send(hops + 1).await.is_err() {
            break;
        }
    }
}

pub(super) fn run<R: Runtime>() -> Sample {
    let elapsed = R::root(async {
        // The root is one of the ring.
        let (first, mut last) = bounded(1);
        for _ in 1..TASKS {
            let (to, from) = bounded(1);
            R::go(pass_on(last, to));
            last = from;
        }
        let start = Instant::now();
        let mut hops = 0;
        for lap in 1..=LAPS {
            first.send(hops + 1).await.unwrap();
            hops = last.recv().await.unwrap();
            assert_eq!(hops, lap * TASKS);
        }
        start.elapsed()
    });
    ns_per_op(elapsed, TASKS * LAPS)
}
