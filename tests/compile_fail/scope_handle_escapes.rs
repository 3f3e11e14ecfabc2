fn main() {
    let text = String::from("borrowed");
    let handle = oasync::scope(|s| s.spawn(async { text.len() }));
    drop(handle);
}
