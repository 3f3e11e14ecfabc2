//! The primitives that the protocols are written in, in one place, so that a
//! model checker's can take theirs: `std`'s in `native`, those of the randomised
//! scheduler `shuttle` (under `--cfg shuttle`, for `tests/shuttle`) in `shuttle`.
//! Everything that synchronises, sleeps, reads the clock or throws dice comes from
//! here, but for what takes part in no protocol: what is static is `std`'s directly, and
//! the `blocking` forms in `sync` sleep as `futures-lite` does.

#[cfg(not(shuttle))]
mod native;
#[cfg(shuttle)]
pub(crate) mod shuttle;

#[cfg(not(shuttle))]
pub(crate) use native::*;
#[cfg(shuttle)]
pub(crate) use shuttle::*;

/// Locks `mutex`, also after a panic under it: no lock of this crate is held
/// while user code runs, so what it guards is never half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
