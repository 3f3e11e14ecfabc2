//! What a thread keeps for the user: see [`with_worker_state`](crate::with_worker_state()).

use std::any::Any;

use crate::context::Entry;
use crate::hooks::Hooks;

/// In the outermost entry of a thread for its coordinator.
pub(super) struct WorkerState {
    value: Option<Box<dyn Any>>,
    type_name: &'static str,
}

impl WorkerState {
    pub(super) fn drop_value(&mut self, hooks: &Hooks) {
        let value = self.value.take();
        hooks.contain(|| drop(value));
    }
}

impl Entry<'_> {
    /// The worker state of this thread, or why there is none; see
    /// [`with_worker_state`](crate::with_worker_state).
    pub(crate) fn state<S: 'static>(&self) -> Result<&S, String> {
        let shared = &**self.shared;
        let own = |entry: &&Entry<'_>| entry.is_of(shared);
        let home = self.ancestors().filter(own).last().unwrap_or_else(|| unreachable!());
        let Some(maker) = &shared.options.worker_state else {
            return Err("the coordinator was built without `worker_state`".to_owned());
        };
        let state = home.state.get_or_init(|| WorkerState {
            value: Some((maker.make)(&home.info())),
            type_name: maker.type_name,
        });
        let value = state.value.as_ref().and_then(|value| value.downcast_ref());
        value.ok_or_else(|| format!("this coordinator's worker state is a `{}`", state.type_name))
    }
}
