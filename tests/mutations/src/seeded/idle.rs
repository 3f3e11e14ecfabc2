//! Bugs in who searches, who sleeps and whom to wake.

use super::{Bug, INJECTED, OWN_QUEUE, SEAT_LEFT, SEATS, START, TWO_SEATS};

const IDLE: &str = "src/idle/mod.rs";
const WAKE: &str = "src/wake.rs";
const WORKER: &str = "src/worker.rs";

pub fn bugs() -> Vec<Bug> {
    vec![
        Bug {
            name: "a push passes no fence before it looks at the word",
            file: IDLE,
            sound: "        fence(Ordering::SeqCst);\n        self.promise_if_needed()",
            broken: "        self.promise_if_needed()",
            by: INJECTED,
            quick: false,
        },
        Bug {
            name: "a push to the own queue passes no fence",
            file: IDLE,
            sound: "        barrier::light();\n",
            broken: "",
            by: OWN_QUEUE,
            quick: true,
        },
        Bug {
            name: "no fence between giving up the seat and the last look",
            file: IDLE,
            sound: "        self.fence_before_look(vacant(word) + 1);\n        Vacated::LookAgain",
            broken: "        Vacated::LookAgain",
            by: INJECTED,
            quick: false,
        },
        Bug {
            name: "no fence between the end of the last search and the look",
            file: IDLE,
            sound: "            self.fence_before_look(vacant(word) + 1);\n        }\n        last",
            broken: "        }\n        last",
            by: INJECTED,
            quick: false,
        },
        Bug {
            name: "who gave up its seat does not look again",
            file: WORKER,
            sound: "if stand(entry) == Vacated::LookAgain && shared.has_work() {",
            broken: "if stand(entry) == Vacated::LookAgain && false {",
            by: INJECTED,
            quick: true,
        },
        Bug {
            name: "the last searcher to find work wakes nobody",
            file: WORKER,
            sound: "shared.idle.end_search() && shared.has_work()",
            broken: "shared.idle.end_search() && false",
            by: INJECTED,
            quick: false,
        },
        Bug {
            name: "a promise nobody can take is given back without a look",
            file: WAKE,
            sound: "if looked == Vacated::Rest || !self.has_work()",
            broken: "if looked != Vacated::Rest || !self.has_work()",
            by: INJECTED,
            quick: true,
        },
        Bug {
            name: "nobody is known to have gone to sleep on a promise that is given back",
            file: IDLE,
            sound: "self.sleepers.total_listeners() > 0",
            broken: "self.sleepers.total_listeners() == usize::MAX",
            by: INJECTED,
            quick: true,
        },
        Bug {
            name: "who gives up a seat and a search takes itself for another searcher",
            file: IDLE,
            sound: "self.word.fetch_add(VACANT - search, Ordering::SeqCst) - search)",
            broken: "self.word.fetch_add(VACANT - search, Ordering::SeqCst) + search)",
            by: INJECTED,
            quick: true,
        },
        Bug {
            name: "a seat whose bit somebody else cleared counts as taken",
            file: IDLE,
            sound: "bits.fetch_and(!bit, Ordering::Acquire) & bit != 0",
            broken: "bits.fetch_and(!bit, Ordering::Acquire) | bit != 0",
            by: TWO_SEATS,
            quick: true,
        },
        Bug {
            name: "a promise is given back without a word",
            file: WAKE,
            sound: "self.idle.give_back(promise);",
            broken: "{ drop(promise); Vacated::Rest };",
            by: INJECTED,
            quick: true,
        },
        Bug {
            name: "a promise counts no searcher, so the count runs below zero",
            file: IDLE,
            sound: "word - VACANT + SEARCHING)",
            broken: "word - VACANT)",
            by: INJECTED,
            quick: true,
        },
        Bug {
            name: "the bit of a free seat is set after the count",
            file: IDLE,
            sound: "        self.set_free(seat);\n        self.after_vacating(self.word.fetch_add(VACANT - search, Ordering::SeqCst) - search)",
            broken: "        let word = self.word.fetch_add(VACANT - search, Ordering::SeqCst) - search;\n        self.set_free(seat);\n        self.after_vacating(word)",
            by: SEATS,
            quick: true,
        },
        Bug {
            name: "a thread that found a seat and was woken too keeps both",
            file: WORKER,
            sound: "            if let Some(promise) = sleeper.cancel() {",
            broken: "            if let Some(promise) = sleeper.cancel().filter(|_| false) {",
            by: INJECTED,
            quick: false,
        },
        Bug {
            name: "who leaves a seat does not look again",
            file: WORKER,
            sound: "if looked == Vacated::LookAgain && shared.has_work() {\n            shared.notify();",
            broken: "if looked == Vacated::LookAgain && false {\n            shared.notify();",
            by: SEAT_LEFT,
            quick: true,
        },
        Bug {
            name: "what is in the run slot stays there when the seat is left",
            file: WORKER,
            sound: "            shared.push_local(seat, runnable);\n        }\n        entry.stand();",
            broken: "            std::mem::forget(seat.push_slot(runnable));\n        }\n        entry.stand();",
            by: SEAT_LEFT,
            quick: true,
        },
        Bug {
            name: "the start does not look for what was pushed before",
            file: WAKE,
            sound: "        fence(Ordering::SeqCst);\n        if self.has_work() {\n            self.notify();",
            broken: "        if false {\n            self.notify();",
            by: START,
            quick: true,
        },
    ]
}
