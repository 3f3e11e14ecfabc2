//! Promise: if the feature `log` or `tracing` is on, each place whose tasks stall a worker is
//! logged once, unless there is a hook; and so is what a drop of the coordinator waits for.
#![cfg(any(feature = "log", feature = "tracing"))]

mod common;

use std::sync::Mutex;

use futures_lite::future::block_on;
use oasync::{Coordinator, WorkerKind};

use common::gate::{Opener, PassOnDrop, gate};
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
    a_drop_that_waits_for_a_closure_says_so(logs);
    LINES.lock().unwrap().clear();
    a_drop_that_waits_for_a_destructor_says_so(logs);
    LINES.lock().unwrap().clear();
    a_drop_that_waits_for_a_hook_names_the_thread(logs);
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

/// The drop of the coordinator waits, says so once, and ends when the gate is opened.
fn assert_says_what_it_waits_for(coord: Coordinator, open: Opener, logs: usize, what: &[&str]) {
    let waits = std::thread::spawn(move || drop(coord));
    eventually("it is logged", || lines().len() == logs);
    assert!(!waits.is_finished());
    open.open();
    waits.join().unwrap();
    let lines = lines();
    assert_eq!(lines.len(), logs, "once: {lines:?}");
    for line in lines {
        assert!(line.contains("the drop of a coordinator waits for "), "{line}");
        what.iter().for_each(|what| assert!(line.contains(what), "{what}: {line}"));
    }
}

const LEDGER: [&str; 2] = ["waits for task ", "`ledger`, spawned at tests/log.rs:"];

fn a_drop_that_waits_for_a_closure_says_so(logs: usize) {
    let (coord, (open, gate)) = (started(1), gate());
    let held = gate.clone();
    coord.task().name("ledger").gob(move || held.pass());
    gate.wait_for(1);
    assert_says_what_it_waits_for(coord, open, logs, &LEDGER);
}

fn a_drop_that_waits_for_a_destructor_says_so(logs: usize) {
    // Of the stall that it is, nobody else is told.
    let builder = Coordinator::builder().workers(1).on_stall(|_| ());
    let (coord, (open, gate)) = (builder.build().unwrap(), gate());
    coord.start().unwrap();
    let value = PassOnDrop(gate.clone());
    coord.task().name("ledger").go(async move {
        std::future::pending::<()>().await;
        drop(value);
    });
    assert_says_what_it_waits_for(coord, open, logs, &LEDGER);
}

fn a_drop_that_waits_for_a_hook_names_the_thread(logs: usize) {
    let (open, gate) = gate();
    let builder = Coordinator::builder().workers(1).thread_name("log-hook");
    let coord = builder.on_thread_stop(move |_| _ = gate.pass()).build().unwrap();
    coord.start().unwrap();
    block_on(coord.spawn(async {})).unwrap();
    assert_says_what_it_waits_for(coord, open, logs, &["waits for thread log-hook-"]);
}
