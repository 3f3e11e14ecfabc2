//! Promise: what is in an arena cannot be used after the arena, and nothing leaves a
//! scope but what may.

use std::process::Command;

/// The compiler whose messages are recorded; later ones are expected to agree.
const RECORDED: u32 = 95;

#[test]
fn references_do_not_outlive_what_they_borrow_from() {
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
