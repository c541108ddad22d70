//! What is compressed by deflate, in the forms in which Python's libraries read it.
//!
//! Checksums are not looked at: what is read before one counts as loaded.

use flate2::{Decompress, FlushDecompress, Status};

/// What compressed data holds.
pub(super) struct Unpacked {
    pub(super) content: Vec<u8>,
    /// Whether it was all read: the data is neither cut nor damaged, nor is there more than may be.
    pub(super) is_whole: bool,
}

/// A form in which data is compressed.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) name: &'static str,
    /// Unpacks at most so many bytes of data, and one to tell that there are more.
    pub(super) unpack: fn(&[u8], u64) -> Unpacked,
    /// Whether only the first bytes of the data tell that it is compressed, which may be those of numbers.
    pub(super) is_guessed: bool,
}

pub(super) const DEFLATE: Form = Form { name: "deflate", unpack: deflate, is_guessed: false };
pub(super) const ZLIB: Form = Form { name: "zlib", unpack: zlib, is_guessed: true };
pub(super) const GZIP: Form = Form { name: "gzip", unpack: gzip, is_guessed: true };

/// Unpacks at most `most` bytes of what is compressed by deflate, and one to tell that there are more.
fn deflate(packed: &[u8], most: u64) -> Unpacked {
    let mut content = Vec::new();
    let is_whole = inflate(&mut &packed[..], most, &mut content);
    Unpacked { content, is_whole }
}

/// As [`deflate`], of the format of zlib (RFC 1950): of all streams, which joblib reads one behind the other.
fn zlib(packed: &[u8], most: u64) -> Unpacked {
    /// The checksum behind a stream.
    const TRAILER: usize = 4;
    streams(
        packed,
        most,
        |rest| rest.get(2..),
        |behind| {
            let next = behind.get(TRAILER..)?;
            // Its method, and what makes its two bytes a multiple of 31.
            matches!(*next, [first, second, ..] if first & 15 == 8 && u16::from_be_bytes([first, second]) % 31 == 0)
                .then_some(next)
        },
    )
}

/// Whether data begins as zlib's does that was compressed with a window of less than 32 KiB.
pub(super) fn has_small_window(data: &[u8]) -> bool {
    const DICTIONARY: u8 = 0x20;
    matches!(*data, [first, second, ..] if first & 15 == 8
        && first < 0x78
        && second & DICTIONARY == 0
        && u16::from_be_bytes([first, second]) % 31 == 0)
}

/// As [`deflate`], of the format of gzip (RFC 1952): of all members, between which Python lets zeros stand.
fn gzip(packed: &[u8], most: u64) -> Unpacked {
    /// The checksum and the length behind a member.
    const TRAILER: usize = 8;
    streams(packed, most, gzip_content, |behind| {
        let next = behind.get(TRAILER..)?;
        let next = &next[next.iter().take_while(|&&byte| byte == 0).count()..];
        next.starts_with(&[0x1f, 0x8b]).then_some(next)
    })
}

/// Unpacks streams that follow each other: `content` leaves out a header, and `next` finds the stream behind what was unpacked.
fn streams(
    packed: &[u8],
    most: u64,
    content: impl Fn(&[u8]) -> Option<&[u8]>,
    next: impl Fn(&[u8]) -> Option<&[u8]>,
) -> Unpacked {
    let mut unpacked = Unpacked { content: Vec::new(), is_whole: false };
    let mut stream = packed;
    while let Some(mut rest) = content(stream) {
        if !inflate(&mut rest, most, &mut unpacked.content) {
            break;
        }
        match next(rest) {
            Some(next) => stream = next,
            None => {
                unpacked.is_whole = true;
                break;
            }
        }
    }
    unpacked
}

/// What follows the header of a gzip member; `None` where that is cut.
fn gzip_content(member: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 10;
    const HEADER_CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let flags = *member.get(3)?;
    let mut rest = member.get(HEADER..)?;
    if flags & EXTRA != 0 {
        let length = u16::from_le_bytes(*rest.first_chunk()?);
        rest = rest.get(2 + usize::from(length)..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            rest = &rest[memchr::memchr(0, rest)? + 1..];
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// Unpacks what `packed` begins with and leaves there what follows; `content` grows to about `most` bytes, and beyond where there are
/// more. Whether it was all.
fn inflate(packed: &mut &[u8], most: u64, content: &mut Vec<u8>) -> bool {
    let mut decompress = Decompress::new(false);
    loop {
        if content.len() as u64 > most {
            return false;
        }
        if content.len() == content.capacity() {
            content.reserve(content.len().max(1 << 12));
        }
        let (read, written) = (decompress.total_in(), content.len());
        let status = decompress.decompress_vec(packed, content, FlushDecompress::None);
        // No more than there is.
        let read = (decompress.total_in() - read) as usize;
        *packed = &packed[read..];
        match status {
            Ok(Status::StreamEnd) => return true,
            Ok(_) if read > 0 || content.len() > written => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression, GzBuilder,
        write::{DeflateEncoder, ZlibEncoder},
    };

    use super::*;

    fn zlibbed(content: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn gzipped(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzBuilder::new().filename("name").extra(b"extra".to_vec()).write(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn all_streams_of_a_file_are_unpacked() {
        let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let (first, second) = content.split_at(4321);
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(&content).unwrap();
        for unpacked in [
            deflate(&deflated.finish().unwrap(), u64::MAX),
            zlib(&zlibbed(&content), u64::MAX),
            zlib(&[zlibbed(first), zlibbed(second)].concat(), u64::MAX),
            gzip(&[gzipped(first), gzipped(second)].concat(), u64::MAX),
            gzip(&[gzipped(first), vec![0; 5], gzipped(second), b"something".to_vec()].concat(), content.len() as u64),
        ] {
            assert!(unpacked.is_whole && unpacked.content == content);
        }
    }

    #[test]
    fn what_is_cut_is_unpacked_as_far_as_it_goes() {
        let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let (zlibbed, gzipped) = (zlibbed(&content), gzipped(&content));
        for length in [0, 1, 2, 9, 15, 40, 5000] {
            for unpacked in [zlib(&zlibbed[..length], u64::MAX), gzip(&gzipped[..length], u64::MAX)] {
                assert!(!unpacked.is_whole && content.starts_with(&unpacked.content), "{length}");
                assert_eq!(unpacked.content.is_empty(), length < 5000, "{length}");
            }
        }
        let unpacked = gzip(&gzipped, 1000);
        assert!(!unpacked.is_whole && unpacked.content.len() > 1000 && unpacked.content.len() < 10_000);
    }
}
