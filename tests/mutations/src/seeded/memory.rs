//! Bugs that touch memory that is freed, or never free it, which the sanitizers notice.

use super::{Bug, Catcher};

pub fn bugs() -> Vec<Bug> {
    vec![
        Bug {
            name: "a scope may return before a result that borrows is dropped",
            file: "src/scope/mod.rs",
            sound: "        match kept {\n            Some(slot) => slot.fill(outcome),\n            None => hooks.guard(|| inner.drop_outcome(outcome)),\n        }\n        // Last: from here on, what the task borrowed may be gone.\n        inner.leave();\n",
            broken: "        inner.leave();\n        match kept {\n            Some(slot) => slot.fill(outcome),\n            None => hooks.guard(|| inner.drop_outcome(outcome)),\n        }\n",
            by: sanitized!(
                "windows",
                "a_result_that_nobody_takes_is_dropped_before_its_scope_returns"
            ),
            quick: false,
        },
        Bug {
            name: "what few tasks have is never freed",
            file: "src/task/origin.rs",
            sound: "            drop(unsafe { Box::from_raw(extra.as_ptr()) });",
            broken: "            let _ = extra;",
            by: sanitized!("windows", "tasks_are_listed_while_they_end"),
            quick: false,
        },
    ]
}
