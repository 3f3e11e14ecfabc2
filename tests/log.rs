//! Promise: if the feature `log` or `tracing` is on, each place whose tasks stall a worker is
//! logged once, unless there is a hook; and so is what a drop of the coordinator waits for.
#![cfg(any(feature = "log", feature = "tracing"))]

mod common;

use std::sync::Mutex;

use futures_lite::future::block_on;
use oasync::{Coordinator, WorkerKind};

use common::{LONG, eventually, started};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn lines() -> Vec<String> {
    LINES.lock().unwrap().clone()
}

#[cfg(feature = "log")]
mod with_log {
    struct ToLines;

    impl log::Log for ToLines {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            assert_eq!((record.target(), record.level()), ("oasync", log::Level::Warn));
            super::LINES.lock().unwrap().push(format!("log: {}", record.args()));
        }

        fn flush(&self) {}
    }

    pub fn install() {
        log::set_logger(&ToLines).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    }
}

#[cfg(feature = "tracing")]
mod with_tracing {
    use std::fmt::Debug;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    struct ToLines;

    #[derive(Default)]
    struct Fields(Vec<String>);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.push(format!("{field}={value:?}"));
        }
    }

    impl Subscriber for ToLines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let meta = event.metadata();
            assert_eq!((meta.target(), *meta.level()), ("oasync", Level::WARN));
            let mut fields = Fields::default();
            event.record(&mut fields);
            super::LINES.lock().unwrap().push(format!("tracing: {}", fields.0.join(" ")));
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    pub fn install() {
        tracing::subscriber::set_global_default(ToLines).unwrap();
    }
}

/// Stalls until it has been counted.
fn stall(coord: &Coordinator, name: &str) {
    let before = coord.metrics().stall_count();
    let watched = coord.handle();
    let poll = async move {
        // If a blocking thread polls it, which comes if the worker is late, that is none.
        while oasync::worker_info().unwrap().kind() != WorkerKind::Worker {
            oasync::yield_now().await;
        }
        eventually("the stall is seen", || watched.metrics().stall_count() > before);
    };
    block_on(coord.task().name(name).spawn(poll)).unwrap();
}

fn install() -> usize {
    #[cfg(feature = "log")]
    with_log::install();
    #[cfg(feature = "tracing")]
    with_tracing::install();
    usize::from(cfg!(feature = "log")) + usize::from(cfg!(feature = "tracing"))
}

/// One test: what is logged goes to the whole process.
#[test]
fn stalls_and_a_drop_that_waits_are_logged() {
    let logs = install();
    each_spawn_site_is_logged_once_and_not_if_there_is_a_hook(logs);
    LINES.lock().unwrap().clear();
    a_main_future_is_logged_with_its_block_on(logs);
    LINES.lock().unwrap().clear();
    a_drop_that_waits_says_for_what(logs);
}

fn each_spawn_site_is_logged_once_and_not_if_there_is_a_hook(logs: usize) {
    let (tx, rx) = std::sync::mpsc::channel();
    let builder = Coordinator::builder().workers(1);
    let hooked = builder.on_stall(move |stall| tx.send(stall.id).unwrap()).build().unwrap();
    hooked.start().unwrap();
    stall(&hooked, "hooked");
    rx.recv_timeout(LONG).unwrap();
    drop(hooked);

    let coord = started(1);
    stall(&coord, "first");
    eventually("the first is logged", || lines().len() == logs);
    for _ in 0..3 {
        stall(&coord, "again");
    }
    drop(coord); // nothing comes after this
    let lines = lines();
    assert_eq!(lines.len(), logs, "{lines:?}");
    for line in lines {
        assert!(line.contains("`first`, spawned at tests/log.rs:"), "{line}");
        assert!(line.contains("keeps worker 0 for"), "{line}");
        if line.starts_with("tracing") {
            assert!(line.contains("name=\"first\" worker=0 lasts_ms="), "{line}");
        }
    }
}

fn a_main_future_is_logged_with_its_block_on(logs: usize) {
    let coord = common::coordinator(1);
    coord.block_on(async { eventually("it is logged", || lines().len() == logs) });
    for line in lines() {
        assert!(line.contains("the main future of `block_on` at tests/log.rs:"), "{line}");
    }
}

fn a_drop_that_waits_says_for_what(logs: usize) {
    let coord = started(1);
    let (enter, entered) = std::sync::mpsc::channel();
    coord.task().name("ledger").gob(move || {
        enter.send(()).unwrap();
        eventually("it is logged", || lines().len() == logs);
    });
    entered.recv_timeout(LONG).unwrap();
    drop(coord);
    let lines = lines();
    assert_eq!(lines.len(), logs, "once: {lines:?}");
    for line in lines {
        assert!(line.contains("the drop of a coordinator waits for task "), "{line}");
        assert!(line.contains("`ledger`, spawned at tests/log.rs:"), "{line}");
    }
}
