//! Sequentially consistent accesses, as far as a pair of stores and loads goes.
//!
//! Loom takes a `SeqCst` access as `AcqRel`: it lets a store and a later load of
//! another place change order, which the language forbids if both are `SeqCst`.
//! Where the sources rely on that and a fence would cost a worker on its
//! fast path, a model takes its atomics from here. A load that is `SeqCst` and
//! comes after a store or read-modify-write of the same thread that is `SeqCst`
//! passes a full fence first. Weaken either of the two, and the fence is gone. If a
//! weaker store comes between them, the fence is before that, and does not hold for it.

use std::cell::Cell;

use loom::sync::atomic::fence;

use crate::atomic;
pub use crate::atomic::Ordering;

loom::thread_local! {
    static WROTE: Cell<bool> = Cell::new(false);
}

fn wrote(order: Ordering) {
    if order == Ordering::SeqCst {
        WROTE.with(|wrote| wrote.set(true));
    }
}

fn stores(order: Ordering) {
    if order != Ordering::SeqCst {
        separate();
    }
}

fn reads(order: Ordering) {
    if order == Ordering::SeqCst {
        separate();
    }
}

fn separate() {
    if WROTE.with(|wrote| wrote.replace(false)) {
        fence(Ordering::SeqCst);
    }
}

macro_rules! atomic {
    ($($name:ident: $value:ty),*) => { $(
        #[derive(Debug, Default)]
        pub struct $name(atomic::$name);

        impl $name {
            pub fn new(value: $value) -> Self {
                $name(atomic::$name::new(value))
            }

            pub fn load(&self, order: Ordering) -> $value {
                reads(order);
                self.0.load(order)
            }

            pub fn store(&self, value: $value, order: Ordering) {
                stores(order);
                self.0.store(value, order);
                wrote(order);
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                stores(order);
                let old = self.0.swap(value, order);
                wrote(order);
                old
            }

            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                order: Ordering,
                failed: Ordering,
            ) -> Result<$value, $value> {
                stores(order);
                let old = self.0.compare_exchange(current, new, order, failed)?;
                wrote(order);
                Ok(old)
            }

            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                order: Ordering,
                failed: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, order, failed)
            }

            pub fn fetch_update(
                &self,
                order: Ordering,
                failed: Ordering,
                mut new: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut seen = self.load(failed);
                while let Some(new) = new(seen) {
                    match self.compare_exchange(seen, new, order, failed) {
                        Ok(old) => return Ok(old),
                        Err(now) => seen = now,
                    }
                }
                Err(seen)
            }

            atomic!(@both $value, fetch_add fetch_sub fetch_max fetch_min fetch_or fetch_and);
        }
    )* };
    (@both $value:ty, $($op:ident)*) => { $(
        pub fn $op(&self, value: $value, order: Ordering) -> $value {
            stores(order);
            let old = self.0.$op(value, order);
            wrote(order);
            old
        }
    )* };
}

atomic!(AtomicU8: u8, AtomicU64: u64, AtomicUsize: usize);
