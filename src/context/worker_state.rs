//! What a thread keeps for the user: see [`with_worker_state`](crate::with_worker_state()).

use std::any::Any;
use std::cell::RefCell;

use crate::context::Entry;

/// In the outermost entry of a thread for its coordinator.
pub(super) struct WorkerState {
    /// `None` when it has been dropped. Borrowed while the user's code has it.
    value: RefCell<Option<Box<dyn Any>>>,
    type_name: &'static str,
}

impl Entry<'_> {
    /// Calls `f` with the worker state of this thread, or says why there is none; see
    /// [`with_worker_state`](crate::with_worker_state).
    pub(crate) fn with_state<S: 'static, R>(&self, f: impl FnOnce(&S) -> R) -> Result<R, String> {
        let shared = &**self.shared;
        let own = |entry: &&Entry<'_>| entry.is_of(shared);
        let home = self.ancestors().filter(own).last().unwrap_or_else(|| unreachable!());
        let Some(maker) = &shared.options.worker_state else {
            return Err("the coordinator was built without `worker_state`".to_owned());
        };
        let state = home.state.get_or_init(|| WorkerState {
            value: RefCell::new(Some((maker.make)(&home.info()))),
            type_name: maker.type_name,
        });
        let value = state.value.borrow();
        let Some(value) = &*value else {
            return Err("the worker state was dropped, for its thread ends".to_owned());
        };
        let wrong = || format!("this coordinator's worker state is a `{}`", state.type_name);
        value.downcast_ref().map(f).ok_or_else(wrong)
    }

    /// Drops the worker state. Not inside of `with_state`.
    pub(crate) fn drop_state(&self) {
        let value = self.state.get().and_then(|state| state.value.take());
        self.shared.hooks.contain(|| drop(value));
    }
}
