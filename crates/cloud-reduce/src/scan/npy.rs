//! [`Npy`]: where the data of numpy's `.npy` begins, and whether it may be a pickle.
//!
//! The format is that of `numpy.lib.format`: a header, which is a Python literal, and behind it numbers, or a pickle where the dtype has
//! objects.

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Npy {
    /// Where the data begins.
    pub(super) start: usize,
    pub(super) holds: Holds,
}

/// What the data is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// Numbers, texts or times.
    Numbers,
    /// A pickle.
    Objects,
    /// It is not told by the header: names of fields are no dtypes.
    Either,
}

impl Npy {
    /// Where the header of a file ends, of which the first twelve bytes are there; `None` where it has none that numpy reads.
    pub(super) fn header_end(file: &[u8]) -> Option<u64> {
        let (from, length) = place(file)?;
        Some(u64::from(length) + from as u64)
    }

    /// Reads the header of a file; `None` where it has none that numpy reads.
    pub(super) fn read(file: &[u8]) -> Option<Npy> {
        let (from, length) = place(file)?;
        let start = usize::try_from(length).ok()?.checked_add(from)?;
        Some(Npy { start, holds: holds(file.get(from..start)?) })
    }
}

/// Where the text of a header begins, and how many bytes it has.
fn place(file: &[u8]) -> Option<(usize, u32)> {
    match *file.get(6..12)? {
        [1, _, low, high, ..] => Some((10, u32::from(u16::from_le_bytes([low, high])))),
        [2..=3, _, a, b, c, d] => Some((12, u32::from_le_bytes([a, b, c, d]))),
        _ => None,
    }
}

/// Whether each string of a header is a dtype of numbers or a key, so that no dtype can be one of objects, however it is written.
fn holds(header: &[u8]) -> Holds {
    // With neither escapes nor comments in it, a quote begins a string or ends one.
    if memchr::memchr2(b'\\', b'#', header).is_some() {
        return Holds::Either;
    }
    let mut holds = Holds::Numbers;
    let mut rest = header;
    while let Some(start) = memchr::memchr2(b'\'', b'"', rest) {
        let text = &rest[start + 1..];
        let Some(end) = memchr::memchr(rest[start], text) else { return Holds::Either };
        match &text[..end] {
            b"descr" | b"fortran_order" | b"shape" => {}
            b"|O" if holds == Holds::Numbers => holds = Holds::Objects,
            text if is_number(text) => {}
            _ => return Holds::Either,
        }
        rest = &text[end + 1..];
    }
    holds
}

/// Whether a text is a dtype with no objects in it: a byte order, a kind, a size, and a unit of time.
fn is_number(dtype: &[u8]) -> bool {
    let dtype = match dtype {
        [b'<' | b'>' | b'|' | b'=', rest @ ..] => rest,
        _ => dtype,
    };
    let [kind, rest @ ..] = dtype else { return false };
    let size = rest.iter().take_while(|digit| digit.is_ascii_digit()).count();
    let unit = &rest[size..];
    b"?bBhHiIlLqQpPefdgFDGcuUSaVmM".contains(kind)
        && match unit {
            [] => true,
            [b'[', unit @ .., b']'] => unit.iter().all(|&letter| letter.is_ascii_alphanumeric() || letter == b'/'),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dtypes_known_for_numbers_hold_none() {
        for (descr, expected) in [
            ("'<f8'", Holds::Numbers),
            ("'|b1'", Holds::Numbers),
            ("'<M8[25us]'", Holds::Numbers),
            ("'<U12'", Holds::Numbers),
            ("\"|V8\"", Holds::Numbers),
            ("[('f', '<f8'), ('i', '<i4', (2, 3))]", Holds::Numbers),
            ("'|O'", Holds::Objects),
            ("[('a', '<i4'), ('b', '|O')]", Holds::Objects),
            ("[('number', '<i4'), ('b', '|O')]", Holds::Either),
            ("[('x', '<f8')]", Holds::Either),
            ("'O'", Holds::Either),
            ("'object'", Holds::Either),
            ("'object_'", Holds::Either),
            ("'\\x4f'", Holds::Either),
            ("'\\117'", Holds::Either),
            ("'obj' 'ect'", Holds::Either),
            ("'''object'''", Holds::Either),
            ("'<f8,O'", Holds::Either),
            ("#'b\n'O' #'", Holds::Either),
            ("'", Holds::Either),
        ] {
            let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n");
            let file = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
            assert_eq!(Npy::read(&file), Some(Npy { start: file.len(), holds: expected }), "{descr}");
        }
    }

    #[test]
    fn a_header_that_is_cut_is_none() {
        for file in
            [&b"\x93NUMPY"[..], b"\x93NUMPY\x01\0\x10\0{'descr'", b"\x93NUMPY\x02\0\xff\xff\xff\xff", b"\x93NUMPY\x04\0\0\0\0\0"]
        {
            assert_eq!(Npy::read(file), None, "{file:?}");
        }
    }
}
