//! [`write_op`] and [`OpWriter`]: opcodes and their arguments to bytes, one at a time, as they were read.

use std::collections::HashSet;

use pickle_opcodes::{GlobalName, Op, Opcode, StackItem, for_each_opcode};

use crate::{
    Error, ErrorKind, Sink,
    memo::{MemoIndex, get_index, put_index},
};

macro_rules! bind {
    ($arg:ident $value:ident) => {
        $value
    };
}

macro_rules! define_write_op {
    ($($variant:ident $name:literal $byte:literal $(($arg:ident))? [$($before:ident)*] [$($after:ident)*] $protocol:ident
       $doc:literal;)*) => {
        /// Writes an op: the opcode's byte and its argument, with the length or the newline that belongs to it. An op that was
        /// read comes out as the bytes that it was read from.
        ///
        /// ```
        /// use pickle_emit::write_op;
        /// use pickle_opcodes::Op;
        ///
        /// let mut pickle = Vec::new();
        /// for op in [Op::Proto(4), Op::ShortBinUnicode(b"hello"), Op::Memoize, Op::Stop] {
        ///     write_op(&mut pickle, &op)?;
        /// }
        /// assert_eq!(pickle, b"\x80\x04\x8c\x05hello\x94.");
        /// # Ok::<(), pickle_emit::Error>(())
        /// ```
        ///
        /// # Errors
        ///
        /// [`ErrorKind::ArgTooLong`] for a payload whose length the opcode cannot carry, [`ErrorKind::ArgLineBreak`] for a line
        /// that holds a newline. Nothing is written then.
        pub fn write_op(sink: &mut impl Sink, op: &Op<'_>) -> Result<(), Error> {
            match *op {
                $(Op::$variant $((bind!($arg value)))? => {
                    $(return arg::$arg(sink, Opcode::$variant, value);)?
                    #[allow(unreachable_code)]
                    sink.write(&[$byte]);
                })*
            }
            Ok(())
        }
    };
}
for_each_opcode!(define_write_op);

/// How an op with an argument of each kind is written; the names are those of [`ArgKind`](pickle_opcodes::ArgKind).
#[expect(non_snake_case, reason = "named as the kinds are")]
mod arg {
    use super::{Error, ErrorKind, GlobalName, Opcode, Sink};

    type Written = Result<(), Error>;

    fn fixed<const N: usize>(sink: &mut impl Sink, opcode: Opcode, value: [u8; N]) -> Written {
        sink.write_parts(&[opcode.byte()], &value);
        Ok(())
    }

    pub(super) fn Uint1(sink: &mut impl Sink, opcode: Opcode, value: u8) -> Written {
        fixed(sink, opcode, [value])
    }

    pub(super) fn Uint2(sink: &mut impl Sink, opcode: Opcode, value: u16) -> Written {
        fixed(sink, opcode, value.to_le_bytes())
    }

    pub(super) fn Int4(sink: &mut impl Sink, opcode: Opcode, value: i32) -> Written {
        fixed(sink, opcode, value.to_le_bytes())
    }

    pub(super) fn Uint4(sink: &mut impl Sink, opcode: Opcode, value: u32) -> Written {
        fixed(sink, opcode, value.to_le_bytes())
    }

    pub(super) fn Uint8(sink: &mut impl Sink, opcode: Opcode, value: u64) -> Written {
        fixed(sink, opcode, value.to_le_bytes())
    }

    pub(super) fn Float8(sink: &mut impl Sink, opcode: Opcode, value: f64) -> Written {
        fixed(sink, opcode, value.to_bits().to_be_bytes())
    }

    fn line(sink: &mut impl Sink, opcode: Opcode, lines: &[&[u8]]) -> Written {
        if lines.iter().any(|line| line.contains(&b'\n')) {
            return Err(ErrorKind::ArgLineBreak { opcode }.into());
        }
        sink.write(&[opcode.byte()]);
        for line in lines {
            sink.write_parts(line, b"\n");
        }
        Ok(())
    }

    pub(super) fn Stringnl(sink: &mut impl Sink, opcode: Opcode, value: &[u8]) -> Written {
        line(sink, opcode, &[value])
    }

    pub(super) use self::{
        Stringnl as DecimalnlLong, Stringnl as DecimalnlShort, Stringnl as Floatnl, Stringnl as StringnlNoescape,
        Stringnl as Unicodestringnl,
    };

    pub(super) fn StringnlNoescapePair(sink: &mut impl Sink, opcode: Opcode, value: GlobalName<'_>) -> Written {
        line(sink, opcode, &[value.module, value.name])
    }

    #[cold]
    fn too_long(opcode: Opcode, value: &[u8], max: u64) -> Written {
        Err(ErrorKind::ArgTooLong { opcode, length: value.len() as u64, max }.into())
    }

    pub(super) fn counted1(sink: &mut impl Sink, opcode: Opcode, value: &[u8]) -> Written {
        let Ok(length) = u8::try_from(value.len()) else { return too_long(opcode, value, u8::MAX.into()) };
        sink.write_parts(&[opcode.byte(), length], value);
        Ok(())
    }

    pub(super) fn counted4(sink: &mut impl Sink, opcode: Opcode, value: &[u8]) -> Written {
        let Ok(length) = u32::try_from(value.len()) else { return too_long(opcode, value, u32::MAX.into()) };
        let [a, b, c, d] = length.to_le_bytes();
        sink.write_parts(&[opcode.byte(), a, b, c, d], value);
        Ok(())
    }

    pub(super) fn counted8(sink: &mut impl Sink, opcode: Opcode, value: &[u8]) -> Written {
        let mut head = [opcode.byte(); 9];
        head[1..].copy_from_slice(&(value.len() as u64).to_le_bytes());
        sink.write_parts(&head, value);
        Ok(())
    }

    pub(super) fn Long4(sink: &mut impl Sink, opcode: Opcode, value: &[u8]) -> Written {
        let max = i32::MAX as u32;
        if value.len() > max as usize { too_long(opcode, value, max.into()) } else { counted4(sink, opcode, value) }
    }

    pub(super) use self::{
        counted1 as Bytes1, counted1 as Long1, counted1 as String1, counted1 as Unicodestring1, counted4 as Bytes4,
        counted4 as String4, counted4 as Unicodestring4, counted8 as Bytearray8, counted8 as Bytes8, counted8 as Unicodestring8,
    };
}

/// Writes ops, and sees to it, in debug builds, that they make a pickle: that each finds on the stack what it takes, that nothing
/// is fetched from the memo before it was put there, and that `STOP` leaves the stack empty.
///
/// ```
/// use pickle_emit::OpWriter;
/// use pickle_opcodes::Op;
///
/// let mut writer = OpWriter::with_checks(Vec::new());
/// writer.write(&Op::BinInt1(1))?;
/// let error = writer.write(&Op::Append).unwrap_err();
/// assert_eq!(error.to_string(), "APPEND: the stack has 1 of the 2 objects that it takes");
/// # Ok::<(), pickle_emit::Error>(())
/// ```
#[derive(Debug)]
pub struct OpWriter<S> {
    sink: S,
    checks: Option<Checks>,
}

impl<S: Sink> OpWriter<S> {
    /// A writer that checks what it writes in debug builds.
    pub fn new(sink: S) -> Self {
        OpWriter { sink, checks: cfg!(debug_assertions).then(Checks::default) }
    }

    /// A writer that checks what it writes, in release builds too.
    pub fn with_checks(sink: S) -> Self {
        OpWriter { sink, checks: Some(Checks::default()) }
    }

    /// Writes an op.
    ///
    /// # Errors
    ///
    /// As [`write_op`], and [`ErrorKind::Discipline`] where the op is checked and does not fit behind those before it. Nothing is
    /// written then.
    pub fn write(&mut self, op: &Op<'_>) -> Result<(), Error> {
        if let Some(checks) = &mut self.checks {
            checks.check(op)?;
        }
        write_op(&mut self.sink, op)
    }

    /// What was written so far.
    pub fn sink(&self) -> &S {
        &self.sink
    }

    /// Ends the work and hands back the sink.
    pub fn into_sink(self) -> S {
        self.sink
    }
}

/// How high the stack is, where its marks are, and what is in the memo.
#[derive(Debug, Default)]
struct Checks {
    height: usize,
    marks: Vec<usize>,
    memo: HashSet<MemoIndex>,
    stopped: bool,
}

impl Checks {
    fn check(&mut self, op: &Op<'_>) -> Result<(), Error> {
        let opcode = op.opcode();
        let fault = |what: String| Err(ErrorKind::Discipline { opcode, what }.into());
        if std::mem::take(&mut self.stopped) {
            // Another pickle begins, which may use the memo of the last one.
            (self.height, self.marks) = (0, Vec::new());
        }
        let fence = self.marks.last().copied().unwrap_or(0);
        let before = opcode.stack_before();
        let mark_at = before.iter().position(|&item| item == StackItem::Mark);
        if opcode == Opcode::Pop && fence == self.height && self.marks.pop().is_some() {
            return Ok(());
        }
        if let Some(below) = mark_at {
            let Some(mark) = self.marks.pop() else { return fault("there is no mark on the stack".into()) };
            // OBJ takes its class from above the mark.
            let above = before[below + 1..].iter().filter(|&&item| item != StackItem::StackSlice).count();
            let slice = self.height - mark;
            if slice < above {
                return fault(format!("there are {slice} of the {above} objects above the mark that it takes"));
            }
            if matches!(opcode, Opcode::Dict | Opcode::SetItems) && !slice.is_multiple_of(2) {
                return fault("a key has no value".into());
            }
            self.height = mark;
            self.take(opcode, below)?;
        } else {
            self.take(opcode, before.len())?;
        }
        match opcode.stack_after() {
            [StackItem::Mark] => self.marks.push(self.height),
            after => self.height += after.len(),
        }
        if let Some(index) = put_index(op, self.memo.len()) {
            let Some(index) = index else { return fault("the memo's index is no number".into()) };
            if self.height == self.marks.last().copied().unwrap_or(0) {
                return fault("there is no object on top of the stack".into());
            }
            self.memo.insert(index);
        } else if let Some(index) = get_index(op)
            && !index.is_some_and(|index| self.memo.contains(&index))
        {
            return fault("the memo has nothing at that index".into());
        }
        if opcode == Opcode::Stop {
            self.stopped = true;
            if self.height > 0 || !self.marks.is_empty() {
                return fault(format!("{} objects are left on the stack", self.height + self.marks.len()));
            }
        }
        Ok(())
    }

    fn take(&mut self, opcode: Opcode, count: usize) -> Result<(), Error> {
        let fence = self.marks.last().copied().unwrap_or(0);
        let there = self.height - fence;
        if there < count {
            let what = match count {
                1 => "there is no object on the stack that it could take".to_owned(),
                _ => format!("the stack has {there} of the {count} objects that it takes"),
            };
            return Err(ErrorKind::Discipline { opcode, what }.into());
        }
        self.height -= count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(op: &Op<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_op(&mut bytes, op).unwrap();
        bytes
    }

    #[test]
    fn an_op_is_its_byte_and_its_argument() {
        let name = GlobalName { module: b"m", name: b"n" };
        let cases: [(Op<'_>, &[u8]); 25] = [
            (Op::Stop, b"."),
            (Op::Int(b"01"), b"I01\n"),
            (Op::Long(b"5L"), b"L5L\n"),
            (Op::Float(b"1.5"), b"F1.5\n"),
            (Op::String(b"'a'"), b"S'a'\n"),
            (Op::Unicode(b"a"), b"Va\n"),
            (Op::PersId(b"id"), b"Pid\n"),
            (Op::Global(name), b"cm\nn\n"),
            (Op::Inst(name), b"im\nn\n"),
            (Op::BinInt(-2), b"J\xfe\xff\xff\xff"),
            (Op::BinInt2(256), b"M\0\x01"),
            (Op::LongBinGet(1 << 24), b"j\0\0\0\x01"),
            (Op::Frame(258), b"\x95\x02\x01\0\0\0\0\0\0"),
            (Op::BinFloat(1.0), b"G?\xf0\0\0\0\0\0\0"),
            (Op::Long1(b"\x01\x02"), b"\x8a\x02\x01\x02"),
            (Op::Long4(b"\x01"), b"\x8b\x01\0\0\0\x01"),
            (Op::BinString(b"a"), b"T\x01\0\0\0a"),
            (Op::ShortBinString(b"a"), b"U\x01a"),
            (Op::BinBytes8(b"a"), b"\x8e\x01\0\0\0\0\0\0\0a"),
            (Op::ByteArray8(b""), b"\x96\0\0\0\0\0\0\0\0"),
            (Op::BinUnicode(b"a"), b"X\x01\0\0\0a"),
            (Op::BinUnicode8(b"a"), b"\x8d\x01\0\0\0\0\0\0\0a"),
            (Op::Ext2(257), b"\x83\x01\x01"),
            (Op::Ext4(1), b"\x84\x01\0\0\0"),
            (Op::Put(b"7"), b"p7\n"),
        ];
        for (op, expected) in cases {
            assert_eq!(written(&op), expected, "{op:?}");
        }
    }

    #[test]
    fn what_an_opcode_cannot_carry_is_refused_and_nothing_is_written() {
        let long = [b'x'; 256];
        for op in [
            Op::ShortBinUnicode(&long),
            Op::Long1(&long),
            Op::ShortBinString(&long),
            Op::Int(b"1\n"),
            Op::Global(GlobalName { module: b"m", name: b"n\n" }),
        ] {
            let mut bytes = Vec::new();
            let error = write_op(&mut bytes, &op).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::ArgTooLong { .. } | ErrorKind::ArgLineBreak { .. }), "{error}");
            assert_eq!(bytes, b"");
        }
    }

    #[test]
    fn checks_accept_what_is_a_pickle_and_name_what_is_not() {
        let one = Op::BinInt1(1);
        let cases: [(&[Op<'_>], Option<&str>); 17] = [
            (&[one, Op::Stop], None),
            (&[Op::Mark, one, one, Op::Tuple, Op::BinPut(0), Op::BinGet(0), Op::Tuple2, Op::Stop], None),
            (&[Op::Mark, one, Op::Pop, Op::Pop, one, Op::Stop, one, Op::Stop], None),
            (&[Op::EmptyDict, Op::Mark, one, one, Op::SetItems, Op::Stop], None),
            (&[Op::Mark, one, one, Op::Obj, Op::Stop], None),
            (&[one, Op::Memoize, Op::Pop, Op::BinGet(0), Op::Stop], None),
            (&[Op::Stop], Some("STOP: there is no object on the stack that it could take")),
            (&[one, one, Op::Stop], Some("STOP: 1 objects are left on the stack")),
            (&[one, Op::Mark, Op::Append], Some("APPEND: the stack has 0 of the 2 objects that it takes")),
            (&[one, Op::Appends], Some("APPENDS: there is no mark on the stack")),
            (&[Op::Mark, one, Op::Appends], Some("APPENDS: there is no object on the stack that it could take")),
            (&[Op::Mark, Op::Obj], Some("OBJ: there are 0 of the 1 objects above the mark that it takes")),
            (&[Op::EmptyDict, Op::Mark, one, Op::SetItems], Some("SETITEMS: a key has no value")),
            (&[Op::BinGet(0)], Some("BINGET: the memo has nothing at that index")),
            (&[one, Op::Put(b"x")], Some("PUT: the memo's index is no number")),
            (&[Op::BinPut(0)], Some("BINPUT: there is no object on top of the stack")),
            (&[one, Op::Mark, Op::BinPut(0)], Some("BINPUT: there is no object on top of the stack")),
        ];
        for (ops, expected) in cases {
            let mut writer = OpWriter::with_checks(Vec::new());
            let error = ops.iter().find_map(|op| writer.write(op).err()).map(|error| error.to_string());
            assert_eq!(error.as_deref(), expected, "{ops:?}");
        }
    }
}
