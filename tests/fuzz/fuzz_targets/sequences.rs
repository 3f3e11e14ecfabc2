//! Bytes are calls: the first builds the coordinator, each two after it are one call.
#![no_main]

#[path = "../../sequences/bodies.rs"]
mod bodies;
#[path = "../../sequences/group.rs"]
mod group;
#[path = "../../sequences/interpreter.rs"]
mod interpreter;
#[path = "../../sequences/model.rs"]
mod model;
#[path = "../../sequences/ops.rs"]
mod ops;

use interpreter::run;
use ops::{Op, Setup};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&setup, ops)) = data.split_first() else { return };
    let ops: Vec<Op> = ops.chunks_exact(2).map(|op| Op::decode([op[0], op[1]])).take(60).collect();
    run(Setup::decode(setup), &ops);
});
