//! What the numbers were taken on.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"));
const CRATES: [&str; 6] =
    ["oasync", "tokio", "async-executor", "blocking", "rayon", "event-listener"];

pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) threads: usize,
    pub(crate) system: String,
    pub(crate) allocator: &'static str,
    pub(crate) versions: Vec<(&'static str, &'static str)>,
    pub(crate) go: bool,
}

impl Machine {
    pub(crate) fn look(threads: usize, allocator: &'static str) -> Self {
        Machine {
            cpu: cpu().unwrap_or_else(|| "unknown processor".to_owned()),
            cores: available_parallelism().map_or(1, usize::from),
            threads,
            system: system(),
            allocator,
            versions: CRATES.iter().filter_map(|&name| Some((name, version(name)?))).collect(),
            go: Command::new("go").arg("version").output().is_ok(),
        }
    }
}

fn cpu() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn system() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", std::env::consts::OS, release.trim()).trim().to_owned()
}

/// The version in the lock file, which is the one that was built.
fn version(name: &str) -> Option<&'static str> {
    let rest = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?.1;
    rest.split('"').next()
}
