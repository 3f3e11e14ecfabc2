//! Loom's atomics, with one thing mended.
//!
//! Loom finds the orders worth trying from pairs of accesses to one place that
//! depend on each other. Of all accesses before it remembers the last one only.
//! So if one thread loads, and then another loads and *stores* (a counter with one
//! writer, a load before a compare-exchange), it compares the store with the
//! second thread's own load, finds no race, and never tries the store first. Here
//! each load passes through a word that it seems to change; so any two loads
//! depend on each other, and are tried in both orders. The word is relaxed, and
//! hides no missing order. (The gap is known: tokio-rs/loom issues 166 and 392.)
//!
//! It doubles the steps of a load. Large models do without it for a higher bound;
//! see [`unmended`].

use std::cell::Cell;
use std::fmt;

use loom::sync::atomic;
pub use loom::sync::atomic::Ordering;

/// The word that loads pass through.
struct Loads(atomic::AtomicUsize);

impl Loads {
    fn pass(&self) {
        if !UNMENDED.with(Cell::get) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// Of the test's thread, on which loom runs all threads of its model.
std::thread_local! {
    static UNMENDED: Cell<bool> = const { Cell::new(false) };
}

/// Explores as loom does by itself.
pub fn unmended<R>(explore: impl FnOnce() -> R) -> R {
    UNMENDED.with(|unmended| unmended.set(true));
    let explored = explore();
    UNMENDED.with(|unmended| unmended.set(false));
    explored
}

macro_rules! common {
    ($name:ident, $value:ty $(, $t:ident)?) => {
        impl $(<$t>)? $name $(<$t>)? {
            pub fn new(value: $value) -> Self {
                $name { value: atomic::$name::new(value), loads: Loads(atomic::AtomicUsize::new(0)) }
            }

            pub fn load(&self, order: Ordering) -> $value {
                self.loads.pass();
                self.value.load(order)
            }

            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.value.swap(value, order)
            }

            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                order: Ordering,
                failed: Ordering,
            ) -> Result<$value, $value> {
                self.value.compare_exchange(current, new, order, failed)
            }

            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                order: Ordering,
                failed: Ordering,
            ) -> Result<$value, $value> {
                self.value.compare_exchange(current, new, order, failed)
            }
        }

        impl $(<$t>)? fmt::Debug for $name $(<$t>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

macro_rules! store {
    ($name:ident, $value:ty) => {
        impl $name {
            pub fn store(&self, value: $value, order: Ordering) {
                self.value.store(value, order);
            }
        }
    };
}

macro_rules! number {
    ($($name:ident: $value:ty),*) => { $(
        pub struct $name {
            value: atomic::$name,
            loads: Loads,
        }

        common!($name, $value);
        store!($name, $value);
        number!(@ops $name, $value, fetch_add fetch_sub fetch_max fetch_min fetch_or fetch_and);

        impl Default for $name {
            fn default() -> Self {
                $name::new(0)
            }
        }
    )* };
    (@ops $name:ident, $value:ty, $($op:ident)*) => {
        impl $name {
            $(pub fn $op(&self, value: $value, order: Ordering) -> $value {
                self.value.$op(value, order)
            })*
        }
    };
}

number!(AtomicU8: u8, AtomicU16: u16, AtomicU64: u64, AtomicUsize: usize);

pub struct AtomicBool {
    value: atomic::AtomicBool,
    loads: Loads,
}

common!(AtomicBool, bool);
store!(AtomicBool, bool);

impl Default for AtomicBool {
    fn default() -> Self {
        AtomicBool::new(false)
    }
}

pub struct AtomicPtr<T> {
    value: atomic::AtomicPtr<T>,
    loads: Loads,
}

common!(AtomicPtr, *mut T, T);

impl<T> AtomicPtr<T> {
    /// A swap, for a store confuses loom: if a thread reads null and stores, and
    /// another swaps null for null in between, loom has the first read the second's
    /// null after its own store. But that swap comes right behind the null that it
    /// read, and so does the store behind both.
    pub fn store(&self, value: *mut T, order: Ordering) {
        self.value.swap(value, order);
    }
}

impl<T> Default for AtomicPtr<T> {
    fn default() -> Self {
        AtomicPtr::new(std::ptr::null_mut())
    }
}
