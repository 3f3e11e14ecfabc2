//! In the place of `st3`, which speaks another version of loom: a ring under a
//! lock, which promises no more order to those who steal than the real one does.
//! The real ring has a model of its own, `local_queue.rs`.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::sync::Mutex;
use st3::StealError;

pub struct Worker<T> {
    ring: Arc<Mutex<VecDeque<T>>>,
    capacity: usize,
}

pub struct Stealer<T>(Arc<Mutex<VecDeque<T>>>);

impl<T> Worker<T> {
    pub fn new(capacity: usize) -> Self {
        Worker { ring: Arc::default(), capacity }
    }

    pub fn stealer(&self) -> Stealer<T> {
        Stealer(self.ring.clone())
    }

    pub fn push(&self, item: T) -> Result<(), T> {
        let mut ring = self.ring.lock().unwrap();
        if ring.len() == self.capacity {
            return Err(item);
        }
        ring.push_back(item);
        Ok(())
    }

    pub fn pop(&self) -> Option<T> {
        self.ring.lock().unwrap().pop_front()
    }

    pub fn drain(
        &self,
        count: impl Fn(usize) -> usize,
    ) -> Result<std::vec::IntoIter<T>, StealError> {
        let mut ring = self.ring.lock().unwrap();
        let count = count(ring.len());
        let items: Vec<T> = ring.drain(..count).collect();
        if items.is_empty() { Err(StealError::Empty) } else { Ok(items.into_iter()) }
    }

    pub fn spare_capacity(&self) -> usize {
        self.capacity - self.ring.lock().unwrap().len()
    }

    pub fn is_empty(&self) -> bool {
        self.ring.lock().unwrap().is_empty()
    }
}

impl<T> Stealer<T> {
    pub fn steal_and_pop(
        &self,
        dest: &Worker<T>,
        count: impl Fn(usize) -> usize,
    ) -> Result<(T, usize), StealError> {
        let mut taken: Vec<T> = {
            let mut ring = self.0.lock().unwrap();
            let count = count(ring.len());
            ring.drain(..count).collect()
        };
        let last = taken.pop().ok_or(StealError::Empty)?;
        let moved = taken.len();
        dest.ring.lock().unwrap().extend(taken);
        Ok((last, moved))
    }
}
