fn main() {
    oasync::block_on(async {
        let task = oasync::spawn(async {
            let arena = oasync::arena();
            arena.alloc_str("text")
        });
        let _ = task.await;
    });
}
