//! Promise: a timer fires also when the default coordinator has been shut down, for good
//! and for the whole process. So it has a process of its own.
#![cfg(feature = "time")]

use std::time::{Duration, Instant};

use oasync::Coordinator;

#[test]
fn a_sleep_ends_although_the_default_coordinator_has() {
    const SHORT: Duration = Duration::from_millis(10);
    let (tx, rx) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let start = Instant::now();
        let sleep = oasync::sleep(3 * SHORT);
        let before = std::thread::spawn(|| futures_lite::future::block_on(sleep));
        oasync::block_on(oasync::sleep(SHORT));
        Coordinator::current().shutdown(Duration::ZERO);
        before.join().unwrap();
        futures_lite::future::block_on(oasync::sleep(SHORT));
        oasync::block_on(oasync::sleep(SHORT));
        oasync::block_on(async { oasync::block_on(oasync::sleep(SHORT)) });
        assert!(start.elapsed() >= 6 * SHORT);
        tx.send(()).unwrap();
    });
    rx.recv_timeout(Duration::from_secs(60)).expect("it came to its end, without a panic");
}
