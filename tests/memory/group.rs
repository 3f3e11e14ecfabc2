//! Children of a group that nobody joins.

use crate::alone;
use crate::common::coordinator;
use crate::common::counting::live;

#[test]
fn a_million_children_that_nobody_joins_leave_nothing() {
    alone(|| {
        let coord = coordinator(2);
        coord.block_on(async {
            let group = oasync::TaskGroup::new();
            let round = async |children: usize| {
                for _ in 0..children {
                    group.spawn(async {});
                }
                group.drain_until(std::future::pending::<()>()).await;
            };
            round(10_000).await; // threads, queues
            let before = live();
            for _ in 0..100 {
                round(10_000).await;
            }
            let grown = live().saturating_sub(before);
            assert!(grown < 1 << 20, "{grown} bytes more for 1e6 children");
            // They are counted all the same.
            assert_eq!(group.len(), 1_010_000);
            assert!(group.try_join_next().unwrap().is_ok());
        });
    });
}
