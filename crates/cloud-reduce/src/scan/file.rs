//! [`scan_file`]: the pickles in files that are more than pickles.

use bytes::Bytes;

use super::{
    Budget, Scan, ScanLimits, is_tar,
    npy::{Holds, Npy},
    packed::{self, Unpacked},
    scan_at, zip,
};
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

/// How many members of archives are looked at beyond those that a file's own bytes can hold, the entries of which have no fewer bytes
/// than these.
const MAX_MEMBERS: usize = 1 << 16;
const MIN_ENTRY: usize = 76;

/// How many bytes of a member's name are told.
const MAX_NAME: usize = 1024;

/// Scans a file for what loading it would do that a policy does not allow. It may be
///
/// * a pickle, or several one behind the other, as PyTorch wrote its files before 1.6, or with the raw numbers of joblib's arrays
///   in between,
/// * a zip archive, such as PyTorch's `.pt`, numpy's `.npz`, or one with archives in it: each member is looked at that any reader
///   finds, whatever it is called and whatever its checksum and flags say,
/// * one of these compressed by zlib or gzip, as joblib does it,
/// * numpy's `.npy`, which is a pickle unless its header says that it holds numbers.
///
/// What is told by the content, not by a name. Members that are no pickles and do not look like one are left out; where the file
/// itself is none, its [`Scan`] has an error, and so has that of the member at which a limit of [`ScanLimits`] on opcodes was reached.
/// What cannot be looked into (another compression, a password, more than may be unpacked) is a finding.
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
    let data = data.into();
    let mut walk = Walk {
        policy,
        members: Vec::new(),
        left: limits.unpacked.saturating_add(data.len() as u64),
        entries: MAX_MEMBERS + data.len() / MIN_ENTRY,
        is_exhausted: false,
        budget: Budget::new(limits, data.len()),
    };
    walk.file(&data, "", 0);
    walk.members
}

struct Walk<'a> {
    policy: &'a Policy,
    members: Vec<Member>,
    /// How many bytes may still be looked at in archives and in what is compressed.
    left: u64,
    /// How many entries of archives.
    entries: usize,
    /// Whether there were more.
    is_exhausted: bool,
    budget: Budget,
}

impl Walk<'_> {
    fn file(&mut self, data: &Bytes, path: &str, depth: usize) {
        if self.is_exhausted || self.budget.is_spent() {
            return;
        }
        if depth > MAX_DEPTH {
            return self.opaque(path, "archives within archives");
        }
        match **data {
            [b'P', b'K', 3, 4, ..] => return self.zip(data, path, depth, zip::entries(data)),
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => self.npy(data, path),
            [0x1f, 0x8b, ..] => self.compressed(packed::gzip(data, self.left), "gzip", data, path, depth),
            // `zlib.compress` at its levels; no pickle begins so.
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => self.compressed(packed::zlib(data, self.left), "zlib", data, path, depth),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => self.opaque(path, "a 7z archive"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => self.opaque(path, "data compressed by xz"),
            // No pickle begins so: the second byte is no opcode.
            [0x5d, 0, ..] => self.opaque(path, "data compressed by LZMA"),
            // A block, or none at all, behind which there may be another stream.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, ..] | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, ..] => {
                self.opaque(path, "data compressed by bzip2");
            }
            [0x04, 0x22, 0x4d, 0x18, ..] => self.opaque(path, "data compressed by LZ4"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => self.opaque(path, "data compressed by Zstandard"),
            [b'R', b'a', b'r', b'!', 0x1a, 0x07, ..] => self.opaque(path, "a RAR archive"),
            _ if is_tar(data) => self.opaque(path, "a tar archive"),
            _ => {
                self.stream(data, path, depth > 0);
                // A pickle may begin as zlib's data with small windows does, but not go on so.
                if packed::has_small_window(data) {
                    let unpacked = packed::zlib(data, self.left);
                    if unpacked.is_whole && !unpacked.content.is_empty() {
                        self.members.retain(|member| member.path != path || !member.scan.is_no_pickle());
                        self.compressed(unpacked, "zlib", data, path, depth);
                    }
                }
            }
        }
        // Some readers of archives find them by their end, whatever stands before.
        let entries = zip::entries(data);
        if entries.is_some() {
            self.zip(data, path, depth, entries);
        }
    }

    /// A pickle stream. What is only a member need not be one.
    fn stream(&mut self, data: &Bytes, path: &str, is_member: bool) {
        let scan = scan_at(data, self.policy, 0, &self.budget);
        if !is_member || scan.looks_like_a_pickle() || has_pickle_name(path) {
            self.members.push(Member { path: path.to_owned(), scan });
        }
    }

    /// An archive's members. What is wrong with it is a finding: others may read what is not read here.
    fn zip(&mut self, data: &Bytes, path: &str, depth: usize, entries: Option<Vec<zip::Entry<'_>>>) {
        let Some(entries) = entries else { return self.opaque(path, "a zip archive that has no directory") };
        for entry in entries {
            if self.is_exhausted || self.budget.is_spent() {
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
            if content.is_empty() {
                continue;
            }
            let raw = data.slice(content);
            let before = self.members.len();
            match entry.method {
                zip::STORED if self.spend(raw.len()) => self.file(&raw, &path, depth + 1),
                zip::STORED => return self.exhaust(&path),
                zip::DEFLATE => self.compressed(packed::deflate(&raw, self.left), "deflate", &raw, &path, depth),
                _ => self.opaque(&path, "a member compressed by another method than deflate"),
            }
            // Some readers do not look at this flag: only where its content shows nothing is it believed.
            if entry.is_encrypted && !self.has_findings(before) {
                self.members.truncate(before);
                self.opaque(&path, "a member that needs a password");
            }
        }
    }

    /// What is in compressed data, which may end before its own end is reached: that counts as being damaged.
    fn compressed(&mut self, unpacked: Unpacked, method: &str, data: &Bytes, path: &str, depth: usize) {
        let Unpacked { content, is_whole } = unpacked;
        if !self.spend(content.len()) {
            return self.exhaust(path);
        }
        let before = self.members.len();
        if !content.is_empty() {
            self.file(&content.into(), path, depth + 1);
        }
        if !is_whole && !self.has_findings(before) {
            self.members.truncate(before);
            if is_text(data) {
                return self.stream(data, path, depth > 0);
            }
            self.opaque(path, &format!("data compressed by {method} that is damaged"));
        }
    }

    /// Nothing more of the file is looked at, which is told once.
    fn exhaust(&mut self, path: &str) {
        if !std::mem::replace(&mut self.is_exhausted, true) {
            self.opaque(path, "more than may be unpacked");
        }
    }

    /// Whether so many bytes more may be looked at.
    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.unwrap_or_default();
        left.is_some()
    }

    fn has_findings(&self, from: usize) -> bool {
        self.members[from..].iter().any(|member| !member.scan.findings.is_empty())
    }

    fn npy(&mut self, data: &Bytes, path: &str) {
        let Some(Npy { start, holds }) = Npy::read(data) else {
            return self.opaque(path, "an .npy file whose header cannot be read");
        };
        let scan = match holds {
            Holds::Numbers => Scan::default(),
            Holds::Objects => scan_at(&data.slice(start..), self.policy, 0, &self.budget),
            Holds::Either => {
                let scan = scan_at(&data.slice(start..), self.policy, 0, &self.budget);
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

/// Whether data begins as a text does, such as `x^2`, whose two first bytes may be those of zlib.
fn is_text(data: &[u8]) -> bool {
    data.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
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
