//! Values with small keys, in chunks: to grow moves nothing, and at most one chunk is
//! not full for the first time. (A `Slab` doubles: with a million entries that copies
//! megabytes, here under a lock, and half of its memory may be idle.)

/// 128 slots of four words: a page.
const CHUNK: usize = 128;

pub(crate) struct Slots<T> {
    chunks: Vec<Vec<Slot<T>>>,
    /// The key that is given out next: a vacant slot, or the end.
    next: usize,
}

enum Slot<T> {
    Taken(T),
    /// Which key to give out after this one.
    Vacant(usize),
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { chunks: Vec::new(), next: 0 }
    }
}

impl<T> Slots<T> {
    /// The key that the next value gets.
    pub(crate) fn next_key(&self) -> usize {
        self.next
    }

    /// All keys are below.
    pub(crate) fn end(&self) -> usize {
        let last = self.chunks.last().map_or(0, Vec::len);
        self.chunks.len().saturating_sub(1) * CHUNK + last
    }

    /// The key of the new value.
    pub(crate) fn insert(&mut self, value: T) -> usize {
        let key = self.next;
        match self.slot_mut(key) {
            Some(slot) => {
                let Slot::Vacant(next) = std::mem::replace(slot, Slot::Taken(value)) else {
                    unreachable!("a slot that is given out was vacant");
                };
                self.next = next;
            }
            None => {
                if key % CHUNK == 0 {
                    self.chunks.push(Vec::with_capacity(CHUNK));
                }
                self.chunks[key / CHUNK].push(Slot::Taken(value));
                self.next = key + 1;
            }
        }
        key
    }

    pub(crate) fn remove(&mut self, key: usize) -> Option<T> {
        let next = self.next;
        let slot = self.slot_mut(key).filter(|slot| matches!(slot, Slot::Taken(_)))?;
        let taken = std::mem::replace(slot, Slot::Vacant(next));
        self.next = key;
        match taken {
            Slot::Taken(value) => Some(value),
            Slot::Vacant(_) => None,
        }
    }

    pub(crate) fn get(&self, key: usize) -> Option<&T> {
        self.chunks.get(key / CHUNK)?.get(key % CHUNK)?.value()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten().filter_map(Slot::value)
    }

    fn slot_mut(&mut self, key: usize) -> Option<&mut Slot<T>> {
        self.chunks.get_mut(key / CHUNK)?.get_mut(key % CHUNK)
    }
}

impl<T> Slot<T> {
    fn value(&self) -> Option<&T> {
        match self {
            Slot::Taken(value) => Some(value),
            Slot::Vacant(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_given_out_again_once_it_is_free_and_only_then() {
        let mut slots = Slots::default();
        let keys: Vec<_> = (0..3 * CHUNK).map(|n| slots.insert(n)).collect();
        assert_eq!(keys, (0..3 * CHUNK).collect::<Vec<_>>());
        let (some, others) = ([0, CHUNK - 1, CHUNK, 2 * CHUNK + 7], [1, CHUNK + 1]);
        for key in some {
            assert_eq!(slots.remove(key), Some(key));
            assert_eq!((slots.remove(key), slots.get(key)), (None, None));
        }
        assert_eq!(slots.iter().count(), 3 * CHUNK - some.len());
        assert_eq!(slots.end(), 3 * CHUNK);
        let mut again = some.map(|_| slots.insert(usize::MAX));
        again.sort_unstable();
        assert_eq!(again, some);
        assert_eq!(others.map(|key| slots.get(key).copied()), others.map(Some));
        assert_eq!(slots.insert(0), 3 * CHUNK);
    }
}
