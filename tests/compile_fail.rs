//! Promise: what would be unsound does not compile: data of an arena used after
//! it, what leaves a scope, thread-bound values that cross threads, keys that change
//! their type, or are not declared as such.
// The messages were recorded with the names that `sync` brings.
#![cfg(feature = "sync")]

use std::process::Command;

/// The compiler whose messages are recorded; later ones are expected to agree.
const RECORDED: u32 = 95;

#[test]
fn what_would_be_unsound_does_not_compile() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    let minor = version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok());
    let stable = !version.contains("-nightly") && !version.contains("-beta");
    if !stable || minor.is_none_or(|minor| minor < RECORDED) {
        println!("skipped: the messages of {version} may differ from the recorded ones");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
