//! oasync and its peers, interleaved round by round in one process.
//!
//! ```text
//! cargo bench --bench rivals -- [--quick] [--json FILE] [--plot FILE] [NAME]...
//! ```
//!
//! `--help` lists the options. The same with mimalloc: `--bench rivals-mimalloc`.

mod suite;

use std::alloc::System;
use std::process::ExitCode;

use suite::counting::Counting;

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting(System);

fn main() -> ExitCode {
    suite::main("system")
}
