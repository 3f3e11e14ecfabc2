fn main() {
    let word;
    {
        let text = String::from("borrowed");
        word = oasync::scope(|s| s.spawn(async { text.as_str() }).join().unwrap());
    }
    println!("{word}");
}
