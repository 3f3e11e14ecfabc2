//! Warnings, to each log that the user has switched on by a feature: of the crate `log`, or
//! of `tracing`.

use crate::metrics::TaskInfo;
use crate::stall::Stall;

/// Whether there is any.
pub(crate) const IS_HEARD: bool = cfg!(any(feature = "log", feature = "tracing"));

pub(crate) fn of_stall(stall: &Stall) {
    #[cfg(feature = "log")]
    log::warn!(target: "oasync", "{stall}");
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "oasync",
        task = stall.id.map(|id| id.to_string()),
        name = stall.name.as_deref(),
        worker = stall.worker,
        lasts_ms = stall.lasts.as_millis() as u64,
        "{stall}"
    );
    let _ = stall;
}

/// The drop of a coordinator has waited for these for long.
pub(crate) fn of_drop(still_running: &[TaskInfo]) {
    let tasks: Vec<String> = still_running.iter().map(TaskInfo::to_string).collect();
    drop_waits_for(&tasks);
}

/// It has waited for these threads for long; all tasks have ended.
pub(crate) fn of_threads(names: &[String]) {
    let threads: Vec<String> = names.iter().map(|name| format!("thread {name}")).collect();
    drop_waits_for(&threads);
}

fn drop_waits_for(what: &[String]) {
    let line = format!("the drop of a coordinator waits for {}", what.join("; "));
    #[cfg(feature = "log")]
    log::warn!(target: "oasync", "{line}");
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "oasync", "{line}");
    let _ = line;
}
