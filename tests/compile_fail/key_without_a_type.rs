oasync::task_local! {
    #[inherit]
    static DEPTH;
}

fn main() {}
