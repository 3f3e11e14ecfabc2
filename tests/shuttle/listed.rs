//! `tasks()` and `metrics()`, while tasks run and end.

use oasync::yield_now;

use crate::support::{Gate, Ledger, check, outside, started, wait};

#[test]
fn what_is_listed_stands_with_its_own_spawn_site() {
    check(|| {
        let (coord, gate) = (started(1), Gate::default());
        let polls = || async {
            yield_now().await;
            yield_now().await;
        };
        let (one, first) = (line!(), coord.spawn(polls()));
        let (two, second) = (line!(), coord.spawn(polls()));
        let sites = [(first.id(), one), (second.id(), two)];
        let lister = outside({
            let (handle, gate) = (coord.handle(), gate.clone());
            move || {
                while !gate.is_open() {
                    for task in handle.tasks() {
                        assert!(sites.contains(&(task.id(), task.location().line())));
                    }
                    shuttle::thread::yield_now();
                }
            }
        });
        wait(first).unwrap();
        wait(second).unwrap();
        gate.open();
        lister.join().unwrap();
        Ledger::default().close(coord);
    });
}

/// The count is never too small: what the tasks themselves see.
#[test]
fn a_task_that_runs_is_counted_alive() {
    check(|| {
        let coord = started(2);
        let tasks = [(); 2].map(|()| {
            let handle = coord.handle();
            coord.spawn(async move {
                let child = oasync::spawn(async {});
                yield_now().await;
                assert!(handle.metrics().num_alive_tasks() >= 1);
                child.await.unwrap();
                assert!(handle.metrics().num_alive_tasks() >= 1);
            })
        });
        tasks.into_iter().for_each(|task| wait(task).unwrap());
        Ledger::default().close(coord);
    });
}
