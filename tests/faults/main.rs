//! Promise: if the system refuses a thread, submission gives an error or the work
//! runs elsewhere; never a spin, never a lost job.
//!
//! A library written in C is loaded before the C library of a second process of this
//! test, where it refuses threads; `scenarios.rs` and `ends.rs` run in there.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
mod ends;
mod refusal;
mod scenarios;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::LONG;

/// Set in the second process.
const ARMED: &str = "OASYNC_TEST_REFUSES_THREADS";

/// Builds the library; `None` if there is no C compiler.
fn library(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("librefuse_threads.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/refuse_threads.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .args(["-ldl", "-lpthread"]);
    let status = cc.status().ok()?;
    assert!(status.success(), "{cc:?} fails");
    Some(library)
}

/// Runs a scenario in a process that refuses threads.
#[track_caller]
fn refused(scenario: &str) {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = library(folder.path()) else {
        // Where everything has to be tested, nothing is skipped in silence.
        assert!(std::env::var_os("CI").is_none(), "no C compiler");
        eprintln!("skipped: no C compiler");
        return;
    };
    let log = folder.path().join("log");
    let output = File::create(&log).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", scenario, "--ignored"])
        .args(["--nocapture", "--test-threads=1"])
        .env("LD_PRELOAD", library)
        .env(ARMED, "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + 2 * LONG;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let log = fs::read_to_string(log).unwrap();
    assert!(status.is_some(), "it hangs:\n{log}");
    assert!(status.unwrap().success(), "{log}");
    assert!(log.contains("1 passed") && log.contains("refused in all"), "nothing ran:\n{log}");
}

#[test]
fn a_caller_gets_everything_done() {
    refused("scenarios::with_a_caller");
}

#[test]
fn what_is_started_gets_everything_done_or_the_start_says_no() {
    refused("scenarios::started");
}

#[test]
fn a_worker_that_comes_back_stays_if_the_thread_in_its_place_is_refused() {
    refused("scenarios::coming_back");
}

#[test]
fn tasks_that_block_on_tasks_get_everything_done() {
    refused("scenarios::nested");
}

#[test]
fn while_all_wait_nobody_spins() {
    refused("scenarios::waiting");
}

#[test]
fn closures_that_block_on_closures_get_everything_done() {
    refused("scenarios::closures_in_closures");
}

#[test]
fn what_is_behind_a_stuck_poll_runs_though_a_thread_was_refused_once() {
    refused("scenarios::stuck");
}

#[test]
fn a_thread_that_was_refused_once_comes_however_long_polls_may_take() {
    refused("scenarios::meeting");
}

#[test]
fn what_is_behind_a_stuck_poll_runs_on_an_idle_thread_if_no_more_come() {
    refused("scenarios::stuck_for_good");
}

#[test]
fn the_last_idle_thread_stays_if_nobody_watches() {
    refused("scenarios::idle_for_long");
}

#[test]
fn a_closure_behind_a_stuck_lender_runs_though_no_more_threads_come() {
    refused("scenarios::stuck_lender");
}

#[test]
fn a_closure_stays_with_the_pool_if_that_has_a_thread() {
    refused("scenarios::busy_pool");
}

#[test]
fn every_shutdown_and_drop_ends() {
    refused("ends::ending");
}

#[test]
fn a_stop_hook_that_is_stuck_does_not_hold_up_a_shutdown() {
    refused("ends::stuck_stop_hook");
}

#[test]
fn a_destructor_that_waits_at_the_end_gets_its_answer() {
    refused("ends::waiting_destructor");
}
