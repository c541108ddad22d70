//! [`Encoder`]: values to opcodes, in the canonical form of CPython's pickler.

mod containers;

use pickle_opcodes::{Opcode, Protocol};

use crate::{
    Error, ErrorKind, Sink, arg,
    frame::{FRAME_SIZE_TARGET, Framer},
};

/// How many items one `APPENDS`, `SETITEMS` or `ADDITEMS` takes.
pub const BATCH_SIZE: usize = 1000;

/// Writes values as CPython's pickler does: with the smallest opcode of the protocol that can carry them.
///
/// It knows nothing of the stack, and of the memo only how an index is written: who calls it decides what is written in which
/// order. Call [`begin`](Encoder::begin) first, [`boundary`](Encoder::boundary) before each object and [`end`](Encoder::end)
/// last.
///
/// ```
/// use pickle_emit::Encoder;
/// use pickle_opcodes::{Opcode, Protocol};
///
/// let mut encoder = Encoder::new(Vec::new(), Protocol::V4);
/// encoder.begin();
/// encoder.int(1);
/// encoder.str(b"a")?;
/// encoder.memoize(0)?;
/// encoder.op(Opcode::Tuple2);
/// encoder.memoize(1)?;
/// encoder.end();
/// assert_eq!(encoder.into_sink(), b"\x80\x04\x95\x09\0\0\0\0\0\0\0K\x01\x8c\x01a\x94\x86\x94.");
/// # Ok::<(), pickle_emit::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder<S> {
    sink: S,
    protocol: Protocol,
    framer: Framer,
    /// Whether frames are those of CPython up to 3.6.
    early_frames: bool,
}

impl<S: Sink> Encoder<S> {
    /// An encoder that writes a protocol into a sink, behind what the sink holds already.
    pub fn new(sink: S, protocol: Protocol) -> Self {
        Encoder { sink, protocol, framer: Framer::new(false), early_frames: false }
    }

    /// The same encoder, with the frames of CPython up to 3.6: large payloads stay within them, and a pickle has one however
    /// short it is.
    #[must_use]
    pub fn with_early_frames(self) -> Self {
        Encoder { early_frames: true, framer: Framer::new(true), ..self }
    }

    /// The protocol that it writes.
    #[inline]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What was written so far.
    pub fn sink(&self) -> &S {
        &self.sink
    }

    /// What was written so far, to be changed.
    pub fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Ends the work and hands back the sink.
    pub fn into_sink(self) -> S {
        self.sink
    }

    /// Begins a pickle: `PROTO` from protocol 2 on, and the first frame from protocol 4 on.
    #[inline]
    pub fn begin(&mut self) {
        if self.protocol >= Protocol::V2 {
            self.sink.write(&[Opcode::Proto.byte(), self.protocol.version()]);
        }
        self.begin_frame();
    }

    /// Begins a frame, from protocol 4 on.
    #[inline]
    pub(crate) fn begin_frame(&mut self) {
        if self.protocol.is_framed() {
            self.framer.begin(&mut self.sink);
        }
    }

    /// Ends the frame.
    #[inline]
    pub(crate) fn end_frame(&mut self) {
        self.framer.end(&mut self.sink);
    }

    /// Tells that an object begins here, so that a frame may end.
    #[inline]
    pub fn boundary(&mut self) {
        self.framer.boundary(&mut self.sink);
    }

    /// Ends a pickle: `STOP`, and the last frame.
    #[inline]
    pub fn end(&mut self) {
        self.op(Opcode::Stop);
        self.framer.end(&mut self.sink);
    }

    /// Writes an opcode that has no argument.
    #[inline]
    pub fn op(&mut self, opcode: Opcode) {
        debug_assert!(opcode.arg().is_none(), "{opcode} has an argument");
        self.sink.write(&[opcode.byte()]);
    }

    /// Writes `None`.
    #[inline]
    pub fn none(&mut self) {
        self.op(Opcode::None);
    }

    /// Writes a bool.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        if self.protocol >= Protocol::V2 {
            self.op(if value { Opcode::NewTrue } else { Opcode::NewFalse });
        } else {
            self.sink.write(if value { b"I01\n" } else { b"I00\n" });
        }
    }

    /// Writes an integer of 64 bits or less.
    #[inline(always)]
    pub fn int(&mut self, value: i64) {
        match i32::try_from(value) {
            Ok(small) if self.protocol >= Protocol::V1 => {
                // Sizes of ints that follow each other are as good as random: hence the same way for all.
                let arg = small as u32;
                let (two, four) = (arg > 0xff, arg > 0xffff);
                let opcode = match (two, four) {
                    (_, true) => Opcode::BinInt,
                    (true, false) => Opcode::BinInt2,
                    (false, false) => Opcode::BinInt1,
                };
                self.sink.write_short(with_arg(opcode, arg), 2 + usize::from(two) + 2 * usize::from(four));
            }
            Ok(_) => self.text(Opcode::Int, value.to_string().as_bytes()),
            Err(_) => self.long_of_i64(value),
        }
    }

    /// Writes an integer by `LONG1` although it may fit a smaller opcode, as Python 2 writes its `long`.
    ///
    /// # Errors
    /// [`ErrorKind::NeedsProtocol`] below protocol 2, which has no opcode for it.
    pub fn small_long(&mut self, value: i64) -> Result<(), Error> {
        if self.protocol < Protocol::V2 {
            return Err(ErrorKind::NeedsProtocol { opcode: Opcode::Long1.name(), needs: Protocol::V2 }.into());
        }
        if value == 0 {
            self.sink.write(&[Opcode::Long1.byte(), 0]);
        } else {
            self.long_of_i64(value);
        }
        Ok(())
    }

    fn long_of_i64(&mut self, value: i64) {
        if self.protocol >= Protocol::V2 {
            // a bit for the sign, besides those that differ from it
            let bits = i64::BITS - (value ^ value >> (i64::BITS - 1)).leading_zeros();
            let length = bits / 8 + 1;
            self.sink.write_short(with_arg(Opcode::Long1, length), 2);
            self.sink.write_short(value.to_le_bytes(), length as usize);
        } else {
            self.text(Opcode::Long, format!("{value}L").as_bytes());
        }
    }

    /// Writes an integer of any size, given in little-endian two's complement.
    ///
    /// # Errors
    /// [`ErrorKind::IntTooLarge`] if it has 2^31 bytes or more.
    pub fn long(&mut self, twos_complement: &[u8]) -> Result<(), Error> {
        let bytes = &twos_complement[..significant_bytes(twos_complement)];
        if bytes.len() <= 8 {
            let fill = if bytes.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 };
            let mut value = [fill; 8];
            value[..bytes.len()].copy_from_slice(bytes);
            self.int(i64::from_le_bytes(value));
        } else if self.protocol < Protocol::V2 {
            let mut digits = Vec::new();
            arg::decimal(bytes, &mut digits);
            digits.push(b'L');
            self.text(Opcode::Long, &digits);
        } else if let Ok(length) = u8::try_from(bytes.len()) {
            self.sink.write_parts(&[Opcode::Long1.byte(), length], bytes);
        } else {
            let length = i32::try_from(bytes.len()).map_err(|_| ErrorKind::IntTooLarge)?;
            let [a, b, c, d] = length.to_le_bytes();
            self.payload(&[Opcode::Long4.byte(), a, b, c, d], bytes, false);
        }
        Ok(())
    }

    /// Writes a float.
    #[inline]
    pub fn float(&mut self, value: f64) {
        if self.protocol >= Protocol::V1 {
            // In one number, as in `with_arg`.
            let op = u128::from(value.to_bits().swap_bytes()) << 8 | u128::from(Opcode::BinFloat.byte());
            self.sink.write(&op.to_le_bytes()[..9]);
        } else {
            let mut text = Vec::new();
            pickle_graph::float_repr(value, &mut text);
            self.text(Opcode::Float, &text);
        }
    }

    /// Writes a `str`, given as UTF-8 in which lone surrogates may stand as three bytes each.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] if it has 4 GiB or more and the protocol is below 4.
    #[inline]
    pub fn str(&mut self, utf8: &[u8]) -> Result<(), Error> {
        if self.protocol >= Protocol::V4
            && let Ok(length) = u8::try_from(utf8.len())
        {
            self.sink.write_parts(&with_arg(Opcode::ShortBinUnicode, length.into())[..2], utf8);
            Ok(())
        } else {
            self.long_str(utf8)
        }
    }

    fn long_str(&mut self, utf8: &[u8]) -> Result<(), Error> {
        if self.protocol == Protocol::V0 {
            let mut text = Vec::with_capacity(utf8.len());
            arg::raw_unicode_escape(utf8, true, &mut text);
            self.text(Opcode::Unicode, &text);
            return Ok(());
        }
        self.counted(Opcode::BinUnicode, Opcode::BinUnicode8, utf8, "a string", Protocol::V4)
    }

    /// Writes a Python 2 `str`.
    ///
    /// # Errors
    /// [`ErrorKind::ArgTooLong`] if it has 2 GiB or more and the protocol is not 0.
    pub fn string(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.protocol == Protocol::V0 {
            let mut text = Vec::with_capacity(bytes.len() + 2);
            arg::string_repr(bytes, &mut text);
            self.text(Opcode::String, &text);
        } else if let Ok(length) = u8::try_from(bytes.len()) {
            self.sink.write_parts(&with_arg(Opcode::ShortBinString, length.into())[..2], bytes);
        } else if let Ok(length) = i32::try_from(bytes.len()) {
            let [a, b, c, d] = length.to_le_bytes();
            self.sink.write_parts(&[Opcode::BinString.byte(), a, b, c, d], bytes);
        } else {
            let max = i32::MAX as u64;
            return Err(ErrorKind::ArgTooLong { opcode: Opcode::BinString, length: bytes.len() as u64, max }.into());
        }
        Ok(())
    }

    /// Writes a `bytes` object.
    ///
    /// # Errors
    /// [`ErrorKind::NeedsProtocol`] below protocol 3, which has no opcode for it, and [`ErrorKind::TooLarge`] if it has 4 GiB or
    /// more and the protocol is 3.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.protocol < Protocol::V3 {
            return Err(ErrorKind::NeedsProtocol { opcode: Opcode::BinBytes.name(), needs: Protocol::V3 }.into());
        }
        if let Ok(length) = u8::try_from(bytes.len()) {
            self.sink.write_parts(&with_arg(Opcode::ShortBinBytes, length.into())[..2], bytes);
            return Ok(());
        }
        self.counted(Opcode::BinBytes, Opcode::BinBytes8, bytes, "a bytes object", Protocol::V4)
    }

    /// Writes a `bytearray` object.
    ///
    /// # Errors
    /// [`ErrorKind::NeedsProtocol`] below protocol 5, which has no opcode for it.
    pub fn bytearray(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.protocol < Protocol::V5 {
            return Err(ErrorKind::NeedsProtocol { opcode: Opcode::ByteArray8.name(), needs: Protocol::V5 }.into());
        }
        let mut head = [Opcode::ByteArray8.byte(); 9];
        head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.payload(&head, bytes, true);
        Ok(())
    }

    /// Writes bytes behind a four-byte length, or behind an eight-byte one where that is too short.
    fn counted(&mut self, four: Opcode, eight: Opcode, bytes: &[u8], what: &'static str, needs: Protocol) -> Result<(), Error> {
        if let Ok(length) = u32::try_from(bytes.len()) {
            let [a, b, c, d] = length.to_le_bytes();
            self.payload(&[four.byte(), a, b, c, d], bytes, true);
        } else if self.protocol >= needs {
            let mut head = [eight.byte(); 9];
            head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            self.payload(&head, bytes, true);
        } else {
            return Err(ErrorKind::TooLarge { what, limit: "4 GiB", needs }.into());
        }
        Ok(())
    }

    /// Writes a payload behind its opcode and length; a large one outside of frames, if it may stand there.
    fn payload(&mut self, head: &[u8], bytes: &[u8], may_leave_frame: bool) {
        if may_leave_frame && bytes.len() >= FRAME_SIZE_TARGET && !self.early_frames && self.framer.end(&mut self.sink) {
            self.sink.write(head);
            self.sink.piece_ends();
            self.sink.write_payload(bytes);
            self.sink.piece_ends();
            self.framer.begin(&mut self.sink);
        } else {
            self.sink.write_parts(head, bytes);
        }
    }

    /// Writes an opcode whose argument is a line of text.
    pub fn text(&mut self, opcode: Opcode, line: &[u8]) {
        self.sink.write_parts(&[opcode.byte()], line);
        self.sink.write(b"\n");
    }

    /// Writes that the top of the stack is stored in the memo at an index, which must be how many objects the memo holds.
    ///
    /// # Errors
    /// [`ErrorKind::MemoTooLarge`] if the index has more than 32 bits and the protocol is 1 to 3.
    #[inline]
    pub fn memoize(&mut self, index: usize) -> Result<(), Error> {
        if self.protocol >= Protocol::V4 {
            self.op(Opcode::Memoize);
            Ok(())
        } else {
            self.memo_op(index, Opcode::Put, Opcode::BinPut, Opcode::LongBinPut)
        }
    }

    /// Writes that the memo's object at an index is pushed.
    ///
    /// # Errors
    /// [`ErrorKind::MemoTooLarge`] if the index has more than 32 bits and the protocol is not 0.
    #[inline]
    pub fn get(&mut self, index: usize) -> Result<(), Error> {
        self.memo_op(index, Opcode::Get, Opcode::BinGet, Opcode::LongBinGet)
    }

    #[inline(always)]
    fn memo_op(&mut self, index: usize, text: Opcode, short: Opcode, long: Opcode) -> Result<(), Error> {
        match u8::try_from(index) {
            Ok(index) if self.protocol >= Protocol::V1 => {
                self.sink.write(&with_arg(short, index.into())[..2]);
                Ok(())
            }
            _ => self.long_memo_op(index, text, long),
        }
    }

    #[inline(never)]
    fn long_memo_op(&mut self, index: usize, text: Opcode, long: Opcode) -> Result<(), Error> {
        if self.protocol == Protocol::V0 {
            self.text(text, index.to_string().as_bytes());
        } else {
            let index = u32::try_from(index).map_err(|_| ErrorKind::MemoTooLarge)?;
            self.sink.write(&with_arg(long, index)[..5]);
        }
        Ok(())
    }

    /// Writes a `GLOBAL`: the names are UTF-8 at protocol 3 and later, and ASCII before.
    ///
    /// # Errors
    /// [`ErrorKind::GlobalName`] if a name has a character that the protocol cannot carry, or a line break, or is empty.
    pub fn global(&mut self, module: &str, name: &str) -> Result<(), Error> {
        self.names(Opcode::Global, module, name)
    }

    /// Writes an `INST`, with the names of the class as [`global`](Encoder::global) writes them.
    ///
    /// # Errors
    /// As [`global`](Encoder::global).
    pub fn inst(&mut self, module: &str, name: &str) -> Result<(), Error> {
        self.names(Opcode::Inst, module, name)
    }

    fn names(&mut self, opcode: Opcode, module: &str, name: &str) -> Result<(), Error> {
        let fits = |text: &str| !text.is_empty() && !text.contains('\n') && (self.protocol >= Protocol::V3 || text.is_ascii());
        if !fits(module) || !fits(name) {
            return Err(
                ErrorKind::GlobalName { module: module.to_owned(), name: name.to_owned(), protocol: self.protocol }.into()
            );
        }
        self.text(opcode, module.as_bytes());
        self.sink.write_parts(name.as_bytes(), b"\n");
        Ok(())
    }

    /// Writes an extension code.
    ///
    /// # Errors
    /// [`ErrorKind::NeedsProtocol`] below protocol 2, which has no opcode for it.
    pub fn extension(&mut self, code: i32) -> Result<(), Error> {
        if self.protocol < Protocol::V2 {
            return Err(ErrorKind::NeedsProtocol { opcode: Opcode::Ext1.name(), needs: Protocol::V2 }.into());
        }
        let [a, b, c, d] = code.to_le_bytes();
        match code {
            0..=0xff => self.sink.write(&[Opcode::Ext1.byte(), a]),
            0x100..=0xffff => self.sink.write(&[Opcode::Ext2.byte(), a, b]),
            _ => self.sink.write(&[Opcode::Ext4.byte(), a, b, c, d]),
        }
        Ok(())
    }
}

/// An opcode and behind it its argument, little-endian, in one number: bytes that are stored one by one and then loaded together
/// to be copied would have to wait for each other.
#[inline(always)]
fn with_arg(opcode: Opcode, arg: u32) -> [u8; 8] {
    (u64::from(arg) << 8 | u64::from(opcode.byte())).to_le_bytes()
}

/// How many of the bytes of a little-endian two's complement integer are needed, at least one for any but zero.
///
/// Zero needs none, but callers write it with [`Encoder::int`]'s own opcode.
fn significant_bytes(bytes: &[u8]) -> usize {
    let mut length = bytes.len();
    while length > 1 {
        let (last, next) = (bytes[length - 1], bytes[length - 2]);
        if (last == 0 && next < 0x80) || (last == 0xff && next >= 0x80) {
            length -= 1;
        } else {
            break;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(protocol: Protocol, write: impl FnOnce(&mut Encoder<Vec<u8>>)) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), protocol);
        write(&mut encoder);
        encoder.into_sink()
    }

    #[test]
    fn ints_take_the_smallest_opcode() {
        let cases: &[(i64, &[u8])] = &[
            (0, b"K\0"),
            (255, b"K\xff"),
            (256, b"M\0\x01"),
            (65535, b"M\xff\xff"),
            (65536, b"J\0\0\x01\0"),
            (-1, b"J\xff\xff\xff\xff"),
            (i64::from(i32::MIN), b"J\0\0\0\x80"),
            (1 << 31, b"\x8a\x05\0\0\0\x80\0"),
            (-(1 << 31) - 1, b"\x8a\x05\xff\xff\xff\x7f\xff"),
            (i64::MAX, b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"),
            (i64::MIN, b"\x8a\x08\0\0\0\0\0\0\0\x80"),
        ];
        for &(value, expected) in cases {
            assert_eq!(written(Protocol::V2, |encoder| encoder.int(value)), expected, "{value}");
            let same_by_bytes = written(Protocol::V2, |encoder| encoder.long(&value.to_le_bytes()).unwrap());
            assert_eq!(same_by_bytes, expected, "{value}");
        }
        assert_eq!(written(Protocol::V0, |encoder| encoder.int(-7)), b"I-7\n");
        assert_eq!(written(Protocol::V1, |encoder| encoder.int(1 << 40)), b"L1099511627776L\n");
        assert_eq!(
            written(Protocol::V0, |encoder| encoder.long(&[0, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap()),
            b"L18446744073709551616L\n"
        );
    }

    #[test]
    fn a_frame_ends_at_the_first_boundary_behind_its_target() {
        let pickle = written(Protocol::V4, |encoder| {
            encoder.begin();
            for _ in 0..FRAME_SIZE_TARGET / 2 + 1 {
                encoder.boundary();
                encoder.int(1);
            }
            encoder.end();
        });
        assert_eq!(pickle[2], Opcode::Frame.byte());
        assert_eq!(pickle[3..11], (FRAME_SIZE_TARGET as u64).to_le_bytes());
        // the rest is K 01 and STOP: three bytes, too short for a frame of its own
        assert_eq!(pickle[11 + FRAME_SIZE_TARGET..], *b"K\x01.");
    }

    #[test]
    fn a_large_payload_stands_between_frames() {
        let large = vec![b'x'; FRAME_SIZE_TARGET];
        let pickle = written(Protocol::V4, |encoder| {
            encoder.begin();
            encoder.bytes(&large).unwrap();
            encoder.memoize(0).unwrap();
            encoder.end();
        });
        assert_eq!(pickle[..7], *b"\x80\x04B\0\0\x01\0");
        assert_eq!(pickle[7 + large.len()..], *b"\x94.");
    }

    #[test]
    fn names_that_a_line_cannot_carry_are_refused() {
        for (protocol, name) in [(Protocol::V2, "\u{e9}"), (Protocol::V3, "a\nb"), (Protocol::V3, "")] {
            let error = Encoder::new(Vec::new(), protocol).global("module", name).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::GlobalName { .. }), "{error}");
        }
        assert_eq!(written(Protocol::V3, |encoder| encoder.global("m", "\u{e9}").unwrap()), "cm\n\u{e9}\n".as_bytes());
    }
}
