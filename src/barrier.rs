//! A fence that is free on one side.
//!
//! Every push to a queue needs a full fence before it looks whether someone has
//! to be woken, and every sleeper one before it looks at the queues a last time.
//! Pushes of a worker to its own queue are frequent and sleeps are not, so Linux's
//! `membarrier` (4.14) puts the whole cost on the sleeper: [`heavy`] makes every
//! running thread of the process pass a full fence, so that [`light`] need only
//! keep the compiler from reordering. The argument is in `idle/README.md`.
//! (The pairing is that of `urcu` and of Folly's `asymmetricThreadFence`.)
//! Where the system call is missing, both are `fence(SeqCst)`.
//!
//! Measured on a 2-core Xeon: 0.15–0.2 us for `heavy`, 8 ns for a full fence.

use std::sync::atomic::{AtomicBool, compiler_fence};

use crate::sync_facade::{Ordering, fence};

/// Whether the process is registered (under `shuttle`, never); set before the first coordinator is made,
/// and never changed after.
static ASYMMETRIC: AtomicBool = AtomicBool::new(false);

/// Asks the system for the asymmetric fence, once for the process.
pub(crate) fn init() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| ASYMMETRIC.store(system::register(), Ordering::Relaxed));
}

/// The pusher's side, if it pushes to its own queue; others have a full fence.
#[inline]
pub(crate) fn light() {
    if ASYMMETRIC.load(Ordering::Relaxed) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The side of those who look before they sleep. A full fence too, for those who
/// push with one.
pub(crate) fn heavy() {
    fence(Ordering::SeqCst);
    if ASYMMETRIC.load(Ordering::Relaxed) {
        system::barrier();
    }
}

#[cfg(all(target_os = "linux", not(any(miri, shuttle))))]
mod system {
    /// The commands of `membarrier(2)`.
    const GLOBAL: libc::c_int = 1;
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    fn membarrier(command: libc::c_int) -> libc::c_long {
        // SAFETY: the call takes numbers only and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }

    pub(super) fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED) == 0
    }

    pub(super) fn barrier() {
        // A filter set up since, or want of memory, may refuse the fast command;
        // the slow one needs neither registration nor memory.
        if membarrier(PRIVATE_EXPEDITED) != 0 && membarrier(GLOBAL) != 0 {
            // Pushes rely on this fence, and there is none without it.
            eprintln!("oasync: the system refuses membarrier, which it granted before");
            std::process::abort();
        }
    }
}

#[cfg(any(not(target_os = "linux"), miri, shuttle))]
mod system {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn barrier() {}
}
