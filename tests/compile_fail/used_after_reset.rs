use allocator_api2::vec::Vec;

fn main() {
    oasync::block_on(async {
        let mut arena = oasync::arena();
        let mut list = Vec::new_in(&arena);
        list.push(1);
        arena.reset();
        list.push(2);
    });
}
