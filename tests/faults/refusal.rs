//! Refuses one thread after the other, and counts what came of it.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_long, c_void};

use crate::ARMED;

/// The functions of the library.
struct Refusal {
    refuse: extern "C" fn(c_long, c_int),
    allow: extern "C" fn() -> c_long,
}

fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: a search among the loaded libraries, by a name that ends with NUL.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    assert!(!found.is_null(), "the library is not loaded");
    found
}

impl Refusal {
    fn load() -> Self {
        let (refuse, allow) = (symbol(c"refuse_threads"), symbol(c"allow_threads"));
        // SAFETY: these are the signatures in `refuse_threads.c`.
        unsafe {
            Refusal {
                refuse: std::mem::transmute::<*mut c_void, extern "C" fn(c_long, c_int)>(refuse),
                allow: std::mem::transmute::<*mut c_void, extern "C" fn() -> c_long>(allow),
            }
        }
    }
}

/// Of one thread, or also of all later ones; counted from where it begins.
#[derive(Clone, Copy)]
pub struct Refused {
    refuse: extern "C" fn(c_long, c_int),
    n: c_long,
    all: bool,
}

impl Refused {
    pub fn begin(self) {
        (self.refuse)(self.n, c_int::from(self.all));
    }
}

/// How often a scenario came to each of its points. A refusal may keep it from one, but not
/// each of them.
pub struct Points<'a>(Vec<(&'a str, Cell<usize>)>);

impl Points<'_> {
    pub fn reach(&self, point: &str) {
        let times = self.0.iter().find(|(name, _)| *name == point);
        times.map(|(_, times)| times.set(times.get() + 1)).expect("a point of the scenario");
    }

    fn assert_all_reached(&self) {
        for (name, times) in &self.0 {
            println!("{name}: {} times", times.get());
            assert!(times.get() > 0, "a refusal kept it from this each time");
        }
    }
}

/// Calls `scenario` with the number of workers for every refusal, also of all later
/// threads.
pub fn for_each_refusal<const N: usize>(points: [&str; N], scenario: impl Fn(usize, &Points<'_>)) {
    for_each(&points, &[false, true], |workers, points, refused| {
        refused.begin();
        scenario(workers, points);
    });
}

/// The same, but the scenario says where it begins.
pub fn for_each_later_refusal<const N: usize>(
    points: [&str; N],
    scenario: impl Fn(usize, &Points<'_>, Refused),
) {
    for_each(&points, &[false, true], scenario);
}

/// As `for_each_refusal`, of one thread at a time.
pub fn for_each_single_refusal<const N: usize>(
    points: [&str; N],
    scenario: impl Fn(usize, &Points<'_>),
) {
    for_each(&points, &[false], |workers, points, refused| {
        refused.begin();
        scenario(workers, points);
    });
}

fn for_each(points: &[&str], and_later: &[bool], scenario: impl Fn(usize, &Points<'_>, Refused)) {
    if std::env::var_os(ARMED).is_none() {
        return; // one of the tests in `main.rs` runs it
    }
    let refusal = Refusal::load();
    let points = Points(points.iter().map(|&point| (point, Cell::default())).collect());
    let mut refused = 0;
    for workers in [1, 2, 3] {
        for n in 0..=workers + 3 {
            for &all in and_later {
                println!(
                    "{workers} workers, thread {n}{}",
                    if all { " and all later" } else { "" }
                );
                let refuse = refusal.refuse;
                scenario(workers, &points, Refused { refuse, n: n as c_long, all });
                refused += (refusal.allow)();
            }
        }
    }
    assert!(refused > 0);
    points.assert_all_reached();
    println!("{refused} refused in all");
}
