//! 2,000 pairs of tasks: one sends a ping, the other a pong, each over a oneshot
//! of its own. The operation is a pair: two spawns, two channels, two wake-ups.

use std::time::Instant;

use futures_channel::oneshot;

use super::latch::Latch;
use super::{Runtime, Sample, ns_per_op};

const PAIRS: usize = 2_000;

pub(super) fn run<R: Runtime>() -> Sample {
    static DONE: Latch = Latch::new();
    let elapsed = R::root(async {
        let done = DONE.arm(PAIRS);
        let start = Instant::now();
        for i in 0..PAIRS {
            R::go(async move {
                let (ping, pinged) = oneshot::channel();
                let (pong, ponged) = oneshot::channel();
                R::go(async move {
                    let value: usize = pinged.await.unwrap();
                    pong.send(value + 1).unwrap();
                });
                ping.send(i).unwrap();
                assert_eq!(ponged.await, Ok(i + 1));
                DONE.count_down();
            });
        }
        done.await - start
    });
    ns_per_op(elapsed, PAIRS)
}
