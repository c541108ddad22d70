//! [`Dis`]: the listing of a pickle, in the text of Python's `pickletools.dis`.

mod annotation;
mod arg;

use std::{collections::BTreeMap, io};

use num_bigint::BigInt;
use pickle_opcodes::{Op, Opcode, StackItem};

use crate::{Error, ErrorKind, Limits, Memo, OpReader, op::op, repr};
use arg::Arg;

/// How much of a listing is put together before it is written.
const CHUNK: usize = 1 << 15;

/// Lists a pickle, in the very text of `pickletools.dis` of CPython 3.13.
///
/// One line per opcode: where it stands, its byte, its name (indented by the marks that are open), its argument as Python's
/// `repr` writes it, and for opcodes that take a slice of the stack where its mark was. As it lists, it checks that the opcodes
/// find on the stack what they take off it, and that memo entries are stored before they are used, and never twice.
///
/// ```
/// use pickle_parse::Dis;
///
/// let mut out = Vec::new();
/// Dis::new().write(b"\x80\x02](K\x01K\x02e.", &mut out)?;
/// assert_eq!(
///     String::from_utf8_lossy(&out),
///     r"    0: \x80 PROTO      2
///     2: ]    EMPTY_LIST
///     3: (    MARK
///     4: K        BININT1    1
///     6: K        BININT1    2
///     8: e        APPENDS    (MARK at 3)
///     9: .    STOP
/// highest protocol among opcodes = 2
/// ",
/// );
/// # Ok::<(), pickle_parse::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dis {
    indent: usize,
    annotate: usize,
    offset: u64,
    max_depth: usize,
    limits: Limits,
    keep_memo: bool,
    memo: DisMemo,
}

impl Default for Dis {
    fn default() -> Self {
        Dis {
            indent: 4,
            annotate: 0,
            offset: 0,
            max_depth: 10_000,
            limits: Limits::DEFAULT,
            keep_memo: false,
            memo: DisMemo::default(),
        }
    }
}

/// Lists a pickle as [`Dis`] does with its defaults.
///
/// ```
/// assert_eq!(
///     pickle_parse::dis(b"N.")?,
///     "    0: N    NONE\n    1: .    STOP\nhighest protocol among opcodes = 0\n"
/// );
/// # Ok::<(), pickle_parse::Error>(())
/// ```
///
/// # Errors
///
/// As [`Dis::write`]; what was listed until then is lost.
pub fn dis(input: &[u8]) -> Result<String, Error> {
    let mut out = Vec::new();
    Dis::new().write(input, &mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

impl Dis {
    /// Lists as `pickletools.dis` does unless told otherwise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// By how many blanks to indent for each open mark; 4 unless given.
    #[must_use]
    pub fn indent(mut self, blanks: usize) -> Self {
        self.indent = blanks;
        self
    }

    /// Ends each line with what the opcode does, from this column on where there is room, counted from the opcode's byte; 0 for
    /// no such text, which is the default.
    #[must_use]
    pub fn annotate(mut self, column: usize) -> Self {
        self.annotate = column;
        self
    }

    /// Counts the offsets in listings and errors from here on; 0 unless given.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Keeps the memo from one listing to the next, for pickles of one pickler.
    #[must_use]
    pub fn keep_memo(mut self, keep: bool) -> Self {
        self.keep_memo = keep;
        self
    }

    /// How many marks may be open at once. Since they indent each line, the length of the listing is the product of the pickle's
    /// length and this. 10,000 unless given, which no pickle of Python's own pickler comes near.
    #[must_use]
    pub fn max_depth(mut self, marks: usize) -> Self {
        self.max_depth = marks;
        self
    }

    /// Limits; of them, only [`Limits::int_digits`] matters here.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lists the pickle that `input` begins with, through `STOP`; what comes behind is not looked at. Returns the pickle's length
    /// in bytes.
    ///
    /// The listing is ASCII but for what of strings is printable, which is UTF-8.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Listing`] with the words of `pickletools` for what it does not accept: what could be listed until there has
    /// been written. [`ErrorKind::Limit`] for too many open marks. [`ErrorKind::Output`] where `out` fails.
    pub fn write(&mut self, input: &[u8], out: &mut impl io::Write) -> Result<usize, Error> {
        self.listing().write(input, out)
    }

    /// Lists the next pickle of a stream, which need not fit into memory: no more of it is held than one op. Returns the pickle's
    /// length in bytes. Offsets are counted from where the reader began.
    ///
    /// ```
    /// use pickle_parse::{Dis, OpReader};
    ///
    /// let mut reader = OpReader::new(&b"N.K\x01."[..]);
    /// let (mut first, mut second) = (Vec::new(), Vec::new());
    /// assert_eq!(Dis::new().write_next(&mut reader, &mut first)?, 2);
    /// assert_eq!(Dis::new().write_next(&mut reader, &mut second)?, 3);
    /// assert!(second.starts_with(b"    2: K    BININT1    1\n    4: .    STOP\n"));
    /// # Ok::<(), pickle_parse::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Dis::write`]; [`ErrorKind::Input`] where the stream fails; [`ErrorKind::ArgTooLong`] where the reader's limit says
    /// so.
    pub fn write_next<R: io::BufRead>(&mut self, reader: &mut OpReader<R>, out: &mut impl io::Write) -> Result<u64, Error> {
        self.listing().write_next(reader, out)
    }

    fn listing(&mut self) -> Listing<'_> {
        if !self.keep_memo {
            self.memo = DisMemo::default();
        }
        Listing {
            indent: self.indent,
            annotate: self.annotate,
            annotate_next: self.annotate,
            base: self.offset,
            max_depth: self.max_depth,
            limits: self.limits,
            memo: &mut self.memo,
            stack: Vec::new(),
            marks: Vec::new(),
            protocol: -1,
            text: Vec::new(),
        }
    }
}

/// What the emulated memo holds. Its keys are integers of any size and sign.
#[derive(Clone, Debug, Default)]
struct DisMemo {
    usual: Memo<StackItem>,
    unusual: BTreeMap<BigInt, StackItem>,
}

impl DisMemo {
    fn len(&self) -> usize {
        self.usual.len() + self.unusual.len()
    }

    fn get(&self, key: &Key) -> Option<StackItem> {
        match key {
            Key::Usual(index) => self.usual.get(*index),
            Key::Unusual(index) => self.unusual.get(index),
        }
        .copied()
    }

    fn set(&mut self, key: Key, item: StackItem) {
        match key {
            Key::Usual(index) => self.usual.set(index, item),
            Key::Unusual(index) => _ = self.unusual.insert(index, item),
        }
    }
}

/// A key of the memo.
enum Key {
    Usual(usize),
    Unusual(BigInt),
}

impl Key {
    /// The key that an argument is; strings and the like, which are none, cannot come here.
    fn new(arg: &Arg<'_>) -> Key {
        match arg {
            Arg::Bool(value) => Key::Usual(usize::from(*value)),
            Arg::Int(value) => usize::try_from(*value).map_or_else(|_| Key::Unusual(BigInt::from(*value)), Key::Usual),
            Arg::Big(value) => Key::Unusual(value.clone()),
            _ => Key::Usual(0),
        }
    }
}

/// A listing being made.
struct Listing<'m> {
    indent: usize,
    annotate: usize,
    /// The column of the next line's annotation.
    annotate_next: usize,
    base: u64,
    max_depth: usize,
    limits: Limits,
    memo: &'m mut DisMemo,
    stack: Vec<StackItem>,
    /// The offsets of open marks.
    marks: Vec<u64>,
    protocol: i8,
    /// What was not yet written.
    text: Vec<u8>,
}

/// What ends a listing: a text of `pickletools`, or a kind of our own.
type Fault = ErrorKind;

impl Listing<'_> {
    fn write(mut self, input: &[u8], out: &mut impl io::Write) -> Result<usize, Error> {
        let mut rest = input;
        loop {
            let offset = self.base + (input.len() - rest.len()) as u64;
            let opcode = rest.first().and_then(|&byte| Opcode::from_byte(byte));
            let listed = match op(rest) {
                Ok((after, op)) => {
                    rest = after;
                    self.line(&op, offset)
                }
                Err(_) => Err(arg::unreadable(rest, offset)),
            };
            if self.listed(listed, offset, opcode, out)? {
                return Ok(input.len() - rest.len());
            }
        }
    }

    fn write_next<R: io::BufRead>(mut self, reader: &mut OpReader<R>, out: &mut impl io::Write) -> Result<u64, Error> {
        let start = reader.offset();
        loop {
            let offset = self.base + reader.offset();
            let (listed, opcode) = match reader.next_op() {
                Ok(Some((_, op))) => (self.line(&op, offset), Some(op.opcode())),
                Ok(None) => (Err(arg::unreadable(&[], offset)), None),
                Err(error) => {
                    let opcode = error.opcode();
                    let fault = match error.into_kind() {
                        kind @ (ErrorKind::Input(_) | ErrorKind::ArgTooLong { .. }) => kind,
                        ErrorKind::RanOut => arg::unreadable(&[], offset),
                        ErrorKind::InvalidLoadKey(byte) => arg::unreadable(&[byte], offset),
                        _ => arg::unreadable(reader.gathered(), offset),
                    };
                    (Err(fault), opcode)
                }
            };
            if self.listed(listed, offset, opcode, out)? {
                return Ok(reader.offset() - start);
            }
        }
    }

    /// Writes out what was listed, if it is enough or the last; says whether it was the last.
    fn listed(
        &mut self,
        listed: Result<(), Fault>,
        offset: u64,
        opcode: Option<Opcode>,
        out: &mut impl io::Write,
    ) -> Result<bool, Error> {
        let done = opcode == Some(Opcode::Stop);
        let listed = if done { listed.and_then(|()| self.last_line()) } else { listed };
        if done || listed.is_err() || self.text.len() >= CHUNK {
            self.flush(out, offset, opcode)?;
        }
        match listed {
            Ok(()) => Ok(done),
            Err(fault) => Err(Error::new(fault, offset, opcode)),
        }
    }

    fn flush(&mut self, out: &mut impl io::Write, offset: u64, opcode: Option<Opcode>) -> Result<(), Error> {
        out.write_all(&self.text).map_err(|error| Error::output(error, offset, opcode))?;
        self.text.clear();
        Ok(())
    }

    fn line(&mut self, op: &Op<'_>, offset: u64) -> Result<(), Fault> {
        let opcode = op.opcode();
        let arg = Arg::new(op, self.limits.int_digits)?;
        if self.marks.len() > self.max_depth {
            return Err(ErrorKind::Limit { what: "open marks", limit: self.max_depth as u64 });
        }
        repr::decimal(&mut self.text, offset, 5);
        self.text.extend_from_slice(b": ");
        let start = self.text.len();
        self.text.extend_from_slice(byte_text(opcode));
        self.blanks(self.indent.saturating_mul(self.marks.len()));
        let (name, name_length) = padded_name(opcode);
        repr::cut_to(&mut self.text, Some(name), name_length);
        self.protocol = self.protocol.max(opcode.protocol().version() as i8);

        let mut after = opcode.stack_after();
        let mut to_pop = opcode.stack_before().len();
        let mut note = Note::None;
        let mut fault = None;
        let taken_mark = opcode.stack_before().iter().position(|&item| item == StackItem::Mark);
        if taken_mark.is_some() || (opcode == Opcode::Pop && self.stack.last() == Some(&StackItem::Mark)) {
            match self.marks.pop() {
                Some(mark) => {
                    note = Note::Mark(mark);
                    self.pop_mark(start)?;
                    to_pop = taken_mark.unwrap_or(0);
                }
                None => {
                    note = Note::NoMark;
                    fault = Some(NO_MARK.to_owned());
                }
            }
        }

        let gotten;
        match op {
            Op::Memoize => {
                let index = self.memo.len();
                note = Note::As(index);
                fault = self.memoize(Key::Usual(index), &arg).err();
            }
            Op::Put(_) | Op::BinPut(_) | Op::LongBinPut(_) => fault = self.memoize(Key::new(&arg), &arg).err(),
            Op::Get(_) | Op::BinGet(_) | Op::LongBinGet(_) => match self.memo.get(&Key::new(&arg)) {
                Some(item) => {
                    gotten = [item];
                    after = &gotten;
                }
                None => fault = Some(format!("memo key {} has never been stored into", self.repr(&arg)?)),
            },
            _ => {}
        }

        if !matches!((&arg, &note), (Arg::Absent, Note::None)) {
            self.blanks(10usize.saturating_sub(name_length));
        }
        if !matches!(arg, Arg::Absent) {
            self.text.push(b' ');
            if let Err(fault) = arg.repr(&mut self.text, self.limits.int_digits) {
                self.text.truncate(start);
                return Err(fault);
            }
        }
        self.note(&note);
        if self.annotate > 0 {
            self.annotation(opcode, start);
        }
        self.text.push(b'\n');

        if let Some(fault) = fault {
            return Err(listing(fault));
        }
        let Some(left) = self.stack.len().checked_sub(to_pop) else {
            let only = self.stack.len();
            return Err(listing(format!("tries to pop {to_pop} items from stack with only {only} items")));
        };
        self.stack.truncate(left);
        if opcode == Opcode::Mark {
            self.marks.push(offset);
        }
        after.iter().for_each(|&item| self.stack.push(item));
        Ok(())
    }

    /// Takes everything above the topmost mark off the stack, and the mark. The text of the line that starts at `start` goes
    /// if there is none: an opcode that does not know of marks has taken it, as `POP_MARK` would have.
    fn pop_mark(&mut self, start: usize) -> Result<(), Fault> {
        match self.stack.iter().rposition(|&item| item == StackItem::Mark) {
            Some(mark) => {
                self.stack.truncate(mark);
                Ok(())
            }
            None => {
                self.text.truncate(start);
                // Not meant as a message: Python's list says so when the loop that looks for the mark comes to its end.
                Err(listing("list index out of range".to_owned()))
            }
        }
    }

    fn memoize(&mut self, key: Key, arg: &Arg<'_>) -> Result<(), String> {
        if self.memo.get(&key).is_some() {
            let key = self.repr(arg).unwrap_or_default();
            return Err(format!("memo key {key} already defined"));
        }
        match self.stack.last() {
            None => Err("stack is empty -- can't store into memo".to_owned()),
            Some(StackItem::Mark) => Err("can't store markobject in the memo".to_owned()),
            Some(&top) => {
                self.memo.set(key, top);
                Ok(())
            }
        }
    }

    fn repr(&self, arg: &Arg<'_>) -> Result<String, Fault> {
        let mut repr = Vec::new();
        arg.repr(&mut repr, self.limits.int_digits)?;
        Ok(String::from_utf8_lossy(&repr).into_owned())
    }

    fn blanks(&mut self, mut blanks: usize) {
        const SOME: [u8; 64] = [b' '; 64];
        while blanks > SOME.len() {
            self.text.extend_from_slice(&SOME);
            blanks -= SOME.len();
        }
        repr::cut_to(&mut self.text, Some(&SOME), blanks);
    }

    fn note(&mut self, note: &Note) {
        let (before, number, after): (&[u8], _, &[u8]) = match *note {
            Note::None => return,
            Note::NoMark => {
                self.text.push(b' ');
                return self.text.extend_from_slice(NO_MARK.as_bytes());
            }
            Note::Mark(mark) => (b" (MARK at ", mark, b")"),
            Note::As(index) => (b" (as ", index as u64, b")"),
        };
        self.text.extend_from_slice(before);
        repr::decimal(&mut self.text, number, 0);
        self.text.extend_from_slice(after);
    }

    fn annotation(&mut self, opcode: Opcode, start: usize) {
        // In characters, as Python counts them.
        let length = self.text[start..].iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
        let column = length.max(self.annotate_next);
        self.blanks(column - length);
        self.annotate_next = if column > 50 { self.annotate } else { column };
        self.text.push(b' ');
        self.text.extend_from_slice(annotation::annotation(opcode).as_bytes());
    }

    fn last_line(&mut self) -> Result<(), Fault> {
        self.text.extend_from_slice(format!("highest protocol among opcodes = {}\n", self.protocol).as_bytes());
        if self.stack.is_empty() {
            return Ok(());
        }
        let left: Vec<_> = self.stack.iter().map(|item| item.name()).collect();
        Err(listing(format!("stack not empty after STOP: [{}]", left.join(", "))))
    }
}

const NO_MARK: &str = "no MARK exists on stack";

/// What stands behind an opcode's argument.
enum Note {
    None,
    /// The mark that the opcode takes stands at this offset.
    Mark(u64),
    NoMark,
    /// The memo index at which `MEMOIZE` stores.
    As(usize),
}

fn listing(text: String) -> Fault {
    ErrorKind::Listing(text.into())
}

/// An opcode's byte as Python's repr writes it, to a width of four, and a blank.
fn byte_text(opcode: Opcode) -> &'static [u8; 5] {
    macro_rules! texts {
        ($($variant:ident $name:literal $byte:literal $(($arg:ident))? [$($before:ident)*] [$($after:ident)*] $protocol:ident
           $doc:literal;)*) => {
            match opcode { $(Opcode::$variant => const { &text($byte) },)* }
        };
    }
    const fn text(byte: u8) -> [u8; 5] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            0x20..0x7f => [byte, b' ', b' ', b' ', b' '],
            _ => [b'\\', b'x', HEX[(byte >> 4) as usize], HEX[(byte & 0xf) as usize], b' '],
        }
    }
    pickle_opcodes::for_each_opcode!(texts)
}

/// An opcode's name with something behind it, and how long it is.
fn padded_name(opcode: Opcode) -> (&'static [u8; LONGEST_NAME], usize) {
    macro_rules! names {
        ($($variant:ident $name:literal $byte:literal $(($arg:ident))? [$($before:ident)*] [$($after:ident)*] $protocol:ident
           $doc:literal;)*) => {
            match opcode { $(Opcode::$variant => (const { &padded($name) }, $name.len()),)* }
        };
    }
    const fn padded(name: &str) -> [u8; LONGEST_NAME] {
        let mut padded = [b' '; LONGEST_NAME];
        let mut at = 0;
        while at < name.len() {
            padded[at] = name.as_bytes()[at];
            at += 1;
        }
        padded
    }
    pickle_opcodes::for_each_opcode!(names)
}

/// No opcode's name is longer.
const LONGEST_NAME: usize = 16;
