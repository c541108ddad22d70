//! The pickler's memo: from an object's identity to its index.

use pyo3::prelude::*;
use rustc_hash::FxHashMap;

use crate::ffi::identity;

/// A table from identities of objects to memo indexes, which keeps the objects alive, so that no other object can come to have the
/// identity of one of them.
#[derive(Default)]
pub(crate) struct Memo {
    indexes: FxHashMap<usize, u32>,
    objects: Vec<(Py<PyAny>, u32)>,
    /// How many indexes were given out: objects that nothing can refer to again have an index but no entry.
    len: u32,
}

impl Memo {
    /// Whether it can take no more objects.
    pub(crate) fn is_full(&self) -> bool {
        self.len == u32::MAX
    }

    /// The index of an object, or `None` if it was not memoized.
    pub(crate) fn get(&self, object: &Bound<'_, PyAny>) -> Option<usize> {
        if self.indexes.is_empty() {
            return None;
        }
        self.indexes.get(&identity(object)).map(|&index| index as usize)
    }

    /// Gives the next index to an object, which must not have one. The memo must not be full.
    pub(crate) fn insert(&mut self, object: &Bound<'_, PyAny>) -> usize {
        let index = self.skip();
        self.place(object, index as u32);
        index
    }

    /// Gives the next index to an object that nothing can refer to again. The memo must not be full.
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
            self.place(object, next - 1);
        }
        self.len = self.len.max(next);
        Ok(())
    }

    fn place(&mut self, object: &Bound<'_, PyAny>, index: u32) {
        self.indexes.insert(identity(object), index);
        self.objects.push((object.clone().unbind(), index));
    }

    /// A memo of the same objects at the same indexes.
    pub(crate) fn duplicate(&self, py: Python<'_>) -> Memo {
        let objects = self.objects.iter().map(|(object, index)| (object.clone_ref(py), *index)).collect();
        Memo { indexes: self.indexes.clone(), objects, len: self.len }
    }

    /// The objects and their indexes.
    pub(crate) fn iter<'py>(&self, py: Python<'py>) -> impl Iterator<Item = (Bound<'py, PyAny>, usize)> {
        self.objects.iter().map(move |(object, index)| (object.bind(py).clone(), *index as usize))
    }

    /// The objects that it keeps alive, for the garbage collector.
    pub(crate) fn traverse(&self, visit: &pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.objects.iter().try_for_each(|(object, _)| visit.call(object))
    }
}
