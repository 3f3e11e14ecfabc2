//! Bugs in the protocol of the timers; the steps are those of its README.

use super::{Bug, Catcher};

const TIMERS: &str = "src/timers/mod.rs";
const SHARD: &str = "src/timers/shard.rs";
const WATCH: &str = "src/watch/look.rs";
const WORKER: &str = "src/worker.rs";

const OUTSIDE: Catcher = model!("timers", "a_timer_added_without_a_seat_is_fired");
const EARLIER: Catcher = model!("timers", "who_holds_a_later_timer_is_woken_for_an_earlier_one");
const SEATED: Catcher = model!("timers", "a_timer_added_on_a_seat_is_fired");
const LEAVES: Catcher = model!("timers", "who_leaves_sends_for_another_holder");
const STUCK: Catcher =
    model!("timers", "who_adds_a_timer_and_gets_stuck_without_a_watcher_sends_for_a_holder");
const LONG_POLL: Catcher = model!("timers", "a_holder_that_finds_other_work_is_replaced");
const FOREIGN: Catcher = model!("timers", "timers_whose_wakers_are_not_the_runtimes_are_all_fired");
const FIRE: Catcher = model!("timers", "what_is_added_beside_a_fire_is_fired_or_waited_for");
const END: Catcher = model!("timers", "a_timer_added_beside_the_end_is_refused_or_woken");
const WATCHER: Catcher = model!("watcher", "a_watcher_that_goes_to_sleep_fires_the_timers");
const WATCHER_EARLIER: Catcher =
    model!("watcher", "a_watcher_that_sleeps_for_a_later_timer_is_woken_for_an_earlier_one");

pub fn bugs() -> Vec<Bug> {
    let mut bugs = holders();
    bugs.extend(fires());
    bugs.extend(watcher());
    bugs
}

fn bug(
    name: &'static str,
    file: &'static str,
    sound: &'static str,
    broken: &'static str,
    by: Catcher,
) -> Bug {
    Bug { name, file, sound, broken, by, quick: true }
}

/// A1 to A4, R1 to R4.
fn holders() -> Vec<Bug> {
    vec![
        bug(
            "who adds a timer without a seat sends for nobody",
            TIMERS,
            "if context::seat(self).is_none() || self.watcher.is_refused() {",
            "if self.watcher.is_refused() {",
            OUTSIDE,
        ),
        bug(
            "the holder is not woken for an earlier timer",
            TIMERS,
            "Some(parker) => parker.unpark(),",
            "Some(_) => {}",
            EARLIER,
        ),
        bug(
            "who announced when it wakes does not read the earliest timer again",
            TIMERS,
            "if self.next.load(Ordering::SeqCst) >= next {",
            "if true {",
            WATCHER_EARLIER,
        ),
        bug(
            "a thread that rests does not take the role for an earlier timer",
            TIMERS,
            "if !own && self.until.load(Ordering::SeqCst) <= next {",
            "if !own && holder.is_some() {",
            SEATED,
        ),
        bug(
            "the role is given up and kept in the word",
            TIMERS,
            "            *holder = None;\n            self.until.store(NEVER, Ordering::SeqCst);",
            "            *holder = None;",
            LEAVES,
        ),
        bug(
            "who leaves sends for no other holder",
            WORKER,
            "    }\n    shared.send_for_holder();",
            "    }",
            LEAVES,
        ),
        bug(
            "without a watcher a holder with other work tells nobody",
            TIMERS,
            "if self.timers.resign(parker) && self.watcher.is_refused() {",
            "if self.timers.resign(parker) && false {",
            LONG_POLL,
        ),
        bug(
            "without a watcher who adds a timer on a seat tells nobody",
            TIMERS,
            "if context::seat(self).is_none() || self.watcher.is_refused() {",
            "if context::seat(self).is_none() {",
            STUCK,
        ),
    ]
}

/// F1 to F4, and the end.
fn fires() -> Vec<Bug> {
    vec![
        bug(
            "a fire forgets what was added since it began",
            TIMERS,
            "        own.sort_by_key(|&(when, _)| when);",
            "        self.next.store(NEVER, Ordering::SeqCst);\n        own.sort_by_key(|&(when, _)| when);",
            FIRE,
        ),
        bug(
            "a fire leaves the next timer to nobody",
            TIMERS,
            "        self.lower_next(due.rest);\n",
            "",
            FIRE,
        ),
        bug(
            "what is left of the timers with others' wakers is left to nobody",
            TIMERS,
            "rest: rest.min(first) }",
            "rest }",
            FOREIGN,
        ),
        bug(
            "a fire clears the word without order",
            TIMERS,
            "        self.next.store(NEVER, Ordering::SeqCst);\n        let (before",
            "        self.next.store(NEVER, Ordering::Release);\n        let (before",
            FIRE,
        ),
        bug(
            "a shard's earliest timer is announced without order",
            SHARD,
            "this.earliest.store(when, Ordering::SeqCst);",
            "this.earliest.store(when, Ordering::Release);",
            FIRE,
        ),
        bug(
            "a timer enters a shard that is closed",
            SHARD,
            "        if state.closed {\n            drop(state);",
            "        if false {\n            drop(state);",
            END,
        ),
    ]
}

fn watcher() -> Vec<Bug> {
    vec![
        bug(
            "a sleeping watcher is not told of a timer",
            TIMERS,
            "            self.watcher.wake_for_timers(self);\n",
            "",
            WATCHER,
        ),
        bug(
            "the watcher does not look at the timers before it sleeps",
            WATCH,
            "        parker.park(next_timer(shared));\n",
            "        parker.park(None);\n",
            WATCHER,
        ),
        bug(
            "a watcher that sleeps until a later timer says that it ticks",
            TIMERS,
            "let by = self.announce(&self.watched, SLACK);",
            "let by = self.next.load(Ordering::SeqCst).saturating_add(SLACK);",
            WATCHER_EARLIER,
        ),
        bug(
            "the watcher's time is announced without order",
            TIMERS,
            "word.store(by, Ordering::SeqCst);",
            "word.store(by, Ordering::Release);",
            WATCHER_EARLIER,
        ),
    ]
}
