//! A hierarchical timing wheel (G. Varghese, A. Lauck, *Hashed and Hierarchical
//! Timing Wheels*, 1987): insert and remove in constant time, whatever is in it.
//!
//! ```text
//!   level 0    64 slots of 1 tick     a slot holds what is due at that tick
//!   level 1    64 slots of 64 ticks   when its time begins, a slot is sorted
//!   ...                               into the level below
//!   level 7    64 slots of 2^42 ticks
//! ```
//!
//! An entry is on the level of the highest digit (to the base 64) in which its tick
//! and `now` differ, in the slot of that digit. So on each level the occupied slots
//! come after the digit of `now` (on level 0 also at it), everything on a level is
//! due before everything on the next, and the first occupied slot of the lowest
//! level holds the next entry.
//!
//! Each slot keeps a lower bound of its entries' ticks: nobody has to wake up only to
//! sort a slot. Entries are in one array, in lists linked through a second one, whose
//! first elements are the lists' heads. So an entry is unlinked without a look at which
//! list it is in, and a whole list is moved in one step.

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 8;

/// The list of a slot that is being sorted into the level below.
const SORTING: usize = LEVELS * SLOTS;
const LISTS: usize = SORTING + 1;

/// The last tick that the wheel has a place for.
pub(super) const LAST: u64 = (1 << (BITS * LEVELS as u32)) - 1;

/// No tick: later than all.
pub(super) const NEVER: u64 = u64::MAX;

/// So many entries may stay allocated when the wheel is empty.
const KEEP: usize = 1024;

const NONE: u32 = u32::MAX;

pub(super) struct Wheel<T> {
    /// Everything due before this tick is gone.
    now: u64,
    /// A bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    /// For each slot: no entry in it is due before. Stands only if the slot is
    /// occupied.
    bounds: Vec<u64>,
    /// Heads first, then a link for each of `items`. Empty until the first insert.
    links: Vec<Link>,
    items: Vec<Item<T>>,
    /// The vacant items, linked through `next`.
    free: u32,
    len: usize,
    ids: u64,
}

#[derive(Clone, Copy)]
struct Link {
    prev: u32,
    next: u32,
}

struct Item<T> {
    when: u64,
    /// Never used twice; 0 while it is vacant.
    id: u64,
    value: Option<T>,
}

/// Refers to an entry, also after that is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    index: u32,
    id: u64,
}

impl<T> Wheel<T> {
    pub(super) const fn new() -> Self {
        Wheel {
            now: 0,
            occupied: [0; LEVELS],
            bounds: Vec::new(),
            links: Vec::new(),
            items: Vec::new(),
            free: NONE,
            len: 0,
            ids: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Enters `value`, due at the tick `when`, or at once if that is over; `now` is
    /// about the present.
    pub(super) fn insert(&mut self, when: u64, value: T, now: u64) -> Key {
        if self.links.is_empty() {
            self.links = (0..LISTS as u32).map(|list| Link { prev: list, next: list }).collect();
            self.bounds = vec![NEVER; SORTING];
        }
        if self.len == 0 {
            self.now = self.now.max(now.min(LAST));
        }
        self.ids += 1;
        let item = Item { when: when.clamp(self.now, LAST), id: self.ids, value: Some(value) };
        let index = self.allocate(item);
        self.len += 1;
        self.place(index);
        Key { index, id: self.ids }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let item = self.items.get_mut(key.index as usize)?;
        if item.id == key.id { item.value.as_mut() } else { None }
    }

    /// Takes an entry out, if it is still there.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.get_mut(key)?;
        self.unlink(key.index);
        self.release(key.index)
    }

    /// Takes out the next entry that is due at `now`, with its tick. Each step, be it an
    /// entry that is sorted or one taken out, uses up one of `steps`; with none left there
    /// may be more, as [`earliest`](Self::earliest) tells.
    pub(super) fn pop_due(&mut self, now: u64, steps: &mut usize) -> Option<(u64, T)> {
        while *steps > 0 {
            let sorting = self.head(SORTING);
            let first = if sorting.is_none() { self.first_slot() } else { None };
            if let Some(index) = sorting {
                self.unlink(index);
                self.place(index);
            } else if let Some(slot) = first.filter(|&slot| self.start(slot) <= now) {
                self.now = self.start(slot);
                if slot < SLOTS {
                    *steps -= 1;
                    return self.pop(slot);
                }
                self.begin_sorting(slot);
            } else {
                self.now = self.now.max(now.min(LAST));
                return None;
            }
            *steps -= 1;
        }
        None
    }

    /// No entry is due before this tick, and it takes no entry to be removed for the
    /// tick to be that of one. `NEVER` if there is none.
    pub(super) fn earliest(&self) -> u64 {
        if self.len == 0 {
            return NEVER;
        }
        if self.head(SORTING).is_some() {
            return self.now;
        }
        self.first_slot().map_or(NEVER, |slot| self.bounds[slot])
    }

    /// Takes out everything.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        let items = std::mem::take(&mut self.items);
        let (now, ids) = (self.now, self.ids);
        *self = Wheel { now, ids, ..Wheel::new() };
        items.into_iter().filter_map(|item| item.value)
    }

    /// Puts an item into the slot for its tick.
    fn place(&mut self, index: u32) {
        let when = self.items[index as usize].when;
        let differs = (self.now ^ when) | 1;
        let level = (differs.ilog2() / BITS) as usize;
        let digit = (when >> (BITS * level as u32)) as usize % SLOTS;
        let slot = level * SLOTS + digit;
        let bit = 1 << digit;
        if self.occupied[level] & bit == 0 {
            self.occupied[level] |= bit;
            self.bounds[slot] = when;
        } else {
            self.bounds[slot] = self.bounds[slot].min(when);
        }
        let (link, last) = (LISTS + index as usize, self.links[slot].prev);
        self.links[link] = Link { prev: last, next: slot as u32 };
        self.links[last as usize].next = link as u32;
        self.links[slot].prev = link as u32;
    }

    /// Takes an item out of the list that it is in.
    fn unlink(&mut self, index: u32) {
        let Link { prev, next } = self.links[LISTS + index as usize];
        self.links[prev as usize].next = next;
        self.links[next as usize].prev = prev;
        // Only a head that is alone is its own neighbour on both sides.
        if prev == next && (prev as usize) < SORTING {
            self.occupied[prev as usize / SLOTS] &= !(1 << (prev as usize % SLOTS));
        }
    }

    /// Moves all of a slot to the list of those to be sorted, which is empty.
    fn begin_sorting(&mut self, slot: usize) {
        let Link { prev, next } = self.links[slot];
        self.links[SORTING] = Link { prev, next };
        self.links[prev as usize].next = SORTING as u32;
        self.links[next as usize].prev = SORTING as u32;
        self.links[slot] = Link { prev: slot as u32, next: slot as u32 };
        self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
    }

    fn pop(&mut self, slot: usize) -> Option<(u64, T)> {
        let index = self.head(slot)?;
        let when = self.items[index as usize].when;
        self.unlink(index);
        self.release(index).map(|value| (when, value))
    }

    /// The first item of a list.
    fn head(&self, list: usize) -> Option<u32> {
        let next = self.links.get(list)?.next as usize;
        next.checked_sub(LISTS).map(|index| index as u32)
    }

    /// The slot whose time comes next.
    fn first_slot(&self) -> Option<usize> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        Some(level * SLOTS + self.occupied[level].trailing_zeros() as usize)
    }

    /// The first tick of an occupied slot's time.
    fn start(&self, slot: usize) -> u64 {
        let shift = BITS * (slot / SLOTS) as u32;
        let above = self.now >> shift >> BITS << BITS;
        (above | (slot % SLOTS) as u64) << shift
    }

    fn allocate(&mut self, item: Item<T>) -> u32 {
        let index = self.free;
        if index != NONE {
            self.free = self.links[LISTS + index as usize].next;
            self.items[index as usize] = item;
            return index;
        }
        let index = self.items.len();
        assert!(index < (NONE as usize) - LISTS, "fewer than 2^32 timers");
        self.items.push(item);
        self.links.push(Link { prev: NONE, next: NONE });
        index as u32
    }

    /// Makes an unlinked item vacant.
    fn release(&mut self, index: u32) -> Option<T> {
        let item = &mut self.items[index as usize];
        item.id = 0;
        let value = item.value.take();
        self.len -= 1;
        if self.len == 0 && self.items.len() > KEEP {
            self.items = Vec::new();
            self.links.truncate(LISTS);
            self.links.shrink_to_fit();
            self.free = NONE;
        } else {
            self.links[LISTS + index as usize].next = self.free;
            self.free = index;
        }
        value
    }
}

// Not in a model that includes this file, which has no `proptest`.
#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        /// Due so many ticks from now.
        Insert(u64),
        /// Removes one of those made so far, also one that is gone.
        Remove(usize),
        /// Goes on by so many ticks, in so many steps at a time.
        Advance(u64, usize),
    }

    /// Of every magnitude.
    fn ticks() -> impl Strategy<Value = u64> {
        (0..47_u32, any::<u64>()).prop_map(|(bits, ticks)| ticks & ((1 << bits) - 1))
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            3 => ticks().prop_map(Op::Insert),
            1 => Just(Op::Insert(NEVER / 2)),
            2 => any::<usize>().prop_map(Op::Remove),
            2 => (ticks(), 1..50_usize).prop_map(|(ticks, steps)| Op::Advance(ticks, steps)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// The model: a map from the number of an entry to its tick.
        #[test]
        fn the_wheel_does_what_a_sorted_map_does(ops in prop::collection::vec(op(), 1..200)) {
            let mut wheel = Wheel::new();
            let mut model = BTreeMap::new();
            let mut keys = Vec::new();
            let mut now = 0;
            for op in ops {
                match op {
                    Op::Insert(ticks) => {
                        let when = (now + ticks).min(LAST);
                        model.insert(keys.len(), when);
                        keys.push(wheel.insert(when, keys.len(), now));
                    }
                    Op::Remove(_) if keys.is_empty() => {}
                    Op::Remove(which) => {
                        let which = which % keys.len();
                        let there = model.remove(&which).map(|_| which);
                        prop_assert_eq!(wheel.get_mut(keys[which]).copied(), there);
                        prop_assert_eq!(wheel.remove(keys[which]), there);
                    }
                    Op::Advance(ticks, steps) => {
                        now = (now + ticks).min(LAST);
                        advance(&mut wheel, &mut model, now, steps)?;
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
                let earliest = model.values().min().copied().unwrap_or(NEVER);
                prop_assert!(wheel.earliest() <= earliest);
                prop_assert!(model.is_empty() == (wheel.earliest() == NEVER));
            }
            let left: BTreeSet<usize> = wheel.drain().collect();
            prop_assert_eq!(left, model.into_keys().collect::<BTreeSet<_>>());
            prop_assert_eq!((wheel.len(), wheel.earliest()), (0, NEVER));
        }
    }

    fn advance(
        wheel: &mut Wheel<usize>,
        model: &mut BTreeMap<usize, u64>,
        now: u64,
        each: usize,
    ) -> Result<(), TestCaseError> {
        let mut last = 0;
        loop {
            let mut steps = each;
            while let Some((when, which)) = wheel.pop_due(now, &mut steps) {
                prop_assert_eq!(model.remove(&which), Some(when));
                prop_assert!(last <= when && when <= now, "in order, and none too early");
                last = when;
            }
            if steps > 0 {
                prop_assert!(model.values().all(|&when| when > now), "none is left out");
                return Ok(());
            }
        }
    }

    #[test]
    fn the_earliest_tick_is_exact_when_nothing_was_removed() {
        let mut wheel = Wheel::new();
        for when in [1 << 40, 70_000, 4_097, 5_000] {
            wheel.insert(when, (), 3);
            assert_eq!(wheel.earliest(), wheel.items.iter().map(|item| item.when).min().unwrap());
        }
    }

    #[test]
    fn an_empty_wheel_keeps_little_memory() {
        let mut wheel = Wheel::new();
        let keys: Vec<Key> = (0..100_000).map(|when| wheel.insert(when, (), 0)).collect();
        assert!(keys.iter().all(|&key| wheel.remove(key).is_some()));
        assert!(wheel.items.capacity() <= KEEP && wheel.links.capacity() <= LISTS + KEEP);
        // A key from before refers to nothing that comes after.
        wheel.insert(1, (), 0);
        assert!(wheel.remove(keys[0]).is_none());
    }
}
