//! Promise: a process that forbids itself `membarrier` before its first coordinator works as
//! any other; one that does so later is told, and ended, before a wake-up could be lost.
#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use common::{LONG, started};
use oasync::Coordinator;

/// Set in the second process.
const INSIDE: &str = "OASYNC_TEST_SECCOMP";

/// Refuses `membarrier` to all threads there are, and to their children.
fn forbid_membarrier() {
    let rule = |code: u32, k: u32, jf: u8| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    let membarrier = u32::try_from(libc::SYS_membarrier).unwrap();
    let mut rules = [
        rule(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0), // the number of the call
        rule(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, membarrier, 1),
        rule(libc::BPF_RET, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0),
        rule(libc::BPF_RET, libc::SECCOMP_RET_ALLOW, 0),
    ];
    let filter = libc::sock_fprog { len: 4, filter: rules.as_mut_ptr() };
    // SAFETY: `filter` and its rules outlive both calls, and the kernel keeps a copy.
    let refused = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_TSYNC,
                &raw const filter,
            ) != 0
    };
    assert!(!refused, "no filter: {}", io::Error::last_os_error());
}

fn has_membarrier() -> bool {
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
    // SAFETY: the call takes numbers only.
    unsafe { libc::syscall(libc::SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 }
}

/// Two workers that are woken and fall asleep, again and again.
fn rounds(coord: &Coordinator, rounds: usize) {
    let (done_tx, done) = mpsc::channel();
    for _ in 0..rounds {
        for _ in 0..2 {
            let done = done_tx.clone();
            coord.go(async move {
                oasync::join(oasync::yield_now(), oasync::yield_now()).await;
                done.send(()).unwrap();
            });
        }
        done.recv().unwrap();
        done.recv().unwrap();
    }
}

/// Runs a scenario in a process of its own.
fn process(scenario: &str) -> (ExitStatus, String) {
    let mut output = tempfile::tempfile().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", scenario, "--ignored", "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output.try_clone().unwrap())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + LONG;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    (child.wait().unwrap(), text(&mut output))
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_filter_before_the_first_coordinator_is_no_harm() {
    let (status, output) = process("filter_first");
    assert!(status.success(), "{status}: {output}");
}

#[test]
fn a_filter_after_the_first_coordinator_ends_the_process_and_says_why() {
    if !has_membarrier() {
        eprintln!("skipped: no membarrier here");
        return;
    }
    let (status, output) = process("filter_later");
    assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}: {output}");
    assert!(output.contains("refuses membarrier"), "{output}");
}

#[test]
#[ignore = "runs in a process of its own"]
fn filter_first() {
    assert!(std::env::var_os(INSIDE).is_some());
    forbid_membarrier();
    assert!(!has_membarrier());
    rounds(&started(2), 1_000);
}

#[test]
#[ignore = "runs in a process of its own"]
fn filter_later() {
    assert!(std::env::var_os(INSIDE).is_some());
    let coord = started(2);
    rounds(&coord, 10);
    forbid_membarrier();
    rounds(&coord, usize::MAX);
}
