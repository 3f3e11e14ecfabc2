//! Says who hangs, and ends the program.

use std::process;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::peers::Peer;

/// Far above what any run takes, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(120);

type Run = (&'static str, Peer, Instant);

static NOW: Mutex<Option<Run>> = Mutex::new(None);

pub(crate) fn start() {
    thread::spawn(|| {
        loop {
            thread::sleep(LIMIT / 12);
            if let Some((workload, peer, start)) = *NOW.lock().unwrap() {
                if start.elapsed() > LIMIT {
                    eprintln!("\n{workload} hangs in {}", peer.name());
                    process::exit(1);
                }
            }
        }
    });
}

/// Calls `run`, which is watched meanwhile.
pub(crate) fn watch<T>(workload: &'static str, peer: Peer, run: impl FnOnce() -> T) -> T {
    *NOW.lock().unwrap() = Some((workload, peer, Instant::now()));
    let result = run();
    *NOW.lock().unwrap() = None;
    result
}
