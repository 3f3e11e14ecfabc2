//! Runs a model through every schedule within the bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::atomic::unmended;

/// How often a schedule may take the processor from a thread that could go on,
/// unless `LOOM_MAX_PREEMPTIONS` says otherwise.
const PREEMPTIONS: usize = 2;

/// Checks `model` under every schedule with at most two preemptions.
pub fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    explore_with(name, PREEMPTIONS, model);
}

/// The same with another bound.
pub fn explore_with(name: &str, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 20_000;
    let bound = builder.preemption_bound;
    let schedules = Arc::new(AtomicUsize::new(0));
    let (counter, start) = (schedules.clone(), Instant::now());
    builder.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let (schedules, time) = (schedules.load(Ordering::Relaxed), start.elapsed());
    println!("model {name}: {schedules} schedules, {bound:?} preemptions, {time:.1?}");
}

/// For a large model: one preemption with [mended](crate::atomic) loads, then two
/// as loom does by itself. For a release, `LOOM_MAX_PREEMPTIONS` sets both.
pub fn explore_large(name: &str, model: impl Fn() + Copy + Send + Sync + 'static) {
    explore_with(name, 1, model);
    unmended(|| explore_with(&format!("{name}, loads unmended"), 2, model));
}
