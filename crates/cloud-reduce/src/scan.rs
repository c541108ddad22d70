//! [`scan`]: whether loading a file of pickles does anything that a policy does not allow.

#[cfg(feature = "files")]
mod file;
mod limits;
#[cfg(feature = "files")]
mod npy;
#[cfg(feature = "files")]
mod packed;
#[cfg(feature = "files")]
mod zip;

use bytes::Bytes;
use num_bigint::BigInt;
use pickle_graph::Node;
use pickle_parse::{Error, ErrorKind};

#[cfg(feature = "files")]
pub use file::{Member, has_pickle_name, scan_file, scan_file_within};
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
}

impl Scan {
    /// Whether the data is a pickle, begins as one, or does what no text does by chance, whatever error follows. Any text may begin
    /// with a few opcodes, such as those that import something or name a persistent id.
    #[must_use]
    pub fn looks_like_a_pickle(&self) -> bool {
        self.pickles > 0 || self.has_proto || self.is_cut() || self.findings.iter().any(is_no_text)
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
    scan_at(&data, policy, 0, &Budget::new(&ScanLimits::DEFAULT, data.len()))
}

/// Whether an error says that a limit was reached.
fn is_limit(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Limit { .. })
}

/// Whether a finding is none that the lines of a text make.
fn is_no_text(finding: &Finding) -> bool {
    match finding.kind {
        FindingKind::Import | FindingKind::PersistentId | FindingKind::Broken => false,
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

/// Whether data begins with the header of a member of a tar archive, of any age: it has the sum of its own bytes.
fn is_tar(data: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    let Some(header) = data.first_chunk::<512>() else { return false };
    let field = &header[SUM];
    let digits = field.iter().take_while(|&&byte| byte != 0).filter(|byte| matches!(byte, b'0'..=b'7'));
    let sum = match field[0] {
        // A number in base 256.
        0x80 => field[1..].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)),
        _ => digits.fold(0, |sum, &digit| sum << 3 | u64::from(digit - b'0')),
    };
    let others = || header[..SUM.start].iter().chain(&header[SUM.end..]);
    let blanks = (SUM.len() * usize::from(b' ')) as u64;
    let unsigned: u64 = others().map(|&byte| u64::from(byte)).sum();
    // Some writers took bytes for signed, and Python reads what they wrote.
    let signed: i64 = others().map(|&byte| i64::from(byte.cast_signed())).sum();
    header[257..].starts_with(b"ustar") || sum == unsigned + blanks || i64::try_from(sum) == Ok(signed + blanks as i64)
}

/// The findings in what another pickle gives to a call.
pub(crate) fn stream(data: &Bytes, policy: &Policy, depth: usize, budget: &Budget) -> Vec<Finding> {
    scan_at(data, policy, depth, budget).findings
}

fn scan_at(data: &Bytes, policy: &Policy, depth: usize, budget: &Budget) -> Scan {
    let mut scan = Scan { has_proto: begins_with_proto(data), ..Scan::default() };
    let mut position = 0;
    // How many pickles there are at most; what follows them is no pickle.
    let mut most = usize::MAX;
    // Nothing at all is no pickle either.
    while position == 0 || (position < data.len() && scan.pickles < most) {
        let rest = data.slice(position..);
        let mut trace = Trace::run(&rest, budget);
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
    scan.trailing = data.len() - position;
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
