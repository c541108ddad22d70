//! [`MemoIndex`]: where ops put objects in the memo, and where they get them from.

use num_bigint::BigInt;
use pickle_opcodes::Op;

/// An index of the memo: any integer that Python's `int` reads, since `PUT` and `GET` have it as text.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum MemoIndex {
    Usual(u64),
    /// Negative, or beyond 64 bits.
    Odd(BigInt),
}

/// The index that an op puts an object at in the memo, where it does; `Some(None)` where its text is no number.
pub(crate) fn put_index(op: &Op<'_>, memo_length: usize) -> Option<Option<MemoIndex>> {
    match *op {
        Op::Put(text) => Some(index(text)),
        Op::BinPut(index) => Some(Some(MemoIndex::Usual(index.into()))),
        Op::LongBinPut(index) => Some(Some(MemoIndex::Usual(index.into()))),
        Op::Memoize => Some(Some(MemoIndex::Usual(memo_length as u64))),
        _ => None,
    }
}

/// The index that an op gets an object from in the memo, where it does; `Some(None)` where its text is no number.
pub(crate) fn get_index(op: &Op<'_>) -> Option<Option<MemoIndex>> {
    match *op {
        Op::Get(text) => Some(index(text)),
        Op::BinGet(index) => Some(Some(MemoIndex::Usual(index.into()))),
        Op::LongBinGet(index) => Some(Some(MemoIndex::Usual(index.into()))),
        _ => None,
    }
}

/// How many digits an index may have: as many as Python's `int` converts (`sys.get_int_max_str_digits`).
const MAX_DIGITS: usize = 4300;

/// What Python's `int` makes of bytes: blanks around it, a sign, and digits with single underscores between them.
fn index(text: &[u8]) -> Option<MemoIndex> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0x09..=0x0d);
    let start = text.iter().position(|byte| !is_blank(byte))?;
    let end = text.iter().rposition(|byte| !is_blank(byte))? + 1;
    let (negative, number) = match &text[start..end] {
        [b'-', number @ ..] => (true, number),
        [b'+', number @ ..] | number => (false, number),
    };
    let mut digits = String::new();
    for group in number.split(|&byte| byte == b'_') {
        if group.is_empty() || !group.iter().all(u8::is_ascii_digit) || digits.len() + group.len() > MAX_DIGITS {
            return None;
        }
        digits.push_str(std::str::from_utf8(group).ok()?);
    }
    match digits.parse() {
        Ok(index) if !negative || index == 0 => Some(MemoIndex::Usual(index)),
        _ => {
            let index: BigInt = digits.parse().ok()?;
            Some(MemoIndex::Odd(if negative { -index } else { index }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_index_that_python_s_int_makes_of_it() {
        let usual = |index| Some(MemoIndex::Usual(index));
        let odd = |text: &str| Some(MemoIndex::Odd(text.parse().unwrap()));
        for (text, expected) in [
            (&b"7"[..], usual(7)),
            (b"007", usual(7)),
            (b" \t+1_0\r\x0b", usual(10)),
            (b"-0", usual(0)),
            (b"-1", odd("-1")),
            (b"18446744073709551615", usual(u64::MAX)),
            (b"18446744073709551616", odd("18446744073709551616")),
            (b"", None),
            (b" ", None),
            (b"x", None),
            (b"+-1", None),
            (b"1__0", None),
            (b"_1", None),
            (b"1_", None),
            (b"1 0", None),
            (b"\xb2", None),
        ] {
            assert_eq!(index(text), expected, "{}", text.escape_ascii());
        }
        let digits = [b'1'; MAX_DIGITS + 1];
        assert!(index(&digits[1..]).is_some() && index(&digits).is_none());
    }
}
