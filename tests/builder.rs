//! Promise: each option of the builder takes effect, 0 means none or, where that makes no
//! sense, the default, and nonsense is refused with a sentence that names it.

mod common;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use oasync::{Builder, Coordinator, WorkerInfo, WorkerKind};

use common::{LONG, eventually};

fn started(builder: Builder) -> Coordinator {
    let coord = builder.build().unwrap();
    coord.start().unwrap();
    coord
}

/// No blocking thread polls tasks because a worker is left without a processor.
fn without_help() -> Builder {
    Coordinator::builder().stall_threshold(10 * LONG)
}

/// Runs `f` in `n` tasks that are all being polled at the same time.
fn on_all_workers<T, F>(coord: &Coordinator, n: usize, f: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn() -> T + Send + Sync + 'static,
{
    let (here, f) = (Arc::new(AtomicUsize::new(0)), Arc::new(f));
    let tasks: Vec<_> = (0..n)
        .map(|_| {
            let (here, f) = (here.clone(), f.clone());
            coord.spawn(async move {
                here.fetch_add(1, Ordering::SeqCst);
                eventually("all workers meet", || here.load(Ordering::SeqCst) == n);
                f()
            })
        })
        .collect();
    tasks.into_iter().map(|task| block_on(task).unwrap()).collect()
}

fn thread_name() -> String {
    thread::current().name().unwrap().to_owned()
}

#[test]
fn workers() {
    for n in [1, 2, 5] {
        let coord = started(without_help().workers(n));
        assert_eq!(coord.metrics().num_workers(), n);
        let mut indices = on_all_workers(&coord, n, || {
            let info = oasync::worker_info().unwrap();
            assert_eq!(info.kind(), WorkerKind::Worker);
            info.index()
        });
        indices.sort();
        assert!(indices.into_iter().eq(0..n));
        assert_eq!(coord.metrics().num_worker_threads(), n);
    }
}

#[test]
fn thread_names() {
    let coord = started(without_help().workers(2).thread_name("crawler"));
    let mut names = on_all_workers(&coord, 2, thread_name);
    names.sort();
    assert_eq!(names, ["crawler-0", "crawler-1"]);
    let name = block_on(coord.spawn_blocking(thread_name)).unwrap();
    assert_eq!(name, "crawler-pool-0");
    let coord = started(without_help().workers(1));
    assert_eq!(block_on(coord.spawn(async { thread_name() })).unwrap(), "oasync-0");
}

/// Touches 1 MiB of stack.
fn deep() -> u64 {
    let mut array = [0u8; 1 << 20];
    for (i, byte) in array.iter_mut().enumerate() {
        *byte = i as u8;
    }
    std::hint::black_box(&array).iter().map(|&byte| u64::from(byte)).sum()
}

#[test]
fn stack_size() {
    let coord = started(Coordinator::builder().workers(1).stack_size(8 << 20));
    let sum = deep();
    assert_eq!(block_on(coord.spawn(async { deep() })).unwrap(), sum);
    assert_eq!(block_on(coord.spawn_blocking(deep)).unwrap(), sum);
    let small = started(Coordinator::builder().workers(1).stack_size(64 << 10));
    assert_eq!(block_on(small.spawn(async { 1 })).unwrap(), 1);
}

#[test]
fn a_stack_that_the_system_refuses_is_an_error_of_start() {
    let coord = Coordinator::builder().workers(2).stack_size(usize::MAX / 2).build().unwrap();
    let task = coord.spawn(async { 1 });
    if coord.start().is_err() {
        assert!(!task.is_finished(), "it stays queued");
        assert_eq!(coord.metrics().num_worker_threads(), 0);
    }
    assert_eq!(coord.block_on(task).unwrap(), 1, "the caller works without a thread");
    // So do closures and nested calls.
    let sum = coord.block_on(async {
        let closure = oasync::spawn_blocking(|| 2);
        let nested = oasync::spawn(async { oasync::block_on(oasync::spawn(async { 3 })) });
        closure.await.unwrap() + nested.await.unwrap().unwrap()
    });
    assert_eq!(sum, 5);
    let left = coord.spawn(std::future::pending::<()>());
    assert!(coord.shutdown(Duration::ZERO).still_running.is_empty());
    assert!(block_on(left).unwrap_err().is_cancelled());
}

#[test]
fn blocking_threads() {
    for max in [1, 3] {
        let coord = started(Coordinator::builder().workers(1).blocking_threads(max));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (entered, running) = mpsc::channel();
        let (release, go) = mpsc::channel::<()>();
        let go = Arc::new(Mutex::new(go));
        let closures: Vec<_> = (0..max * 4)
            .map(|_| {
                let (now, most) = (now.clone(), most.clone());
                let (entered, go) = (entered.clone(), go.clone());
                coord.spawn_blocking(move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    entered.send(()).unwrap();
                    go.lock().unwrap().recv().unwrap();
                    now.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for _ in 0..max {
            running.recv_timeout(LONG).expect("as many run as may");
        }
        assert!(running.try_recv().is_err(), "no more than may run");
        assert_eq!(coord.metrics().num_blocking_threads(), max);
        assert_eq!(coord.metrics().blocking_queue_depth(), max * 3);
        (0..max * 4).for_each(|_| release.send(()).unwrap());
        closures.into_iter().for_each(|closure| block_on(closure).unwrap());
        assert_eq!(most.load(Ordering::SeqCst), max);
    }
}

#[test]
fn keep_alive() {
    let short = Duration::from_millis(20);
    let coord = started(Coordinator::builder().workers(1).keep_alive(short));
    block_on(coord.spawn_blocking(|| ())).unwrap();
    eventually("the idle thread ends", || coord.metrics().num_blocking_threads() == 0);
    assert_eq!(block_on(coord.spawn_blocking(|| 1)).unwrap(), 1, "another one starts");

    let coord = started(Coordinator::builder().workers(1).keep_alive(LONG));
    let first = block_on(coord.spawn_blocking(|| thread::current().id())).unwrap();
    eventually("it is idle", || coord.metrics().num_idle_blocking_threads() == 1);
    let second = block_on(coord.spawn_blocking(|| thread::current().id())).unwrap();
    assert_eq!(first, second, "the idle thread is used again");

    // More than the clock can add up to: for ever.
    let coord = started(Coordinator::builder().workers(1).keep_alive(Duration::MAX));
    block_on(coord.spawn_blocking(|| ())).unwrap();
    eventually("it is idle", || coord.metrics().num_idle_blocking_threads() == 1);
    assert_eq!(block_on(coord.spawn_blocking(|| 2)).unwrap(), 2);
}

#[test]
fn thread_hooks_are_called_once_for_each_thread() {
    type Calls = Arc<Mutex<HashMap<thread::ThreadId, Vec<WorkerInfo>>>>;
    let (starts, stops) = (Calls::default(), Calls::default());
    let note = |calls: &Calls| {
        let calls = calls.clone();
        move |info: &WorkerInfo| {
            let same = oasync::worker_info() == Some(*info);
            assert!(same, "the hook is called inside of the coordinator");
            let mut calls = calls.lock().unwrap();
            calls.entry(thread::current().id()).or_default().push(*info);
        }
    };
    let builder = without_help().workers(2).thread_name("hooked");
    let builder = builder.on_thread_start(note(&starts)).on_thread_stop(note(&stops));
    let coord = started(builder);
    let seen = starts.clone();
    let mine = move || {
        let info = oasync::worker_info().unwrap();
        let id = thread::current().id();
        assert_eq!(seen.lock().unwrap()[&id], [info], "called before anything else");
        (id, info)
    };
    let mut threads = on_all_workers(&coord, 2, mine.clone());
    threads.push(block_on(coord.spawn_blocking(mine)).unwrap());
    assert!(stops.lock().unwrap().is_empty());
    coord.block_on(async {});
    let handle = coord.handle();
    drop(coord);
    let threads: HashMap<_, _> = threads.into_iter().map(|(id, info)| (id, vec![info])).collect();
    assert_eq!(threads.len(), 3);
    let kinds = |kind| threads.values().filter(|info| info[0].kind() == kind).count();
    assert_eq!((kinds(WorkerKind::Worker), kinds(WorkerKind::Blocking)), (2, 1));
    // Not for the caller of `block_on`, whose thread it is not.
    let starts = starts.lock().unwrap();
    assert!(threads.iter().all(|(id, info)| starts.get(id) == Some(info)), "{starts:?}");
    assert!(starts.values().all(|infos| infos.len() == 1), "{starts:?}");
    assert!(!starts.contains_key(&thread::current().id()));
    assert_eq!(*stops.lock().unwrap(), *starts);
    assert_eq!(handle.metrics().panics(), 0);
}

#[test]
fn zero_is_none_where_that_makes_sense() {
    let builder = Coordinator::builder().workers(1).keep_alive(Duration::ZERO).arena_keep(0);
    let coord = started(builder);
    for n in 0..100 {
        assert_eq!(block_on(coord.spawn_blocking(move || n)).unwrap(), n);
    }
    eventually("the threads end", || coord.metrics().num_blocking_threads() == 0);
    let task = coord.spawn(async { *oasync::arena().alloc(1) });
    assert_eq!(block_on(task).unwrap(), 1);
    assert_eq!(coord.metrics().arena_bytes(), 0);
}

#[test]
fn zero_is_the_default_where_none_makes_no_sense() {
    let all = |builder: Builder| builder.workers(0).blocking_threads(0).stack_size(0);
    let zero = all(Coordinator::builder()).stall_threshold(Duration::ZERO);
    let (zero, unset) = (started(zero), started(Coordinator::builder()));
    let cores = thread::available_parallelism().unwrap().get();
    for coord in [&zero, &unset] {
        assert_eq!(coord.metrics().num_workers(), cores);
        block_on(coord.spawn_blocking(|| ())).unwrap();
        eventually("it is idle", || coord.metrics().num_idle_blocking_threads() == 1);
        // 512 blocking threads, which none of us wants to start; more than one, then.
        let (tx, rx) = mpsc::channel();
        let pair = [coord.spawn_blocking(move || rx.recv().unwrap())];
        block_on(coord.spawn_blocking(move || tx.send(()).unwrap())).unwrap();
        pair.into_iter().for_each(|closure| block_on(closure).unwrap());
    }
}

#[test]
fn nonsense_is_refused_with_a_sentence_that_names_it() {
    #[track_caller]
    fn refused(builder: Builder, option: &str, value: &str) {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let sentence = error.to_string();
        assert!(sentence.contains(option) && sentence.contains(value), "{sentence}");
    }
    let new = Coordinator::builder;
    refused(new().workers(1025), "workers", "1025");
    refused(new().workers(usize::MAX), "workers", &usize::MAX.to_string());
    refused(new().blocking_threads(32_769), "blocking_threads", "32769");
    refused(new().stack_size(1), "stack_size", "1 bytes");
    refused(new().stack_size(16_383), "stack_size", "16383");
    refused(new().thread_name(""), "thread_name", "empty");
    refused(new().thread_name("a\0b"), "thread_name", "\"a\\0b\"");
    // The most that is allowed is allowed.
    let most = new().workers(1024).blocking_threads(32_768).stack_size(16_384).thread_name("é");
    assert_eq!(most.build().unwrap().metrics().num_workers(), 1024);
}

#[test]
fn a_builder_shows_its_options() {
    let shown = format!("{:?}", Coordinator::builder().workers(3).thread_name("shown"));
    assert!(shown.contains("workers: 3") && shown.contains("shown"), "{shown}");
}
