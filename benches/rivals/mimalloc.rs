//! The benchmark `rivals` with mimalloc instead of the system's allocator.

mod suite;

use std::process::ExitCode;

use mimalloc::MiMalloc;

use suite::counting::Counting;

#[global_allocator]
static ALLOCATOR: Counting<MiMalloc> = Counting(MiMalloc);

fn main() -> ExitCode {
    suite::main("mimalloc")
}
