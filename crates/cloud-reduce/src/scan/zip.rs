//! [`entries`]: the members of a zip archive, as any of its readers sees them.
//!
//! Readers differ on archives that are not well formed. Python's `zipfile` takes the directory to end where its end record begins and
//! goes by its length; miniz, which PyTorch reads with, goes by its place and its number of entries; some see two members of one
//! name, some one. So each directory that one of them finds is read, as long as entries follow each other.
//!
//! The fields are those of PKWARE's APPNOTE.TXT, 4.3.7 to 4.3.16.

use std::ops::Range;

/// The method of what is not compressed.
pub(super) const STORED: u16 = 0;
/// The method of what is compressed by deflate.
pub(super) const DEFLATE: u16 = 8;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

/// How many bytes each of them has, with no name, comment or extra fields.
const LOCAL_LENGTH: usize = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: usize = 22;
const END_64_LENGTH: usize = 56;
const LOCATOR_64_LENGTH: usize = 20;

/// How long a comment behind the end record may be.
const MAX_COMMENT: usize = u16::MAX as usize;

/// An entry of a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: &'a [u8],
    /// How it is compressed: [`STORED`], [`DEFLATE`] or another way.
    pub(super) method: u16,
    /// Whether it says that it needs a password.
    pub(super) is_encrypted: bool,
    /// Where in the file its content is, as far as the file goes; `None` where no member begins at the place that it names.
    pub(super) content: Option<Range<usize>>,
}

/// The entries of all directories that readers may find in a file, two of one name as two; `None` where there is no directory.
pub(super) fn entries(data: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut directories: Vec<Directory> = Vec::new();
    for end in end_records(data)? {
        let Some(by_length) = end.position.checked_sub(end.length) else { continue };
        for directory in [
            Directory { start: by_length, shift: i128::from(by_length) - i128::from(end.offset) },
            Directory { start: end.offset, shift: 0 },
        ] {
            let is_there = signature_at(data, directory.start, CENTRAL) || (end.length == 0 && end.position == directory.start);
            if is_there && !directories.contains(&directory) {
                directories.push(directory);
            }
        }
    }
    if directories.is_empty() {
        return None;
    }
    let mut entries = Vec::new();
    for directory in directories {
        directory.read(data, &mut entries);
    }
    Some(entries)
}

/// What a record at the end of an archive says of the directory.
struct EndRecord {
    /// Where the record begins.
    position: u64,
    /// How many bytes the directory has.
    length: u64,
    /// Where it begins, from the start of the archive, before which the file may have other bytes.
    offset: u64,
}

/// The last record of the end, and that of zip64 where there is one.
fn end_records(data: &[u8]) -> Option<Vec<EndRecord>> {
    // Behind it there are at least all its fields, and at most a comment.
    let first = data.len().saturating_sub(END_LENGTH + MAX_COMMENT);
    let last = data.len().checked_sub(END_LENGTH)?;
    let window = data.get(first..last + END.len())?;
    let position = first + memchr::memrchr_iter(END[0], window).find(|&at| window[at..].starts_with(END))?;
    let mut records =
        vec![EndRecord { position: position as u64, length: u32_at(data, position + 12)?, offset: u32_at(data, position + 16)? }];
    if let Some(locator) = position.checked_sub(LOCATOR_64_LENGTH).filter(|&at| signature_at(data, at as u64, LOCATOR_64)) {
        // Python's `zipfile` took the record to stand right before its locator, up to 3.13.
        let places = [u64_at(data, locator + 8), locator.checked_sub(END_64_LENGTH).map(|at| at as u64)];
        for position in places.into_iter().flatten().filter(|&position| signature_at(data, position, END_64)) {
            let at = position as usize;
            if let (Some(length), Some(offset)) = (u64_at(data, at + 40), u64_at(data, at + 48)) {
                records.push(EndRecord { position, length, offset });
            }
        }
    }
    Some(records)
}

/// A directory: where it starts, and how far from the start of the file the archive does.
#[derive(PartialEq, Eq)]
struct Directory {
    start: u64,
    shift: i128,
}

impl Directory {
    fn read<'a>(&self, data: &'a [u8], entries: &mut Vec<Entry<'a>>) {
        let mut start = self.start;
        while signature_at(data, start, CENTRAL) {
            let at = start as usize;
            let Some((entry, length)) = self.entry(data, at) else { return };
            entries.push(entry);
            start = (at + length) as u64;
        }
    }

    /// The entry at a place, and its length. What a field says that the file does not have is left out.
    fn entry<'a>(&self, data: &'a [u8], at: usize) -> Option<(Entry<'a>, usize)> {
        let [name, extra, comment] = [u16_at(data, at + 28)?, u16_at(data, at + 30)?, u16_at(data, at + 32)?];
        let name_end = at + CENTRAL_LENGTH + usize::from(name);
        let extra_end = name_end + usize::from(extra);
        let mut size = u32_at(data, at + 20)?;
        let mut offset = u32_at(data, at + 42)?;
        let mut unpacked_size = u32_at(data, at + 24)?;
        if let Some(extra) = data.get(name_end..extra_end) {
            widen(extra, [&mut unpacked_size, &mut size, &mut offset]);
        }
        let method = u16_at(data, at + 10)?;
        if method == STORED {
            // Some readers go by one of them, some by the other.
            size = size.max(unpacked_size);
        }
        let entry = Entry {
            name: data.get(at + CENTRAL_LENGTH..name_end)?,
            method,
            is_encrypted: u16_at(data, at + 8)? & 1 == 1,
            content: self.content(data, offset, size),
        };
        Some((entry, extra_end + usize::from(comment) - at))
    }

    fn content(&self, data: &[u8], offset: u64, size: u64) -> Option<Range<usize>> {
        let start = u64::try_from(i128::from(offset) + self.shift).ok()?;
        if !signature_at(data, start, LOCAL) {
            return None;
        }
        let at = start as usize;
        let [name, extra] = [u16_at(data, at + 26)?, u16_at(data, at + 28)?];
        let start = at + LOCAL_LENGTH + usize::from(name) + usize::from(extra);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        (start <= data.len()).then(|| start..start.saturating_add(size).min(data.len()))
    }
}

/// Takes what does not fit 32 bits from zip64's extra field, which has these in this order and only them (4.5.3).
fn widen(mut extra: &[u8], values: [&mut u64; 3]) {
    const SEE_EXTRA: u64 = u32::MAX as u64;
    while let (Some(kind), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some(field) = extra.get(4..4 + usize::from(length)) else { return };
        if kind == 1 {
            let narrow = values.into_iter().filter(|value| **value == SEE_EXTRA);
            for (value, wide) in narrow.zip(field.chunks_exact(8)) {
                *value = u64_at(wide, 0).unwrap_or(SEE_EXTRA);
            }
            return;
        }
        extra = &extra[4 + field.len()..];
    }
}

fn signature_at(data: &[u8], at: u64, signature: &[u8]) -> bool {
    usize::try_from(at).is_ok_and(|at| data.get(at..).is_some_and(|data| data.starts_with(signature)))
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|&bytes| u16::from_le_bytes(bytes))
}

fn u32_at(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().map(|&bytes| u64::from(u32::from_le_bytes(bytes)))
}

fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().map(|&bytes| u64::from_le_bytes(bytes))
}
