//! How the pipeline is told to stop: two tokens, one above the other.

use std::io;
use std::process;
use std::time::Duration;

use oasync::sync::CancelToken;

pub struct Stop {
    /// Cancelled, nothing more is found.
    pub walk: CancelToken,
    /// Its child: cancelled, nothing more is read or hashed.
    pub work: CancelToken,
}

impl Stop {
    pub fn new() -> Self {
        let walk = CancelToken::new();
        Stop { work: walk.child(), walk }
    }

    /// Stops the work after `limit`.
    pub fn after(&self, limit: Duration) {
        let work = self.work.clone();
        if limit.is_zero() {
            work.cancel(); // before anything begins
        } else {
            oasync::task().after(limit).name("deadline").go(async move { work.cancel() });
        }
    }

    /// Ctrl-C stops the work, then the walk, then the process.
    pub fn on_ctrl_c(&self) -> io::Result<()> {
        let (walk, work) = (self.walk.clone(), self.work.clone());
        let handler = move || {
            if !work.is_cancelled() {
                work.cancel();
            } else if !walk.is_cancelled() {
                walk.cancel();
            } else {
                process::exit(130);
            }
        };
        ctrlc::set_handler(handler).map_err(io::Error::other)
    }
}
