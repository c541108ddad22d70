//! The straight way: values handed to serde while the pickle is read, for pickles of plain data.
//!
//! Most pickles could be read like JSON, from the first byte to the last: lists and dicts stand before what they hold. But only
//! most. A tuple's opcode stands behind its items, an object can be changed long after it was made, and even of a list one cannot
//! be sure that it ends where it seems to. So this reads as if the pickle were as CPython writes plain data, and checks each op
//! against what it took for granted: what it does not expect makes it give up, and the pickle is then run by the machine
//! ([`super::arena`]). A value that it returns is the one that the machine would have made.
//!
//! What is taken for granted:
//!
//! * Items are added to a list, dict or set right behind its opcode: one alone, or in batches of 1000 of which only the last may be
//!   smaller.
//! * A scalar where a sequence is asked for is the first item of a tuple; elsewhere it is itself.
//! * What is fetched from the memo is a string or bytes.
//! * Nothing is thrown away, and nothing is made by a call.

mod access;
mod ahead;
mod value;

use serde::de::{self, Deserialize};

use super::{options::Options, plain::*};
use crate::{frame, op::read};
use value::StraightDeserializer;

/// The pickle is not as expected, or not of the type that is asked for: the machine is to find out.
#[derive(Clone, Copy, Debug)]
pub(super) struct GaveUp;

impl std::fmt::Display for GaveUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("gave up")
    }
}

impl std::error::Error for GaveUp {}

impl de::Error for GaveUp {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        GaveUp
    }
}

type Step<T> = Result<T, GaveUp>;

/// Reads the value of the pickle that `input` begins with, and returns the pickle's length in bytes too.
pub(super) fn read<'de, T: Deserialize<'de>>(input: &'de [u8], options: &Options) -> Step<(T, usize)> {
    let mut pickle = Pickle {
        input,
        rest: input,
        memo: Vec::new(),
        recent: std::array::from_fn(|slot| (slot as u32 + 1, "")),
        options,
        fetched: 0,
        ahead: input.len(),
        depth: 0,
        failed: false,
    };
    if input.len() > u32::MAX as usize {
        return Err(GaveUp);
    }
    pickle.proto()?;
    let value = T::deserialize(StraightDeserializer { pickle: &mut pickle, then: Then::Op(STOP) })?;
    if pickle.failed || pickle.next()? != STOP {
        return Err(GaveUp);
    }
    Ok((value, input.len() - pickle.rest.len() + 1))
}

/// What comes behind a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    /// This opcode.
    Op(u8),
    /// The next key of a dict, or the end of the batch.
    Key,
    /// The next item of a list, set or tuple, or the end of the items.
    Item,
}

/// How many strings of the memo are kept at hand.
const RECENT: usize = 64;

/// The pickle that is being read.
struct Pickle<'de, 'o> {
    input: &'de [u8],
    /// What is not yet read.
    rest: &'de [u8],
    /// Where the ops stand whose objects were put in the memo.
    memo: Vec<u32>,
    /// Strings that were fetched from the memo, each at its index modulo [`RECENT`]: they are known to be UTF-8. Where there is
    /// none, the index is one that belongs elsewhere.
    recent: [(u32, &'de str); RECENT],
    options: &'o Options,
    /// How much was fetched from the memo.
    fetched: u64,
    /// How many bytes may still be looked at before they are read.
    ahead: usize,
    depth: usize,
    /// Whether an error came by. It would be another one on the other way, and may have been caught.
    failed: bool,
}

/// What a parser of an argument gives, or nothing.
macro_rules! arg {
    ($self:ident, $kind:ident) => {{
        let Ok((rest, arg)) = read::$kind($self.rest) else { return Err(GaveUp) };
        $self.rest = rest;
        arg
    }};
}
use arg;

impl<'de> Pickle<'de, '_> {
    fn proto(&mut self) -> Step<()> {
        if let [PROTO, version, rest @ ..] = self.rest {
            if *version > 5 {
                return Err(GaveUp);
            }
            self.rest = rest;
        }
        Ok(())
    }

    /// The next opcode's byte, which is not taken.
    #[inline(always)]
    fn next(&mut self) -> Step<u8> {
        match self.rest.first() {
            Some(&FRAME) => self.next_behind_frame(),
            Some(&byte) => Ok(byte),
            None => Err(GaveUp),
        }
    }

    #[cold]
    fn next_behind_frame(&mut self) -> Step<u8> {
        while let [FRAME, rest @ ..] = self.rest {
            self.rest = rest;
            let length = arg!(self, Uint8);
            frame::check(length, self.rest.len() as u64).map_err(|_| GaveUp)?;
        }
        self.rest.first().copied().ok_or(GaveUp)
    }

    /// Takes the opcode, which is there.
    #[inline(always)]
    fn skip_opcode(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Takes an opcode if it comes next.
    #[inline(always)]
    fn take_if(&mut self, opcode: u8) -> Step<bool> {
        let found = self.next()? == opcode;
        if found {
            self.skip_opcode();
        }
        Ok(found)
    }

    #[inline(always)]
    fn take(&mut self, opcode: u8) -> Step<()> {
        if self.take_if(opcode)? { Ok(()) } else { Err(GaveUp) }
    }

    /// How far it has come.
    #[inline(always)]
    fn offset(&self) -> usize {
        self.input.len() - self.rest.len()
    }

    /// Puts the object of the op at `offset` in the memo, where that is what comes next.
    #[inline(always)]
    fn memoize(&mut self, offset: usize) -> Step<()> {
        match self.rest {
            [MEMOIZE, rest @ ..] => {
                self.rest = rest;
                self.memo.push(offset as u32);
                Ok(())
            }
            _ => self.put(offset),
        }
    }

    #[inline]
    fn put(&mut self, offset: usize) -> Step<()> {
        let index = match self.rest.first() {
            Some(&BINPUT) => {
                self.skip_opcode();
                usize::from(arg!(self, Uint1))
            }
            Some(&LONG_BINPUT) => {
                self.skip_opcode();
                arg!(self, Uint4) as usize
            }
            Some(&FRAME) => {
                self.next_behind_frame()?;
                return self.memoize(offset);
            }
            _ => return Ok(()),
        };
        if index != self.memo.len() {
            return Err(GaveUp);
        }
        self.memo.push(offset as u32);
        Ok(())
    }

    /// The scalar of an opcode that was taken and stood at `offset`.
    #[inline]
    fn plain(&mut self, opcode: u8, offset: usize) -> Step<Option<Plain<'de>>> {
        let Some((rest, plain)) = plain(opcode, self.rest) else { return Ok(None) };
        self.rest = rest;
        if plain.is_text() {
            self.memoize(offset)?;
        }
        Ok(Some(plain))
    }

    /// The index behind `BINGET` or `LONG_BINGET`, which was taken.
    #[inline(always)]
    fn index(&mut self, opcode: u8) -> Step<u32> {
        Ok(match opcode {
            BINGET => u32::from(arg!(self, Uint1)),
            LONG_BINGET => arg!(self, Uint4),
            _ => return Err(GaveUp),
        })
    }

    /// A string that was fetched from the memo lately.
    #[inline(always)]
    fn get_recent(&mut self, index: u32) -> Option<&'de str> {
        let (known, text) = self.recent[index as usize % RECENT];
        (known == index).then_some(text)
    }

    /// What `BINGET` or `LONG_BINGET`, which was taken, fetches from the memo.
    fn get(&mut self, opcode: u8) -> Step<Plain<'de>> {
        let index = self.index(opcode)?;
        match self.get_recent(index) {
            Some(text) => {
                self.spend(text.len())?;
                Ok(Plain::Str(text))
            }
            None => self.get_elsewhere(index),
        }
    }

    #[inline(never)]
    fn get_elsewhere(&mut self, index: u32) -> Step<Plain<'de>> {
        let offset = *self.memo.get(index as usize).ok_or(GaveUp)?;
        let op = self.input.get(offset as usize..).and_then(|input| input.split_first());
        let Some((&opcode, arg)) = op else { return Err(GaveUp) };
        let (_, plain) = plain(opcode, arg).ok_or(GaveUp)?;
        if let Plain::Str(text) = plain {
            self.recent[index as usize % RECENT] = (index, text);
        }
        self.spend(plain.len())?;
        Ok(plain)
    }

    /// Counts what is fetched from the memo against the limit that the part of the pickle gives that was read: the machine, which
    /// knows how long all of it is, has the last word.
    #[inline]
    fn spend(&mut self, bytes: usize) -> Step<()> {
        self.fetched += bytes as u64 + 1;
        let read = self.offset();
        if self.fetched + 2 * read as u64 > self.options.expansion(read) { Err(GaveUp) } else { Ok(()) }
    }

    #[inline]
    fn enter(&mut self) -> Step<()> {
        self.depth += 1;
        if self.depth > self.options.max_depth { Err(GaveUp) } else { Ok(()) }
    }

    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Remembers whether an error came by.
    #[inline(always)]
    fn passing<T>(&mut self, result: Step<T>) -> Step<T> {
        if result.is_err() {
            self.failed = true;
        }
        result
    }
}
