fn main() {
    oasync::block_on(async {
        let arena = oasync::arena();
        let text = arena.alloc_str("text");
        oasync::go(async move { text.make_ascii_uppercase() });
    });
}
