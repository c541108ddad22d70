//! [`Framer`]: the frames of PEP 3154, as CPython's pickler cuts them.

use pickle_opcodes::Opcode;

use crate::Sink;

/// How many bytes a frame's opcode and length take.
pub const FRAME_HEADER_SIZE: usize = 9;

/// A frame shorter than this many bytes is written without its header.
pub const FRAME_SIZE_MIN: usize = 4;

/// A frame ends at the first opcode boundary from this many bytes on, and a payload of this many bytes stands outside of frames.
pub const FRAME_SIZE_TARGET: usize = 64 * 1024;

/// Where the current frame began, if the protocol has frames.
///
/// The header is written before the frame's length is known, and filled in when the frame ends.
#[derive(Debug)]
pub(crate) struct Framer {
    start: Option<usize>,
    /// From which position on the frame ends at the next boundary; none is as far as that where there is no frame.
    due: usize,
    /// Whether a frame keeps its header however short it is.
    short_frames: bool,
}

impl Framer {
    /// No frame yet; those to come have a header however short they are, or only from [`FRAME_SIZE_MIN`] bytes on.
    pub(crate) fn new(short_frames: bool) -> Framer {
        Framer { start: None, due: usize::MAX, short_frames }
    }

    /// Begins a frame.
    #[inline]
    pub(crate) fn begin(&mut self, sink: &mut impl Sink) {
        let start = sink.position();
        self.start = Some(start);
        self.due = start.saturating_add(FRAME_HEADER_SIZE + FRAME_SIZE_TARGET);
        sink.write(&[0; FRAME_HEADER_SIZE]);
    }

    /// Ends the frame and begins the next one, if it has come to its target.
    #[inline]
    pub(crate) fn boundary(&mut self, sink: &mut impl Sink) {
        if sink.position() >= self.due {
            self.turn(sink);
        }
    }

    #[cold]
    #[inline(never)]
    fn turn(&mut self, sink: &mut impl Sink) {
        self.end(sink);
        self.begin(sink);
    }

    /// Ends the frame. Says whether there was one.
    #[inline]
    pub(crate) fn end(&mut self, sink: &mut impl Sink) -> bool {
        let Some(start) = self.start.take() else { return false };
        self.due = usize::MAX;
        let length = sink.position() - start - FRAME_HEADER_SIZE;
        if length >= FRAME_SIZE_MIN || self.short_frames {
            let mut header = [Opcode::Frame.byte(); FRAME_HEADER_SIZE];
            header[1..].copy_from_slice(&(length as u64).to_le_bytes());
            sink.overwrite(start, &header);
        } else {
            sink.remove(start, FRAME_HEADER_SIZE);
        }
        sink.piece_ends();
        true
    }
}
