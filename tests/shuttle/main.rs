#![cfg(shuttle)]
use oasync::Coordinator;
#[test]
fn smoke() {
    let mut config = shuttle::Config::new();
    config.stack_size = 0x40000;
    let n: usize =
        std::env::var("SHUTTLE_ITERATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let f = || {
        let coord = Coordinator::builder().workers(2).build().unwrap();
        let sum = coord.block_on(async {
            let parts: Vec<_> = (0..4)
                .map(|i| {
                    oasync::spawn(async move {
                        oasync::yield_now().await;
                        i
                    })
                })
                .collect();
            let mut sum = 0;
            for p in parts {
                sum += p.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 6);
    };
    let t = std::time::Instant::now();
    shuttle::Runner::new(shuttle::scheduler::RandomScheduler::new(n), config.clone()).run(f);
    println!("random {:?}", t.elapsed());
    let t = std::time::Instant::now();
    shuttle::Runner::new(shuttle::scheduler::PctScheduler::new(3, n), config).run(f);
    println!("pct {:?}", t.elapsed());
}
