use std::rc::Rc;

fn main() {
    let counted = Rc::new(1);
    oasync::scope(|s| {
        s.go(async { println!("{counted}") });
    });
}
