//! Bytes are calls: the first builds the coordinator, each two after it are one call.
#![no_main]

#[path = "../../sequences/interpreter.rs"]
mod interpreter;
#[path = "../../sequences/model.rs"]
mod model;

use interpreter::{Op, Setup, run};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&setup, ops)) = data.split_first() else { return };
    let ops: Vec<Op> =
        ops.chunks_exact(2).map(|op| Op::decode([op[0], op[1]])).take(60).collect();
    run(Setup::decode(setup), &ops);
});
