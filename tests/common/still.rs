//! Whether threads sleep: by their context switches, which Linux counts.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::LONG;

/// How long nothing may happen.
const STILL: Duration = Duration::from_secs(1);

/// The context switches so far of each thread whose name begins with `prefix`.
pub fn switches(prefix: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap();
        // A thread of another test may have ended since.
        let Ok(status) = fs::read_to_string(task.path().join("status")) else { continue };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim_start_matches(':').trim().to_owned())
        };
        let Some(name) = field("Name").filter(|name| name.starts_with(prefix)) else { continue };
        let count = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"]
            .map(|name| field(name).unwrap().parse::<u64>().unwrap());
        let id = task.file_name().into_string().unwrap();
        counts.insert(format!("{name} {id}"), count.iter().sum());
    }
    counts
}

/// Waits until the threads have gone to sleep, watches them for a while, and returns how
/// many they are. That which watches over the workers is one of them, once it was needed.
#[track_caller]
pub fn assert_still(prefix: &str) -> usize {
    let start = Instant::now();
    let mut before = switches(prefix);
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = switches(prefix);
        if now == before {
            break;
        }
        assert!(start.elapsed() < LONG, "never still: {before:?}, then {now:?}");
        before = now;
    }
    thread::sleep(STILL);
    assert_eq!(before, switches(prefix));
    before.len()
}
