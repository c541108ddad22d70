//! [`Texts`]: strings that are one object in Python wherever they stand.

use std::collections::HashMap;

/// How many pairs of names of fields are found at once.
const SLOTS: usize = 128;

/// The places in the memo of strings that are one and the same object in Python: the names of attributes and literal keys of
/// dicts, which CPython interns, those that `json` reads, and strings of no more than one character of Latin-1, of which CPython
/// keeps one each.
pub(super) struct Texts {
    /// Names of fields, by where they are, the latest of a slot first. They live for ever, so that no other text can come to be
    /// there.
    // Two for a slot: of a dozen names, two would often fall together, and each find the other in its place.
    names: Box<[[Name; 2]; SLOTS]>,
    places: HashMap<Box<str>, u32>,
    /// Bytes of no more than one byte, by that.
    bytes: [Option<u32>; 257],
}

#[derive(Clone, Copy)]
struct Name {
    address: usize,
    len: usize,
    place: u32,
}

impl Texts {
    pub(super) fn new() -> Self {
        let none = Name { address: 0, len: usize::MAX, place: 0 };
        Texts { names: Box::new([[none; 2]; SLOTS]), places: HashMap::new(), bytes: [None; 257] }
    }

    fn slot(name: &'static str) -> usize {
        // Names lie side by side in a program, so all bits of the address count (Fibonacci hashing).
        let hash = (name.as_ptr().addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> 32) as usize % SLOTS
    }

    /// The place of a name, if it was asked for lately.
    #[inline]
    pub(super) fn name(&self, name: &'static str) -> Option<usize> {
        let [first, second] = &self.names[Self::slot(name)];
        let is_it = |known: &&Name| known.address == name.as_ptr().addr() && known.len == name.len();
        Some(first).filter(is_it).or_else(|| Some(second).filter(is_it)).map(|found| found.place as usize)
    }

    /// Notes the place of a name.
    pub(super) fn note(&mut self, name: &'static str, place: u32) {
        let [first, second] = &mut self.names[Self::slot(name)];
        *second = std::mem::replace(first, Name { address: name.as_ptr().addr(), len: name.len(), place });
    }

    /// The place of a text.
    pub(super) fn get(&self, text: &str) -> Option<u32> {
        self.places.get(text).copied()
    }

    pub(super) fn insert(&mut self, text: &str, place: u32) {
        self.places.insert(text.into(), place);
    }

    /// Where the place stands of bytes of which Python keeps one object.
    pub(super) fn kept_bytes(&mut self, bytes: &[u8]) -> Option<&mut Option<u32>> {
        match *bytes {
            [] => Some(&mut self.bytes[256]),
            [byte] => Some(&mut self.bytes[usize::from(byte)]),
            _ => None,
        }
    }
}

/// Whether CPython keeps one object of this text: if it is of no more than one character, of Latin-1.
#[inline]
pub(super) fn is_kept(text: &str) -> bool {
    match *text.as_bytes() {
        [] | [_] => true,
        [first, _] => matches!(first, 0xc2 | 0xc3),
        _ => false,
    }
}
