fn main() {
    let mut text = String::from("borrowed");
    oasync::scope(|s| {
        s.go(async { text.push('a') });
        s.go(async { text.push('b') });
    });
}
