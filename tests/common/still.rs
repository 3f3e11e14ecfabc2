//! Whether threads sleep: by their states and context switches, which Linux tells.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::LONG;

/// How long nothing may happen.
const STILL: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq)]
struct Thread {
    /// One that waits for a processor does not, and makes no context switches either.
    sleeps: bool,
    switches: u64,
}

/// Each thread whose name begins with `prefix`.
fn threads(prefix: &str) -> BTreeMap<String, Thread> {
    let mut threads = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap();
        // A thread of another test may have ended since.
        let Ok(status) = fs::read_to_string(task.path().join("status")) else { continue };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_start_matches(':').trim().to_owned())
        };
        let Some(name) = field("Name").filter(|name| name.starts_with(prefix)) else { continue };
        let sleeps = field("State").unwrap().starts_with('S');
        let switches = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"]
            .map(|name| field(name).unwrap().parse::<u64>().unwrap());
        let id = task.file_name().into_string().unwrap();
        let switches = switches.iter().sum();
        threads.insert(format!("{name} {id}"), Thread { sleeps, switches });
    }
    threads
}

/// The context switches so far of each of these threads.
pub fn switches(prefix: &str) -> BTreeMap<String, u64> {
    threads(prefix).into_iter().map(|(name, thread)| (name, thread.switches)).collect()
}

/// Waits until the threads, at least so many, are there and have gone to sleep, watches
/// them for a while, and returns how many they are. That which watches over the workers is
/// one of them, once it was needed.
#[track_caller]
pub fn assert_still(prefix: &str, least: usize) -> usize {
    let start = Instant::now();
    let mut before = threads(prefix);
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = threads(prefix);
        let all_sleep = now.values().all(|thread| thread.sleeps);
        if all_sleep && now == before && now.len() >= least {
            break;
        }
        assert!(start.elapsed() < LONG, "not {least}, or never still: {before:?}, then {now:?}");
        before = now;
    }
    thread::sleep(STILL);
    assert_eq!(before, threads(prefix));
    before.len()
}
