//! Where the strings and bytes of a graph stand: in the source, in a buffer of the graph's own, or in memory that is shared.

use bytes::Bytes;

use crate::{
    Graph, NodeId, Str,
    slot::{GlobalSlot, Place, Slot, Span, TextKind},
};

impl Graph {
    /// How many bytes its strings and bytes have together.
    #[must_use]
    pub fn text_len(&self) -> usize {
        let len = |slot: &Slot| match *slot {
            Slot::Text { place: Place::Shared, start, .. } => self.shared[start as usize].len(),
            Slot::Text { len, .. } => len as usize,
            _ => 0,
        };
        self.slots.iter().map(len).fold(0, usize::saturating_add)
    }

    /// Puts a `bytes` object in that shares its memory with `bytes`.
    ///
    /// # Panics
    ///
    /// As [`Graph::push`].
    pub fn push_shared_bytes(&mut self, bytes: Bytes) -> NodeId {
        let span = self.share(bytes);
        self.push_slot(text_slot(TextKind::Bytes, span))
    }

    /// Puts a `bytearray` in that shares its memory with `bytes`.
    ///
    /// # Panics
    ///
    /// As [`Graph::push`].
    pub fn push_shared_byte_array(&mut self, bytes: Bytes) -> NodeId {
        let span = self.share(bytes);
        self.push_slot(text_slot(TextKind::ByteArray, span))
    }

    /// The payload of a `bytes` object, a `bytearray`, a `str` or a Python 2 `str`, without copying where it stands in the
    /// source or was shared.
    #[must_use]
    pub fn shared_bytes(&self, id: NodeId) -> Option<Bytes> {
        match self.slots[id.index()?] {
            Slot::Text { place, len, start, .. } => Some(match place {
                Place::Source => self.source.slice(start as usize..start as usize + len as usize),
                Place::Texts => Bytes::copy_from_slice(self.text(Span { place, len, start })),
                Place::Shared => self.shared[start as usize].clone(),
            }),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn text(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        match span.place {
            Place::Source => &self.source[start..][..span.len as usize],
            Place::Texts => &self.texts[start..][..span.len as usize],
            Place::Shared => &self.shared[start],
        }
    }

    /// Where `bytes` stand; they are put somewhere if they do not yet stand in the source.
    #[inline]
    pub(crate) fn span(&mut self, bytes: &[u8]) -> Span {
        // A slice between the addresses of the source's first and last byte can only be a slice of the source.
        let start = bytes.as_ptr().addr().wrapping_sub(self.source.as_ptr().addr());
        let in_source = start < self.source.len() && bytes.len() <= self.source.len() - start;
        match u32::try_from(bytes.len()) {
            Ok(len) if in_source => Span { place: Place::Source, len, start: start as u64 },
            Ok(len) => self.copy(bytes, len),
            Err(_) if in_source => self.share(self.source.slice(start..start + bytes.len())),
            Err(_) => {
                self.bytes_elsewhere += bytes.len();
                self.share(Bytes::copy_from_slice(bytes))
            }
        }
    }

    fn copy(&mut self, bytes: &[u8], len: u32) -> Span {
        let start = self.texts.len() as u64;
        self.texts.extend_from_slice(bytes);
        Span { place: Place::Texts, len, start }
    }

    fn share(&mut self, bytes: Bytes) -> Span {
        self.shared.push(bytes);
        Span { place: Place::Shared, len: 0, start: self.shared.len() as u64 - 1 }
    }

    /// Where the text of a name is that `STACK_GLOBAL` takes: a `str`, or a Python 2 `str` that is a `str` to Python 3.
    pub(crate) fn name_span(&self, id: NodeId) -> Option<Span> {
        match self.slots[id.index()?] {
            Slot::Text { kind: TextKind::Str, place, len, start } => Some(Span { place, len, start }),
            Slot::Text { kind: TextKind::String, place, len, start } => {
                let span = Span { place, len, start };
                self.text(span).is_ascii().then_some(span)
            }
            _ => None,
        }
    }

    pub(crate) fn set_global(&mut self, index: usize, module: &str, name: &str) {
        let slot = GlobalSlot { module: self.span(module.as_bytes()), name: self.span(name.as_bytes()), ids: None };
        self.globals[index] = slot;
    }

    pub(crate) fn global(&self, index: usize) -> (Str<'_>, Str<'_>) {
        let slot = &self.globals[index];
        (Str::from_valid(self.text(slot.module)), Str::from_valid(self.text(slot.name)))
    }
}

#[inline]
pub(crate) fn text_slot(kind: TextKind, Span { place, len, start }: Span) -> Slot {
    Slot::Text { kind, place, len, start }
}
