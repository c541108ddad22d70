//! [`scan_file`] and [`scan_reader`]: the pickles in files that are more than pickles.

use std::io::{self, Read, Seek};

use bytes::Bytes;

use super::{
    Budget, Scan, ScanLimits,
    content::{Content, SHORT, Source},
    is_tar,
    npy::{Holds, Npy},
    packed::{self, Form, Unpacked},
    scan_at, scan_beginning, zip,
};
use crate::{Finding, FindingKind, Policy, report::begins_with_proto};

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

/// How many members of archives are looked at beyond those that a file's own bytes can hold, the entries of which have no fewer
/// bytes than these.
const MAX_MEMBERS: u64 = 1 << 16;
const MIN_ENTRY: u64 = 76;

/// A member that has no pickle's name, and of which fewer bytes can be unpacked than these before what is wrong with it, was not
/// compressed: of 65,536 tensors, the numbers of four begin as what zlib compressed.
const LEAST_DAMAGED: usize = 512;

/// How many bytes of a member's name are told.
const MAX_NAME: usize = 1024;

/// How long a comment may be behind an archive that is the end of a long member without a pickle's name, for it to be found.
const COMMENT_IN_TENSOR: u64 = (1 << 12) - 22;

/// How many bytes of a file say what it is.
const HEAD: u64 = 1 << 9;

/// How many bytes are looked at first of a long file, which begins as a pickle or does not, to see whether it is one, and how many
/// times as many when those were not enough.
const BEGINNING_OF_PICKLE: u64 = 1 << 18;
const BEGINNING: u64 = 1 << 11;
const GROWTH: u64 = 1 << 6;

/// Scans a file for what loading it would do that a policy does not allow. It may be
///
/// * a pickle, or several one behind the other, as PyTorch wrote its files before 1.6, or with the raw numbers of joblib's arrays
///   in between,
/// * a zip archive, such as PyTorch's `.pt`, numpy's `.npz`, or one with archives in it: each member is looked at that any reader
///   finds, whatever it is called and whatever its checksum and flags say,
/// * one of these compressed by zlib or gzip, as joblib does it,
/// * numpy's `.npy`, which is a pickle unless its header says that it holds numbers.
///
/// What is told by the content, not by a name. A member that is not called as a pickle is run as one too, up to its first error,
/// and left out where it does nothing before that but what text and numbers do by chance: import something, alone, or ask for a
/// persistent id. Where the file itself is no pickle, its [`Scan`] has an error, and so has that of the member at which a limit of
/// [`ScanLimits`] on opcodes was reached. What cannot be looked into (another compression, a password, more than may be unpacked)
/// is a finding.
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
    scan_file_within(data, policy, &ScanLimits::DEFAULT)
}

/// As [`scan_file`], within other limits.
#[must_use]
pub fn scan_file_within(data: impl Into<Bytes>, policy: &Policy, limits: &ScanLimits) -> Vec<Member> {
    scan_content(&Content::Held(data.into()), policy, limits)
}

/// As [`scan_file_within`], of a file of which only those bytes are read that are looked at.
///
/// Of a zip archive these are its directory and, of each member that is not compressed, its beginning, more only as far as that goes
/// on as a pickle does, and its last 64 KiB, by which it may be an archive itself. So next to nothing is read of the numbers of
/// PyTorch's tensors and numpy's arrays, and an archive of many gigabytes takes no more memory than the longest pickle in it. A
/// pickle is held as a whole, and so is each member that is compressed, packed and unpacked.
///
/// ```
/// use std::io::Cursor;
///
/// use cloud_reduce::{Policy, ScanLimits, scan_reader};
///
/// let file = Cursor::new(b"cos\nsystem\n(S'echo hello'\ntR.");
/// let members = scan_reader(file, &Policy::plain(), &ScanLimits::DEFAULT)?;
/// assert_eq!(members[0].scan.findings[0].to_string(), "calls os.system('echo hello') at byte 27");
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
///
/// When the file cannot be read, or becomes shorter while it is.
pub fn scan_reader(file: impl Read + Seek, policy: &Policy, limits: &ScanLimits) -> io::Result<Vec<Member>> {
    let source = Source::new(file)?;
    let members = scan_content(&source.content(), policy, limits);
    match source.into_error() {
        None => Ok(members),
        Some(error) => Err(error),
    }
}

fn scan_content(content: &Content<'_>, policy: &Policy, limits: &ScanLimits) -> Vec<Member> {
    let length = content.len();
    let mut walk = Walk {
        policy,
        members: Vec::new(),
        left: limits.unpacked.saturating_add(length),
        entries: MAX_MEMBERS + length / MIN_ENTRY,
        is_exhausted: false,
        budget: Budget::new(limits, length),
    };
    walk.file(content, "", 0);
    walk.members
}

struct Walk<'a> {
    policy: &'a Policy,
    members: Vec<Member>,
    /// How many bytes may still be looked at in archives and in what is compressed.
    left: u64,
    /// How many entries of archives.
    entries: u64,
    /// Whether there were more.
    is_exhausted: bool,
    budget: Budget,
}

impl Walk<'_> {
    fn file(&mut self, content: &Content<'_>, path: &str, depth: usize) {
        if self.is_exhausted || self.budget.is_spent() {
            return;
        }
        if depth > MAX_DEPTH {
            return self.opaque(path, "archives within archives");
        }
        let content = &content.held_if_short();
        let head = content.get(0..HEAD);
        match *head {
            [b'P', b'K', 3, 4, ..] => {
                return self.zip(content, path, depth, zip::directories(content, zip::MAX_COMMENT));
            }
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => self.npy(content, path),
            [0x1f, 0x8b, ..] => self.compressed(packed::GZIP, content, path, depth),
            // `zlib.compress` at its levels; no pickle begins so.
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => self.compressed(packed::ZLIB, content, path, depth),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => self.opaque(path, "a 7z archive"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => self.opaque(path, "data compressed by xz"),
            // No pickle begins so: the second byte is no opcode.
            [0x5d, 0, ..] if is_lzma(&head) => self.opaque(path, "data compressed by LZMA"),
            // A block, or none at all, behind which there may be another stream.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, ..] | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, ..] => {
                self.opaque(path, "data compressed by bzip2");
            }
            [0x04, 0x22, 0x4d, 0x18, ..] => self.opaque(path, "data compressed by LZ4"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => self.opaque(path, "data compressed by Zstandard"),
            [b'R', b'a', b'r', b'!', 0x1a, 0x07, ..] => self.opaque(path, "a RAR archive"),
            _ if is_tar(&head) => self.opaque(path, "a tar archive"),
            _ => {
                self.stream(content, path);
                // A pickle may begin as zlib's data with small windows does, but not go on so.
                if packed::has_small_window(&head) {
                    let unpacked = (packed::ZLIB.unpack)(&content.whole(), self.left);
                    if unpacked.is_whole && !unpacked.content.is_empty() {
                        self.members.retain(|member| member.path != path || !member.scan.is_no_pickle());
                        self.unpacked(unpacked, packed::ZLIB, content, path, depth);
                    }
                }
            }
        }
        // Some readers of archives find them by their end, whatever stands before. What stands at the end of a tensor none looks at, so
        // that of long ones a few bytes do.
        let is_tensor = content.len() > SHORT && !is_expected(path);
        let directories = zip::directories(content, if is_tensor { COMMENT_IN_TENSOR } else { zip::MAX_COMMENT });
        if directories.is_some() {
            self.zip(content, path, depth, directories);
        }
    }

    /// A pickle stream. What is only a member need not be one.
    fn stream(&mut self, content: &Content<'_>, path: &str) {
        let scan = self.scan(content);
        if is_expected(path) || scan.looks_like_a_pickle() {
            self.members.push(Member { path: path.to_owned(), scan });
        }
    }

    /// The pickles that content begins with, of which no more is read than it takes to see where they end.
    fn scan(&mut self, content: &Content<'_>) -> Scan {
        let length = content.len();
        let mut enough = match content {
            Content::Held(_) => length,
            Content::Stored { .. } if begins_with_proto(&content.get(0..2)) => BEGINNING_OF_PICKLE,
            Content::Stored { .. } => BEGINNING,
        };
        while enough < length {
            let budget = self.budget.clone();
            let scan = scan_beginning(&content.get(0..enough), length - enough, self.policy, 0, &budget);
            if !scan.goes_on {
                self.budget = budget;
                return scan;
            }
            enough = enough.saturating_mul(GROWTH);
        }
        scan_at(&content.whole(), self.policy, 0, &self.budget)
    }

    /// An archive's members. What is wrong with it is a finding: others may read what is not read here.
    fn zip(&mut self, archive: &Content<'_>, path: &str, depth: usize, directories: Option<Vec<zip::Directory>>) {
        let Some(directories) = directories else { return self.opaque(path, "a zip archive that has no directory") };
        for entry in directories.iter().flat_map(|directory| directory.entries(archive)) {
            if self.is_exhausted || self.budget.is_spent() || archive.has_failed() {
                return;
            }
            let name = String::from_utf8_lossy(&entry.name[..entry.name.len().min(MAX_NAME)]);
            let path = if path.is_empty() { name.into_owned() } else { format!("{path}!{name}") };
            match self.entries.checked_sub(1) {
                Some(left) => self.entries = left,
                None => return self.exhaust(&path),
            }
            let Some(content) = entry.content else {
                self.opaque(&path, "a member of a zip archive that is not where its directory says");
                continue;
            };
            let raw = archive.part(content);
            if raw.is_empty() {
                continue;
            }
            let before = self.members.len();
            match entry.method {
                zip::STORED if self.spend(raw.len()) => self.file(&raw, &path, depth + 1),
                zip::STORED => return self.exhaust(&path),
                zip::DEFLATE => self.compressed(packed::DEFLATE, &raw, &path, depth),
                _ => self.opaque(&path, "a member compressed by another method than deflate"),
            }
            // Some readers do not look at this flag: only where its content shows nothing is it believed.
            if entry.is_encrypted && !self.has_findings(before) {
                self.members.truncate(before);
                self.opaque(&path, "a member that needs a password");
            }
        }
    }

    /// What is in compressed data.
    fn compressed(&mut self, form: Form, packed: &Content<'_>, path: &str, depth: usize) {
        self.unpacked((form.unpack)(&packed.whole(), self.left), form, packed, path, depth);
    }

    /// What was unpacked of compressed data, which may end before its own end is reached: that counts as being damaged.
    fn unpacked(&mut self, unpacked: Unpacked, form: Form, packed: &Content<'_>, path: &str, depth: usize) {
        let Unpacked { content, is_whole } = unpacked;
        if !self.spend(content.len() as u64) {
            return self.exhaust(path);
        }
        let before = self.members.len();
        let length = content.len();
        if length > 0 {
            self.file(&Content::Held(content.into()), path, depth + 1);
        }
        if !is_whole && !self.has_findings(before) {
            self.members.truncate(before);
            if is_text(&packed.get(0..HEAD)) || (form.is_guessed && length < LEAST_DAMAGED && !is_expected(path)) {
                return self.stream(packed, path);
            }
            self.opaque(path, &format!("data compressed by {} that is damaged", form.name));
        }
    }

    /// Nothing more of the file is looked at, which is told once.
    fn exhaust(&mut self, path: &str) {
        if !std::mem::replace(&mut self.is_exhausted, true) {
            self.opaque(path, "more than may be unpacked");
        }
    }

    /// Whether so many bytes more may be looked at.
    fn spend(&mut self, bytes: u64) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or_default();
        left.is_some()
    }

    fn has_findings(&self, from: usize) -> bool {
        self.members[from..].iter().any(|member| !member.scan.findings.is_empty())
    }

    fn npy(&mut self, content: &Content<'_>, path: &str) {
        let header = Npy::header_end(&content.get(0..HEAD)).map(|end| content.get(0..end));
        let Some(Npy { start, holds }) = header.and_then(|header| Npy::read(&header)) else {
            return self.opaque(path, "an .npy file whose header cannot be read");
        };
        let data = content.part(start as u64..content.len());
        let scan = match holds {
            Holds::Numbers => Scan::default(),
            Holds::Objects => self.scan(&data),
            Holds::Either => {
                let scan = self.scan(&data);
                if scan.pickles > 0 || scan.is_cut() || !scan.findings.is_empty() { scan } else { Scan::default() }
            }
        };
        self.members.push(Member { path: path.to_owned(), scan });
    }

    fn opaque(&mut self, path: &str, what: &str) {
        let finding = Finding::new(FindingKind::Opaque, 0, what);
        self.members.push(Member { path: path.to_owned(), scan: Scan { findings: vec![finding], ..Scan::default() } });
    }
}

/// Whether data begins as what is compressed by LZMA in the format that liblzma calls alone, by which it knows it: with the size of
/// its dictionary, which is a power of two or the sum of two that follow each other, and its own size, which may be left open.
fn is_lzma(data: &[u8]) -> bool {
    /// What liblzma takes for the greatest size.
    const MOST: u64 = 1 << 38;
    let (Some(dictionary), Some(size)) = (data.get(1..5), data.get(5..13)) else { return false };
    let number = |bytes: &[u8]| bytes.iter().rfold(0, |number, &byte| number << 8 | u64::from(byte));
    let (dictionary, size) = (number(dictionary), number(size));
    let is_sum = dictionary.count_ones() == 2 && dictionary & dictionary << 1 != 0;
    (dictionary.count_ones() < 2 || dictionary == u64::from(u32::MAX) || is_sum) && (size < MOST || size == u64::MAX)
}

/// Whether data begins as a text does, such as `x^2`, whose two first bytes may be those of zlib.
fn is_text(data: &[u8]) -> bool {
    data.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Whether there should be a pickle: the file itself is one, or what it holds where it is compressed.
fn is_expected(path: &str) -> bool {
    path.is_empty() || has_pickle_name(path)
}

/// Whether a file of this name should be a pickle, or an archive of pickles or arrays.
#[must_use]
pub fn has_pickle_name(path: &str) -> bool {
    let name = path.rsplit(['/', '\\', '!']).next().unwrap_or_default().to_ascii_lowercase();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    matches!(
        extension,
        Some("pkl" | "pickle" | "p" | "pk" | "joblib" | "sav" | "dill" | "cloudpickle" | "pt" | "pth" | "ckpt" | "npy" | "npz")
    )
}
