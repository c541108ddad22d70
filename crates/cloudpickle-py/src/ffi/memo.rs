//! The pickler's memo: from an object's address to its index.

use std::sync::Mutex;

use pyo3::{ffi, prelude::*};

/// A table from addresses of objects to memo indexes, which keeps the objects alive.
///
/// Invariant: each entry of `entries` owns one reference to its object, so that no other object can come to have its address.
/// `slots` holds positions in `entries` plus one (0 is a free slot), has a power of two of them, and is never full.
#[derive(Default)]
pub(crate) struct Memo {
    slots: Vec<u32>,
    entries: Vec<(*mut ffi::PyObject, u32)>,
    /// How many indexes were given out: objects that nothing can refer to again have an index but no entry.
    len: u32,
}

/// The memory of a memo that is empty: all slots are free.
#[derive(Default)]
struct Tables {
    slots: Vec<u32>,
    entries: Vec<(*mut ffi::PyObject, u32)>,
}

// SAFETY: there are no entries, so that no pointer goes to another thread.
unsafe impl Send for Tables {}

/// The sizes of slots up to which the last memo leaves its tables to the next one, each size in a place of its own: a small memo in
/// a large table would be spread over many cache lines.
const KEPT_SIZES: [usize; 2] = [INITIAL_SLOTS, 1 << 17];

/// How many slots a memo has at first.
const INITIAL_SLOTS: usize = 128;

/// What the last memos left.
static KEPT: [Mutex<Option<Tables>>; KEPT_SIZES.len()] = [const { Mutex::new(None) }; KEPT_SIZES.len()];

impl Tables {
    /// The tables that were kept for memos of so many slots, if they have as many.
    fn kept(slots: usize) -> Option<Tables> {
        let place = KEPT_SIZES.iter().position(|&size| slots <= size)?;
        KEPT[place].try_lock().ok()?.take_if(|tables| tables.slots.len() >= slots)
    }

    /// Keeps tables for the next memo, unless there are larger ones.
    fn keep(self) {
        if let Some(place) = KEPT_SIZES.iter().position(|&size| self.slots.len() <= size)
            && let Ok(mut kept) = KEPT[place].try_lock()
            && kept.as_ref().is_none_or(|kept| kept.slots.len() < self.slots.len())
        {
            *kept = Some(self);
        }
    }
}

impl Memo {
    /// Whether it can take no more objects.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.len == u32::MAX
    }

    /// The index of an object, or `None` if it was not memoized.
    #[inline]
    pub(crate) fn get(&self, object: &Bound<'_, PyAny>) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let address = object.as_ptr();
        let mask = self.slots.len() - 1;
        let mut slot = hash(address) & mask;
        loop {
            match self.slots[slot] {
                0 => return None,
                position => {
                    let (candidate, index) = self.entries[position as usize - 1];
                    if candidate == address {
                        return Some(index as usize);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Gives the next index to an object, which must not have one. The memo must not be full.
    #[inline]
    pub(crate) fn insert(&mut self, object: &Bound<'_, PyAny>) -> usize {
        if (self.entries.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let index = self.skip();
        // SAFETY: the object is alive. This is the reference that the entry owns.
        let own = unsafe { super::reference::own(object.py(), object.as_ptr()) };
        self.entries.push((own.into_ptr(), index as u32));
        self.place(self.entries.len() - 1);
        index
    }

    /// Gives the next index to an object that nothing can refer to again. The memo must not be full.
    #[inline]
    pub(crate) fn skip(&mut self) -> usize {
        let index = self.len;
        self.len += 1;
        index as usize
    }

    /// Gives a certain index to an object.
    ///
    /// # Errors
    /// `ValueError` for an index that no memo can have.
    pub(crate) fn insert_at(&mut self, object: &Bound<'_, PyAny>, index: usize) -> PyResult<()> {
        let next = u32::try_from(index).ok().and_then(|index| index.checked_add(1));
        let next = next.ok_or_else(|| pyo3::exceptions::PyValueError::new_err("memo index out of range"))?;
        if self.get(object).is_none() {
            self.insert(object);
            if let Some(entry) = self.entries.last_mut() {
                entry.1 = next - 1;
            }
        }
        self.len = self.len.max(next);
        Ok(())
    }

    /// A memo of the same objects at the same indexes.
    pub(crate) fn duplicate(&self, py: Python<'_>) -> Memo {
        let entries = self.iter(py).map(|(object, index)| (object.into_ptr(), index as u32)).collect();
        Memo { slots: self.slots.clone(), entries, len: self.len }
    }

    /// The objects and their indexes.
    pub(crate) fn iter<'py>(&self, py: Python<'py>) -> impl Iterator<Item = (Bound<'py, PyAny>, usize)> {
        // SAFETY: the entry's own reference keeps the object alive.
        self.entries.iter().map(move |&(object, index)| (unsafe { Bound::from_borrowed_ptr(py, object) }, index as usize))
    }

    #[inline]
    fn place(&mut self, position: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = hash(self.entries[position].0) & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = position as u32 + 1;
    }

    /// Makes all slots free.
    fn free_slots(&mut self) {
        if self.entries.len() > self.slots.len() / 16 {
            self.slots.fill(0);
            return;
        }
        // Backwards, so that the way to each entry is still there: it leads over slots of earlier ones.
        let mask = self.slots.len() - 1;
        for position in (0..self.entries.len()).rev() {
            let mut slot = hash(self.entries[position].0) & mask;
            while self.slots[slot] as usize != position + 1 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = 0;
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let size = (self.slots.len() * 4).max(INITIAL_SLOTS);
        match Tables::kept(size) {
            Some(mut tables) => {
                tables.entries.append(&mut self.entries);
                (self.slots, self.entries) = (tables.slots, tables.entries);
            }
            None => {
                self.slots.clear();
                self.slots.resize(size, 0);
            }
        }
        self.entries.reserve(self.slots.len() / 2 - self.entries.len());
        for position in 0..self.entries.len() {
            self.place(position);
        }
    }

    /// The addresses of the objects that it keeps alive, for the garbage collector.
    pub(crate) fn traverse(&self, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        for (object, _) in &self.entries {
            // SAFETY: `Py<PyAny>` is one pointer, `object` is not null, and the reference is only lent for the visit.
            let object = unsafe { &*(&raw const *object).cast::<Py<PyAny>>() };
            visit.call(object)?;
        }
        Ok(())
    }
}

impl Drop for Memo {
    fn drop(&mut self) {
        if self.slots.is_empty() {
            return;
        }
        self.free_slots();
        for (object, _) in self.entries.drain(..) {
            // SAFETY: the entry's own reference, given up once. A memo lives in a walk, which holds the interpreter, or in a
            // Python object, which is deallocated with the interpreter attached.
            unsafe { ffi::Py_DECREF(object) };
        }
        Tables { slots: std::mem::take(&mut self.slots), entries: std::mem::take(&mut self.entries) }.keep();
    }
}

// SAFETY: a memo in a Python object may be reached from several threads, but only with the interpreter attached; this module is
// not for interpreters without a global lock (`lib.rs` declares so).
unsafe impl Send for Memo {}
// SAFETY: as above.
unsafe impl Sync for Memo {}

/// Objects are aligned to 16 bytes: the low bits say nothing, so that the high bits of a product are taken.
#[inline]
fn hash(address: *mut ffi::PyObject) -> usize {
    ((address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}
