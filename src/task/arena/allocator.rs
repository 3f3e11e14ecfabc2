//! An arena as an allocator, so that collections live in it.

use std::alloc::Layout;
use std::ptr::{self, NonNull};

use allocator_api2::alloc::{AllocError, Allocator};
use bumpalo::Bump;

use super::Arena;

/// May be called by the task that made the arena only, as the arena's own
/// functions: anyone else gets a panic. But everyone may deallocate, and shrink
/// to the same or a lower alignment: neither touches the arena.
///
// SAFETY: a block is memory that `Bump` handed out once and takes back only in
// `reset` or its drop. Those need the arena exclusively, or by value, so no copy
// of this reference is left by then. Moving the reference moves no memory.
unsafe impl Allocator for &Arena {
    #[track_caller]
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = self.using(|bump| bump.try_alloc_layout(layout)).map_err(|_| AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn deallocate(&self, _block: NonNull<u8>, _layout: Layout) {}

    #[track_caller]
    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        if let Some(grown) = self.using(|bump| unsafe { grow_in_place(bump, block, old, new) }) {
            return Ok(NonNull::slice_from_raw_parts(grown, new.size()));
        }
        let grown = self.allocate(new)?;
        // SAFETY: `block` holds `old.size()` bytes and `grown`, which is new,
        // `new.size()`, which is no less.
        unsafe { ptr::copy_nonoverlapping(block.as_ptr(), grown.as_ptr().cast(), old.size()) };
        Ok(grown)
    }

    #[track_caller]
    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise.
        let grown = unsafe { self.grow(block, old, new) }?;
        // SAFETY: it holds `new.size()` bytes, of which `old.size()` are in use.
        unsafe {
            let tail = grown.as_ptr().cast::<u8>().add(old.size());
            tail.write_bytes(0, new.size() - old.size());
        }
        Ok(grown)
    }

    #[track_caller]
    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if new.align() <= old.align() {
            return Ok(NonNull::slice_from_raw_parts(block, new.size()));
        }
        let moved = self.allocate(new)?;
        // SAFETY: `moved` is new, and both hold at least `new.size()` bytes.
        unsafe { ptr::copy_nonoverlapping(block.as_ptr(), moved.as_ptr().cast(), new.size()) };
        Ok(moved)
    }
}

/// Where the newest allocation begins.
fn newest(bump: &Bump) -> Option<NonNull<u8>> {
    // SAFETY: nothing is allocated while the iterator lives, and nothing is read
    // through the pointer.
    let chunk = unsafe { bump.iter_allocated_chunks_raw() }.next();
    NonNull::new(chunk?.0)
}

/// Grows the newest block into the free part of its chunk, which lies before it.
/// `None`: it is not the newest, or there is no room.
///
/// # Safety
///
/// `block` is a block of `bump` with the layout `old`; `new` is no smaller.
unsafe fn grow_in_place(
    bump: &Bump,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Option<NonNull<u8>> {
    if old.size() == 0 || new.align() > old.align() || newest(bump) != Some(block) {
        return None;
    }
    let more = Layout::from_size_align(new.size() - old.size(), old.align()).ok()?.pad_to_align();
    if more.size() == 0 || more.size() > bump.chunk_capacity() {
        return None;
    }
    let grown = bump.try_alloc_layout(more).ok()?;
    // The chunk had room and its free part ended at `block`, a multiple of the
    // alignment, so this is what was handed out. If ever not, it goes to waste.
    if grown.as_ptr().wrapping_add(more.size()) != block.as_ptr() {
        return None;
    }
    // SAFETY: `grown` and `block` are neighbours in one chunk: `more.size()`
    // bytes that are free and the `old.size()` of the block.
    unsafe { ptr::copy(block.as_ptr(), grown.as_ptr(), old.size()) };
    Some(grown)
}
