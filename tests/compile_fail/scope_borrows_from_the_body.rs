fn main() {
    oasync::scope(|s| {
        let local = String::from("gone when the body returns");
        s.go(async { println!("{local}") });
    });
}
