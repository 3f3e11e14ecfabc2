fn main() {
    oasync::block_on(async {
        let arena = oasync::arena();
        let text = arena.alloc_str("text");
        drop(arena);
        oasync::yield_now().await;
        text.make_ascii_uppercase();
    });
}
