//! [`scan`]: whether loading a file of pickles does anything that a policy does not allow.

#[cfg(feature = "files")]
mod content;
#[cfg(feature = "files")]
mod file;
mod limits;
#[cfg(feature = "files")]
mod npy;
#[cfg(feature = "files")]
mod packed;
#[cfg(feature = "files")]
mod zip;

use std::ops::Range;

use bytes::Bytes;
use num_bigint::BigInt;
use pickle_graph::Node;
use pickle_parse::{Error, ErrorKind};

#[cfg(feature = "files")]
pub use file::{Member, has_pickle_name, scan_file, scan_file_within, scan_reader};
pub(crate) use limits::Budget;
pub use limits::ScanLimits;

use crate::{
    Policy,
    report::{Finding, FindingKind, Trace, begins_with_proto, findings},
};

/// What [`scan`] found.
#[derive(Debug, Default)]
pub struct Scan {
    /// What the policy does not allow, in the order in which loading does it. Offsets are from the start of the data.
    pub findings: Vec<Finding>,
    /// How many pickles there are, one behind the other.
    pub pickles: usize,
    /// Why the first of them cannot be read, where it does nothing that would be a finding either: it may be no pickle at all. Or,
    /// with an error of the kind [`ErrorKind::Limit`], that not all of them were looked at, whatever else was found.
    pub error: Option<Error>,
    /// How many bytes there are behind the last pickle that are none. No unpickler looks at them.
    pub trailing: usize,
    /// Whether the data begins with `PROTO`, as pickles of protocols from 2 on do.
    has_proto: bool,
    /// Whether it is only of a beginning of the data, and what follows may be more than numbers.
    goes_on: bool,
}

impl Scan {
    /// Whether the data is a pickle, begins as one, or does what no text and no numbers do by chance, whatever error follows. Any text may
    /// begin with a few opcodes, such as those that import something or name a persistent id; and one of a hundred tensors begins
    /// with an opcode that imports by an extension code, which no pickler writes without `PROTO` before.
    #[must_use]
    pub fn looks_like_a_pickle(&self) -> bool {
        let only_extensions = || self.findings.iter().all(|finding| finding.kind == FindingKind::Extension);
        self.has_proto
            || self.is_cut()
            || self.findings.iter().any(is_not_by_chance)
            || (self.pickles > 0 && (self.findings.is_empty() || !only_extensions()))
    }

    /// Whether there is nothing but an error that says that the data is no pickle.
    #[cfg(feature = "files")]
    fn is_no_pickle(&self) -> bool {
        self.pickles == 0 && self.findings.is_empty() && !self.is_cut()
    }

    /// Whether a limit was reached, so that not all was looked at.
    fn is_cut(&self) -> bool {
        self.error.as_ref().is_some_and(is_limit)
    }
}

/// Scans data that begins with a pickle: looks for whatever loading it would do that a policy does not allow. Nothing is imported
/// and nothing is called.
///
/// Pickles behind the first one are scanned as well, and pickles within bytes that calls are given. What a broken pickle does
/// before its error counts, since loading does it.
///
/// ```
/// use cloud_reduce::{Policy, scan};
///
/// let found = scan(&b"cos\nsystem\n(S'echo hello'\ntR."[..], &Policy::plain());
/// assert_eq!(found.findings[0].to_string(), "calls os.system('echo hello') at byte 27");
///
/// let found = scan(&b"\x80\x04\x8c\x0bcollections\x8c\x0bOrderedDict\x93)R."[..], &Policy::plain());
/// assert!(found.findings.is_empty() && found.error.is_none());
/// ```
///
/// It takes time and memory in proportion to the data.
#[must_use]
pub fn scan(data: impl Into<Bytes>, policy: &Policy) -> Scan {
    let data = data.into();
    scan_at(&data, policy, 0, &Budget::new(&ScanLimits::DEFAULT, data.len() as u64))
}

/// Whether an error says that a limit was reached.
fn is_limit(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Limit { .. })
}

/// Whether a finding is none that the lines of a text make, or numbers.
fn is_not_by_chance(finding: &Finding) -> bool {
    match finding.kind {
        FindingKind::Import | FindingKind::Extension | FindingKind::PersistentId | FindingKind::Broken => false,
        // `(in-package :example)` calls what it imports, of which there is nothing.
        FindingKind::Call => {
            let callee = finding.subject.split('(').next().unwrap_or_default();
            callee.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':'))
        }
        _ => true,
    }
}

/// Whether data is an archive that PyTorch looks into where it is given bytes: a zip archive, or one of tar.
pub(crate) fn is_archive(data: &[u8]) -> bool {
    data.starts_with(b"PK\x03\x04") || is_tar(data)
}

/// Whether data begins with the header of a member of a tar archive, of any age: it has the sum of its own bytes, and numbers where
/// Python reads some. The sum alone is that of one tensor in some thousands.
fn is_tar(data: &[u8]) -> bool {
    const SUM: Range<usize> = 148..156;
    /// Its mode, owner and group, size and time.
    const NUMBERS: [Range<usize>; 5] = [100..108, 108..116, 116..124, 124..136, 136..148];
    let Some(header) = data.first_chunk::<512>() else { return false };
    if header[257..].starts_with(b"ustar") {
        return true;
    }
    let Some(sum) = tar_number(&header[SUM]) else { return false };
    let others = || header[..SUM.start].iter().chain(&header[SUM.end..]);
    let blanks = SUM.len() as i128 * i128::from(b' ');
    let unsigned: i128 = others().map(|&byte| i128::from(byte)).sum();
    // Some writers took bytes for signed, and Python reads what they wrote.
    let signed: i128 = others().map(|&byte| i128::from(byte.cast_signed())).sum();
    (sum == unsigned + blanks || sum == signed + blanks)
        && NUMBERS.into_iter().all(|number| tar_number(&header[number]).is_some())
}

/// A number of such a header, of no more than twelve bytes: in base 256, or digits of base 8 up to a zero.
fn tar_number(field: &[u8]) -> Option<i128> {
    let (&first, rest) = field.split_first()?;
    let number = rest.iter().fold(0, |number, &byte| number << 8 | i128::from(byte));
    match first {
        0x80 => return Some(number),
        0xff => return Some(number - (1 << (8 * rest.len()))),
        _ => {}
    }
    let mut text = field.iter().take_while(|&&byte| byte != 0);
    text.try_fold(0, |number, &byte| match byte {
        b'0'..=b'7' => Some(number << 3 | i128::from(byte - b'0')),
        // What Python's `int` passes over.
        b'+' | b'-' | b'_' | b'o' | b'O' => Some(number),
        byte if byte.is_ascii_whitespace() || byte == 0x0b => Some(number),
        _ => None,
    })
}

/// The findings in what another pickle gives to a call.
pub(crate) fn stream(data: &Bytes, policy: &Policy, depth: usize, budget: &Budget) -> Vec<Finding> {
    scan_at(data, policy, depth, budget).findings
}

fn scan_at(data: &Bytes, policy: &Policy, depth: usize, budget: &Budget) -> Scan {
    scan_beginning(data, 0, policy, depth, budget)
}

/// Scans data behind which there are so many bytes more, which are not there: [`Scan::goes_on`] says whether they count.
fn scan_beginning(data: &Bytes, behind: u64, policy: &Policy, depth: usize, budget: &Budget) -> Scan {
    let mut scan = Scan { has_proto: begins_with_proto(data), ..Scan::default() };
    let mut position = 0;
    // How many pickles there are at most; what follows them is no pickle.
    let mut most = usize::MAX;
    // Nothing at all is no pickle either.
    while position == 0 || (position < data.len() && scan.pickles < most) {
        let rest = data.slice(position..);
        let mut trace = Trace::run(&rest, budget);
        if behind > 0 && (rest.len() as u64 + 1..=rest.len() as u64 + behind).contains(&trace.wants) {
            scan.goes_on = true;
            return scan;
        }
        let mut found = findings(&trace, policy, depth, budget);
        let is_first = position == 0;
        if budget.is_spent() {
            scan.error = Some(budget.error((position + trace.length) as u64));
        } else {
            // Another reader may have no such limit.
            scan.error = trace.error.take_if(|error| is_limit(error));
        }
        if scan.error.is_some() {
            found.retain(|finding| finding.kind != FindingKind::Broken);
        }
        if scan.error.is_none() && trace.error.is_some() && found.len() == 1 {
            // Nothing but the error.
            if is_first {
                scan.error = trace.error;
                return scan;
            }
            if !begins_with_proto(&rest) {
                break;
            }
        }
        for finding in &mut found {
            finding.offset += position as u64;
        }
        scan.findings.append(&mut found);
        if trace.error.is_some() || scan.error.is_some() {
            return scan;
        }
        if is_first && is_legacy_torch(&trace) {
            most = LEGACY_TORCH_PICKLES;
        }
        position += trace.length;
        scan.pickles += 1;
    }
    scan.goes_on = behind > 0 && position == data.len() && scan.pickles < most;
    scan.trailing = data.len() - position + usize::try_from(behind).unwrap_or(usize::MAX);
    scan
}

/// A file of `torch.save` before PyTorch 1.6 holds so many pickles, the first of which is a certain number, and behind them the
/// numbers of its tensors.
const LEGACY_TORCH_PICKLES: usize = 5;

/// `torch.serialization.MAGIC_NUMBER`.
const LEGACY_TORCH_MAGIC: u128 = 0x1950_a86a_20f9_469c_fc6c;

fn is_legacy_torch(trace: &Trace) -> bool {
    matches!(trace.graph.node(trace.graph.root()), Node::BigInt(number) if *number == BigInt::from(LEGACY_TORCH_MAGIC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_goes_on_or_is_told_as_the_whole_is() {
        let policy = Policy::models();
        let scanned = |data: &Bytes, behind: usize| {
            let budget = Budget::new(&ScanLimits::DEFAULT, (data.len() + behind) as u64);
            scan_beginning(data, behind as u64, &policy, 0, &budget)
        };
        let joblib =
            b"\x80\x04\x8c\x12joblib.numpy_pickle\x8c\x11NumpyArrayWrapper\x93)\x81}(\x8c\x05shapeK\x02\x85\x8c\x05dtype\
            \x8c\x05numpy\x8c\x05dtype\x93\x8c\x02u1\x85Rub0123.";
        for whole in [
            &b"cos\nsystem\n(S'id'\ntR."[..],
            b"cos\nsystem\n(S'id'\ntRcos\nsystem\n(S'id'\ntR0",
            b"\x80\x02cos\nsystem\nU\x02id\x85R.\x80\x02cos\nsystem\nU\x02id\x85R.some text",
            b"N.N.K\x05.cos\nsystem\n.",
            b"\x80\x04\x95\x0d\0\0\0\0\0\0\0\x8c\x02os\x8c\x06system\x93.",
            b"\x80\x04\x95\x05\0\0\0\0\0\0\0\x8c\x02os\x8c\x06system\x93)R.",
            b"\x80\x04\x95\xff\0\0\0\0\0\0\0\x8c\x02os\x8c\x06system\x93)R.",
            b"\x80\x04B\x06\0\0\0cos\nid.B\xff\xff\0\0 and more",
            b"\x8d\xff\xff\0\0\0\0\0\0 and more",
            b"\x8b\xff\xff\xff\xff and more",
            b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02N.N.N.N.\x80\x02cos\nsystem\n.",
            b"cos\nsys\xfftem\n(S'id'\ntR.",
            b"I12x\n.",
            b"F1.5\nL12L\n\x86\x8f.",
            joblib,
        ] {
            let data = Bytes::copy_from_slice(whole);
            let expected = format!("{:?}", scanned(&data, 0));
            let mut settled = 0;
            for length in 1..whole.len() {
                let beginning = scanned(&data.slice(..length), whole.len() - length);
                if !beginning.goes_on {
                    settled += 1;
                    assert_eq!(format!("{beginning:?}"), expected, "{length} bytes of {}", whole.escape_ascii());
                }
            }
            assert!(!scanned(&data, 0).goes_on && settled < whole.len() - 1, "{}", whole.escape_ascii());
        }
    }
}
