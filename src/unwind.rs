//! What may be used again after a caught panic: [`UnwindSafe`] and [`RefUnwindSafe`].
//!
//! The compiler cannot tell, for there are closures, cells and raw pointers inside. The
//! argument is the same for all of them. Code of the user's is called between our steps
//! and under no lock, so its panic leaves what is shared as it was before the call; and
//! nothing here lets one look at a value of the user's that such code was changing. What
//! these types do give out was moved in whole.
//!
//! The types that refer to a coordinator follow from [`Shared`], groups and scopes among
//! them, as far as they are not named here.

use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::shared::Shared;
use crate::task::sink::Leash;
use crate::{Arena, Broadcast, Builder, Cancel, JoinHandle, Scope, Scoped};

impl UnwindSafe for Shared {}
impl RefUnwindSafe for Shared {}

/// Its closures are called by the coordinator that it builds, which catches their panics.
impl UnwindSafe for Builder {}
impl RefUnwindSafe for Builder {}

// The result of a task is whole: if making it panicked, there is none.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}
impl<T> UnwindSafe for Cancel<T> {}
impl<T> RefUnwindSafe for Cancel<T> {}
impl<T> UnwindSafe for Broadcast<T> {}
impl<T> RefUnwindSafe for Broadcast<T> {}
impl UnwindSafe for Leash {}
impl RefUnwindSafe for Leash {}

// Its mutable references only make it invariant.
impl UnwindSafe for Scope<'_, '_> {}

// What was being made when a closure panicked is lost in there: nobody has a reference to it.
impl UnwindSafe for Arena {}
impl RefUnwindSafe for Arena {}

// Here the user's own future and value are inside, and decide.
impl<T: UnwindSafe + RefUnwindSafe, F: UnwindSafe> UnwindSafe for Scoped<T, F> {}
impl<T: RefUnwindSafe, F: RefUnwindSafe> RefUnwindSafe for Scoped<T, F> {}
