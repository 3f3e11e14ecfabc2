oasync::task_local! {
    static GOOD: String;
    static DEPTH: u32 = 5;
}

fn main() {}
