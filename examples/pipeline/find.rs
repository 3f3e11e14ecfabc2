//! The first stage: finds the files.

use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use oasync::sync::CancelToken;
use oasync::sync::channel::Sender;

use crate::collect::{LISTENS, Outcome};
use crate::walk::{Found, Walk};

/// Sends the paths of all files below `root`, and what is no file straight to
/// the end.
pub fn files(
    root: &Path,
    paths: Sender<PathBuf>,
    outcomes: Sender<Outcome>,
    stop: CancelToken,
    bar: ProgressBar,
) -> impl Future<Output = ()> + Send + 'static {
    let mut walk = Walk::new(root);
    async move {
        loop {
            let batch = match stop.run_until_cancelled(walk.next()).await {
                None => return outcomes.send(Outcome::CutShort).await.expect(LISTENS),
                Some(None) => return,
                Some(Some(batch)) => batch,
            };
            for found in batch {
                let outcome = match found {
                    Found::File(path) => {
                        bar.inc_length(1);
                        paths.send(path).await.expect("readers outlive the walk");
                        continue;
                    }
                    Found::Folder => Outcome::Folder,
                    Found::Skipped(skipped) => Outcome::Skipped(skipped),
                    Found::Unreadable(skipped) => Outcome::Unreadable(skipped),
                };
                outcomes.send(outcome).await.expect(LISTENS);
            }
        }
    }
}
