//! [`scan_file`]: the pickles in files that are more than pickles.

use std::io::{Cursor, Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use zip::{CompressionMethod, ZipArchive};

use super::{Scan, scan_at};
use crate::{Finding, FindingKind, Policy};

/// A pickle stream of a file, and what [`scan_file`] found in it.
#[derive(Debug)]
pub struct Member {
    /// Where in the file it is: `archive/data.pkl`, with `!` before what lies in an archive within an archive. Empty where the
    /// file itself is the stream.
    pub path: String,
    /// What was found.
    pub scan: Scan,
}

/// How deep archives within archives, and what is compressed more than once, are looked into.
const MAX_DEPTH: usize = 4;

/// How many bytes a file may unpack to, all members together.
const MAX_UNPACKED: u64 = 1 << 30;

/// Scans a file for what loading it would do that a policy does not allow. It may be
///
/// * a pickle, or several one behind the other, as PyTorch wrote its files before 1.6, or with the raw numbers of joblib's arrays
///   in between,
/// * a zip archive, such as PyTorch's `.pt`, numpy's `.npz`, or one with archives in it: each member is looked at, whatever it is
///   called and whatever its checksum and flags say,
/// * one of these compressed by zlib or gzip, as joblib does it,
/// * numpy's `.npy`, which is a pickle if it holds objects.
///
/// What is told by the content, not by a name. Members that are no pickles and do not look like one are left out; where the file
/// itself is none, its [`Scan`] has an error. What cannot be looked into (another compression, a password) is a finding.
///
/// ```
/// use cloud_reduce::{Policy, scan_file};
///
/// // numpy.save of an array of objects, the first of which is os.system
/// let header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";
/// let file = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), b"cos\nsystem\n."].concat();
/// let members = scan_file(file, &Policy::models());
/// assert_eq!(members[0].scan.findings[0].to_string(), "imports os.system at byte 0");
/// ```
#[must_use]
pub fn scan_file(data: impl Into<Bytes>, policy: &Policy) -> Vec<Member> {
    let mut walk = Walk { policy, members: Vec::new(), left: MAX_UNPACKED };
    walk.file(&data.into(), "", 0);
    walk.members
}

struct Walk<'a> {
    policy: &'a Policy,
    members: Vec<Member>,
    /// How many bytes may still be unpacked.
    left: u64,
}

impl Walk<'_> {
    fn file(&mut self, data: &Bytes, path: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return self.opaque(path, "archives within archives");
        }
        match **data {
            [b'P', b'K', 3, 4, ..] => {
                self.zip(data, path, depth);
            }
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => self.npy(data, path),
            [0x1f, 0x8b, ..] => self.unpacked(GzDecoder::new(&data[..]), "gzip", path, depth),
            // `zlib.compress` at its levels; no pickle begins so.
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => self.unpacked(ZlibDecoder::new(&data[..]), "zlib", path, depth),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => self.opaque(path, "a 7z archive"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => self.opaque(path, "data compressed by xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, ..] => self.opaque(path, "data compressed by bzip2"),
            [0x04, 0x22, 0x4d, 0x18, ..] => self.opaque(path, "data compressed by LZ4"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => self.opaque(path, "data compressed by Zstandard"),
            [b'R', b'a', b'r', b'!', 0x1a, 0x07, ..] => self.opaque(path, "a RAR archive"),
            _ if data.get(257..262) == Some(b"ustar") => self.opaque(path, "a tar archive"),
            _ => {
                self.stream(data, path, depth > 0);
                // Readers of archives find them by their end, whatever stands before.
                let end = &data[data.len().saturating_sub(1 << 16)..];
                if memchr::memmem::find(end, b"PK\x05\x06").is_some() {
                    self.zip(data, path, depth);
                }
            }
        }
    }

    /// A pickle stream. What is only a member need not be one.
    fn stream(&mut self, data: &Bytes, path: &str, is_member: bool) {
        let scan = scan_at(data, self.policy, 0);
        if !is_member || scan.looks_like_a_pickle() || has_pickle_name(path) {
            self.members.push(Member { path: path.to_owned(), scan });
        }
    }

    /// An archive's members. What is wrong with it is a finding: others may read what is not read here.
    fn zip(&mut self, data: &Bytes, path: &str, depth: usize) {
        let mut archive = match ZipArchive::new(Cursor::new(&data[..])) {
            Ok(archive) => archive,
            Err(error) => return self.opaque(path, &format!("a zip archive that cannot be read ({error})")),
        };
        for index in 0..archive.len() {
            let mut member = match archive.by_index_raw(index) {
                Ok(member) => member,
                Err(error) => {
                    self.opaque(path, &format!("a member of a zip archive that cannot be read ({error})"));
                    continue;
                }
            };
            let name = String::from_utf8_lossy(member.name_raw()).into_owned();
            let path = if path.is_empty() { name } else { format!("{path}!{name}") };
            let (method, encrypted) = (member.compression(), member.encrypted());
            let Some(raw) = self.read(&mut member) else {
                self.opaque(&path, "more than may be unpacked");
                return;
            };
            if raw.is_empty() {
                continue;
            }
            let before = self.members.len();
            match method {
                CompressionMethod::Stored => self.file(&raw, &path, depth + 1),
                CompressionMethod::DEFLATE => self.unpacked(DeflateDecoder::new(&raw[..]), "deflate", &path, depth),
                _ => self.opaque(&path, "a member compressed by another method than deflate"),
            }
            // Some readers do not look at this flag: only where its content shows nothing is it believed.
            if encrypted && self.members[before..].iter().all(|member| member.scan.findings.is_empty()) {
                self.members.truncate(before);
                self.opaque(&path, "a member that needs a password");
            }
        }
    }

    fn unpacked(&mut self, mut packed: impl Read, method: &str, path: &str, depth: usize) {
        match self.read(&mut packed) {
            Some(data) if !data.is_empty() => self.file(&data, path, depth + 1),
            Some(_) => self.opaque(path, &format!("what should be compressed by {method}")),
            None => self.opaque(path, "more than may be unpacked"),
        }
    }

    /// What can be read; an error ends it as an end of file does, since what stands before is there for other readers too.
    /// `None` where it is too much.
    fn read(&mut self, reader: &mut impl Read) -> Option<Bytes> {
        let mut data = Vec::new();
        let _ = reader.by_ref().take(self.left + 1).read_to_end(&mut data);
        self.left = self.left.checked_sub(data.len() as u64)?;
        Some(data.into())
    }

    fn npy(&mut self, data: &Bytes, path: &str) {
        let header = match data.get(6..12) {
            Some(&[1, _, low, high, ..]) => 10..10 + usize::from(u16::from_le_bytes([low, high])),
            Some(&[2..=3, _, a, b, c, d]) => 12..(u32::from_le_bytes([a, b, c, d]) as usize).saturating_add(12),
            _ => 0..usize::MAX,
        };
        let Some(text) = data.get(header.clone()) else { return self.opaque(path, "an .npy file whose header cannot be read") };
        // `O` is the type of objects; else there are capital letters in names of fields, and in `False` and `True`.
        if text.contains(&b'O') {
            let pickle = data.slice(header.end..);
            let is_object = memchr::memmem::find(text, b"'|O'").is_some();
            self.stream(&pickle, path, !is_object);
        } else {
            self.members.push(Member { path: path.to_owned(), scan: Scan::default() });
        }
    }

    fn opaque(&mut self, path: &str, what: &str) {
        let finding = Finding { kind: FindingKind::Opaque, offset: 0, subject: what.into(), rule: None, count: 1, inner: None };
        self.members.push(Member { path: path.to_owned(), scan: Scan { findings: vec![finding], ..Scan::default() } });
    }
}

/// Whether a file of this name should be a pickle.
#[must_use]
pub fn has_pickle_name(path: &str) -> bool {
    let name = path.rsplit(['/', '\\', '!']).next().unwrap_or_default().to_ascii_lowercase();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("pkl" | "pickle" | "p" | "pk" | "joblib" | "dill" | "cloudpickle" | "pt" | "pth" | "ckpt" | "npy"))
}
