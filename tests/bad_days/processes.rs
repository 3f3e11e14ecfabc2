//! Processes: between `fork` and `exec` of a `std::process::Command` nothing needs one
//! of the other threads, which the child does not have.
#![cfg(unix)]

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::common::started;
use crate::{in_time, wait};

/// Says `text` in another process.
fn echo(text: &str) -> String {
    let mut command = Command::new("echo");
    // SAFETY: the closure does nothing. Without one, the standard library may start the
    // process without a `fork`.
    unsafe { command.pre_exec(|| Ok(())) };
    let output = command.arg(text).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn processes_are_started_from_tasks_and_closures_under_load() {
    in_time("processes", || {
        let coord = started(2);
        for _ in 0..10 {
            // All kinds of locks are held all the time meanwhile.
            coord.go(async {
                loop {
                    oasync::spawn(async {}).await.unwrap();
                    oasync::spawn_blocking(|| vec![1_u8; 1000]).await.unwrap();
                }
            });
        }
        let children: Vec<_> = (0..40)
            .map(|i| {
                let text = i.to_string();
                let expected = text.clone();
                let child = match i % 3 {
                    0 => coord.spawn(async move { echo(&text) }),
                    1 => coord.spawn(async move { oasync::block_in_place(|| echo(&text)) }),
                    _ => coord.spawn_blocking(move || echo(&text)),
                };
                (child, expected)
            })
            .collect();
        for (child, expected) in children {
            assert_eq!(wait(child).unwrap(), expected);
        }
    });
}
