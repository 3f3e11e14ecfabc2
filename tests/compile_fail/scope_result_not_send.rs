use std::rc::Rc;

fn main() {
    oasync::scope(|s| {
        s.spawn_blocking(|| Rc::new(1)).join().unwrap();
    });
}
