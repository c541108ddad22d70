//! [`directories`]: the members of a zip archive, as any of its readers sees them.
//!
//! Readers differ on archives that are not well formed. Python's `zipfile` takes the directory to end where its end record begins and
//! goes by its length; miniz, which PyTorch reads with, goes by its place and its number of entries; some see two members of one
//! name, some one. So each directory that one of them finds is read, as long as entries follow each other.
//!
//! The fields are those of PKWARE's APPNOTE.TXT, 4.3.7 to 4.3.16.

use std::ops::Range;

use super::content::{Content, View};

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
pub(super) const MAX_COMMENT: u64 = u16::MAX as u64;

/// How many bytes of a directory are read at once, where entries follow each other.
const DIRECTORY_STEP: u64 = 1 << 16;

/// An entry of a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    /// How it is compressed: [`STORED`], [`DEFLATE`] or another way.
    pub(super) method: u16,
    /// Whether it says that it needs a password.
    pub(super) is_encrypted: bool,
    /// Where in the file its content is, as far as the file goes; `None` where no member begins at the place that it names.
    pub(super) content: Option<Range<u64>>,
}

/// All directories that readers may find in a file behind which there is a comment of so many bytes at most; `None` where there is
/// none.
pub(super) fn directories(archive: &Content<'_>, comment: u64) -> Option<Vec<Directory>> {
    let mut view = View::new(archive, 0);
    let mut directories: Vec<Directory> = Vec::new();
    for end in end_records(archive, comment, &mut view)? {
        let Some(by_length) = end.position.checked_sub(end.length) else { continue };
        for directory in [
            Directory { start: by_length, shift: i128::from(by_length) - i128::from(end.offset) },
            Directory { start: end.offset, shift: 0 },
        ] {
            let is_empty = end.length == 0 && end.position == directory.start;
            let is_there = is_empty || view.get(directory.start, CENTRAL.len()) == CENTRAL;
            if is_there && !directories.contains(&directory) {
                directories.push(directory);
            }
        }
    }
    (!directories.is_empty()).then_some(directories)
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
fn end_records(archive: &Content<'_>, comment: u64, view: &mut View<'_>) -> Option<Vec<EndRecord>> {
    // Behind it there are at least all its fields, and at most a comment.
    let last = archive.len().checked_sub(END_LENGTH as u64)?;
    let first = last.saturating_sub(comment);
    let find = |tail: &[u8]| {
        let window = tail.get(..(last - first) as usize + END.len())?;
        let at = memchr::memmem::find_iter(window, END).last()?;
        Some(EndRecord { position: first + at as u64, length: u32_at(tail, at + 12)?, offset: u32_at(tail, at + 16)? })
    };
    let record = archive.look(first..archive.len(), find)??;
    let position = record.position;
    let mut records = vec![record];
    if let Some(at) = position.checked_sub(LOCATOR_64_LENGTH as u64)
        && let Some(locator) = view.array::<LOCATOR_64_LENGTH>(at).filter(|locator| locator.starts_with(LOCATOR_64))
    {
        // Python's `zipfile` took the record to stand right before its locator, up to 3.13.
        for position in [u64_at(&locator, 8), at.checked_sub(END_64_LENGTH as u64)].into_iter().flatten() {
            if let Some(record) = view.array::<END_64_LENGTH>(position).filter(|record| record.starts_with(END_64))
                && let (Some(length), Some(offset)) = (u64_at(&record, 40), u64_at(&record, 48))
            {
                records.push(EndRecord { position, length, offset });
            }
        }
    }
    Some(records)
}

/// A directory: where it starts, and how far from the start of the file the archive does.
#[derive(PartialEq, Eq)]
pub(super) struct Directory {
    start: u64,
    shift: i128,
}

impl Directory {
    /// Its entries, as long as they follow each other, two of one name as two.
    pub(super) fn entries<'c>(&self, archive: &'c Content<'c>) -> Entries<'c> {
        Entries {
            archive,
            directory: View::new(archive, DIRECTORY_STEP),
            members: View::new(archive, 0),
            position: self.start,
            shift: self.shift,
        }
    }
}

/// The entries of a directory.
pub(super) struct Entries<'c> {
    archive: &'c Content<'c>,
    directory: View<'c>,
    members: View<'c>,
    /// Where the next entry stands.
    position: u64,
    shift: i128,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    /// What a field says that the file does not have is left out.
    fn next(&mut self) -> Option<Entry> {
        let fields = self.directory.array::<CENTRAL_LENGTH>(self.position).filter(|fields| fields.starts_with(CENTRAL))?;
        let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(&fields, at).map_or(0, usize::from));
        let name_start = self.position + CENTRAL_LENGTH as u64;
        let behind_name = name_start + name as u64;
        let name = Some(self.directory.get(name_start, name)).filter(|there| there.len() == name)?.to_vec();
        let mut size = u32_at(&fields, 20)?;
        let mut unpacked_size = u32_at(&fields, 24)?;
        let mut offset = u32_at(&fields, 42)?;
        if extra > 0 {
            let there = self.directory.get(behind_name, extra);
            if there.len() == extra {
                widen(there, [&mut unpacked_size, &mut size, &mut offset]);
            }
        }
        let method = u16_at(&fields, 10)?;
        if method == STORED {
            // Some readers go by one of them, some by the other.
            size = size.max(unpacked_size);
        }
        self.position = behind_name + (extra + comment) as u64;
        let is_encrypted = u16_at(&fields, 8)? & 1 == 1;
        Some(Entry { name, method, is_encrypted, content: self.content(offset, size) })
    }
}

impl Entries<'_> {
    fn content(&mut self, offset: u64, size: u64) -> Option<Range<u64>> {
        let start = u64::try_from(i128::from(offset) + self.shift).ok()?;
        let fields = self.members.array::<LOCAL_LENGTH>(start).filter(|fields| fields.starts_with(LOCAL))?;
        let [name, extra] = [u16_at(&fields, 26)?, u16_at(&fields, 28)?];
        let start = start + LOCAL_LENGTH as u64 + u64::from(name) + u64::from(extra);
        let length = self.archive.len();
        (start <= length).then(|| start..start.saturating_add(size).min(length))
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

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|&bytes| u16::from_le_bytes(bytes))
}

fn u32_at(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().map(|&bytes| u64::from(u32::from_le_bytes(bytes)))
}

fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().map(|&bytes| u64::from_le_bytes(bytes))
}
