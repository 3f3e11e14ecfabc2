//! An inherited value is shared between threads.

use std::cell::Cell;

oasync::task_local! {
    #[inherit]
    static KEY: Cell<u32>;
}

fn main() {
    KEY.sync_scope(Cell::new(1), || ());
}
