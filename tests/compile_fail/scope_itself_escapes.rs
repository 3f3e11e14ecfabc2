fn main() {
    let mut kept = None;
    oasync::scope(|s| kept = Some(s));
    kept.unwrap().go(async {});
}
