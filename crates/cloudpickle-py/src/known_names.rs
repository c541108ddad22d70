//! [`KnownNames`]: the strings that every pickled function has.

use pyo3::{Py, types::PyString};

/// A power of two, some times as many as there are names.
const PLACES: usize = 256;

/// Few strings, each as the interpreter's one interned object, to be found by their UTF-8.
///
/// Twenty names of a function are looked up when it is loaded. A hash of all their bytes would be most of the work.
pub(crate) struct KnownNames {
    /// Each name is at its [`place`] or, where others were there before it, at the first free one after it.
    places: Box<[Option<KnownName>; PLACES]>,
}

struct KnownName {
    name: &'static str,
    string: Py<PyString>,
}

/// Names of one length differ in the middle or near their ends.
#[inline]
fn place(utf8: &[u8]) -> usize {
    let at = |index: usize| utf8.get(index).map_or(0, |&byte| usize::from(byte));
    let length = utf8.len();
    (length * 7 + at(length / 2) * 5 + at(length.wrapping_sub(4)) * 3) % PLACES
}

impl KnownNames {
    /// Of names, of which a quarter of [`PLACES`] is far more than there are.
    pub(crate) fn new(names: impl Iterator<Item = (&'static str, Py<PyString>)>) -> Self {
        let mut places: Box<[Option<KnownName>; PLACES]> = Box::new([const { None }; PLACES]);
        for (name, string) in names.take(PLACES / 4) {
            let mut index = place(name.as_bytes());
            while places[index].as_ref().is_some_and(|known| known.name != name) {
                index = (index + 1) % PLACES;
            }
            places[index] = Some(KnownName { name, string });
        }
        KnownNames { places }
    }

    /// The string of a name.
    #[inline]
    pub(crate) fn get(&self, utf8: &[u8]) -> Option<&Py<PyString>> {
        let mut index = place(utf8);
        loop {
            match &self.places[index] {
                Some(known) if known.name.as_bytes() == utf8 => return Some(&known.string),
                Some(_) => index = (index + 1) % PLACES,
                None => return None,
            }
        }
    }
}
