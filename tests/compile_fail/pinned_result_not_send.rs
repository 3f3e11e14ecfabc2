//! A pinned future may be bound to its thread, its result may not.

use std::rc::Rc;

fn main() {
    let _ = oasync::spawn_pinned(|| async { Rc::new(1) });
}
