use std::cell::Cell;

fn main() {
    oasync::go(async {
        let arena = oasync::arena();
        let shared = &*arena.alloc(Cell::new(0));
        oasync::yield_now().await;
        shared.set(1);
    });
}
