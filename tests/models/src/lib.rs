//! What the models put in the place of `src/sync_facade.rs` and of a few crates, so
//! that they can include the *real* source files of oasync by `#[path]`.
//!
//! Each model is a crate of its own (a file beside `Cargo.toml`): it names its
//! stand-ins where the sources expect `crate::sync_facade`, `crate::task` and so on.

mod arena;
pub mod atomic;
pub mod explore;
pub mod ring;
pub mod sc;
pub mod sync_facade;
pub mod task;
pub mod time;

pub use explore::{explore, explore_large, explore_with};

// A model that says `extern crate oasync_models as bumpalo` finds it here.
pub use arena::Bump;
