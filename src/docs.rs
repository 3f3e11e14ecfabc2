//! The pages that do not belong to one item. They are modules in the documentation only.
//!
//! All code on them is compiled and run, as the examples of items are.

/// Where the pages' links to each other lead. A page ends with its own definitions, which
/// work in the sources; of two definitions the first one counts, and these come first.
macro_rules! links {
    () => {
        "[guide]: crate::docs::guide
[guide-blocking]: crate::docs::guide#blocking-closures
[guide-io]: crate::docs::guide#io
[guide-stalls]: crate::docs::guide#stalls
[guide-task-local]: crate::docs::guide#task-local-values
[guide-timers]: crate::docs::guide#timers
[odin]: crate::docs::from_odin
[odin-primitives]: crate::docs::from_odin_primitives
[odin-backpressure]: crate::docs::from_odin_primitives#backpressure
[odin-channels]: crate::docs::from_odin_primitives#channels
[odin-cyclic-barrier]: crate::docs::from_odin_primitives#cyclic-barrier
[odin-latch]: crate::docs::from_odin_primitives#count-down-latch
[odin-resources]: crate::docs::from_odin_primitives#resources
[odin-semaphore]: crate::docs::from_odin_primitives#semaphore
[odin-task-chaining]: crate::docs::from_odin_primitives#task-chaining
[architecture-fairness]: crate::docs::architecture#fairness
[reliability]: crate::docs::reliability
[mutants]: crate::docs::mutants
[options]: crate::Builder
[proof-idle]: ../../../src/oasync/idle/mod.rs.html
[proof-timers]: ../../../src/oasync/timers/mod.rs.html
[figure]: data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7
"
    };
}

/// A page, with its figure on top. To `cargo test` it is the file alone: then a test is
/// named by the file's lines.
macro_rules! page {
    ($module:ident: $summary:literal, $file:literal $(, $figure:literal)?) => {
        #[cfg_attr(not(doctest), doc = $summary, doc = "", doc = links!(), doc = "")]
        $(#[cfg_attr(not(doctest), doc = include_str!($figure), doc = "")])?
        #[doc = include_str!($file)]
        pub mod $module {}
    };
}

page!(guide: "From spawning to shutdown, and the pitfalls.", "../docs/guide.md");
page!(from_tokio: "What each item of tokio, smol and rayon is called here.", "../docs/from-tokio.md");
page!(from_odin: "Each feature of the Odin library, and the Rust that does it.", "../docs/from-odin.md");
page!(
    from_odin_primitives: "The Odin library's synchronization primitives.",
    "../docs/from-odin-primitives.md"
);
page!(
    architecture: "How it works inside, and why so.",
    "../docs/architecture.md", "../docs/architecture.svg"
);
page!(
    benchmarks: "Against tokio, async-executor, blocking and rayon.",
    "../docs/benchmarks.md", "../docs/benchmarks.svg"
);
page!(reliability: "What happens on a bad day, and how that was tested.", "../docs/reliability.md");
page!(mutants: "Small changes to the sources, and which of them no test notices.", "../docs/mutants.md");
