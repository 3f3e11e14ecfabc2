//! Promise: whatever is called in whatever order, every future is dropped exactly
//! once, and every handle gives what the model allows.
//!
//! The sequences here are random; `tests/fuzz/` has the same interpreter under
//! libFuzzer, which looks for those that reach new code.

mod bodies;
#[path = "../common/mod.rs"]
mod common;
mod group;
mod interpreter;
mod model;
mod ops;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use common::LONG;
use interpreter::run;
use ops::{Op, Setup};

/// Runs a sequence on a thread of its own; a hang becomes a failure.
fn in_time(setup: Setup, ops: Vec<Op>) -> Result<(), TestCaseError> {
    let (tell, told) = channel();
    let thread = thread::spawn(move || {
        run(setup, &ops);
        let _ = tell.send(());
    });
    if told.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
        return Err(TestCaseError::fail("it hangs"));
    }
    thread.join().map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        TestCaseError::fail(text.unwrap_or_default())
    })
}

/// From the same bytes as a fuzzer's.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    vec(any::<[u8; 2]>().prop_map(Op::decode), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default() // 256 cases, or PROPTEST_CASES
    })]

    #[test]
    fn any_sequence_of_calls_keeps_the_promises(setup in any::<u8>(), ops in ops()) {
        in_time(Setup::decode(setup), ops)?;
    }
}

#[test]
fn the_model_notices_what_it_should() {
    use model::{Body, Ledger};

    // A drop too many, a drop too few, a result that cannot be.
    let ledger = Ledger::default();
    let entry = ledger.entry(Body::Forever);
    assert!(ledger.unbalanced().is_some(), "nothing was dropped yet");
    drop(entry.guard());
    assert!(ledger.unbalanced().is_none());
    assert!(!entry.allows(&Ok(3)) && !entry.allows_cancelled());
    entry.cancel();
    assert!(entry.allows_cancelled());
    drop(entry.guard());
    assert!(ledger.unbalanced().is_some(), "dropped twice");
}
