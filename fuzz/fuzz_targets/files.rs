//! Any bytes as a file: archives, numpy's files and what is compressed are looked into within bounds, and an archive around the file
//! hides nothing. A file of which only parts are read is told as its bytes in memory are.
#![no_main]

use std::io::Cursor;

use cloud_reduce::{Finding, FindingKind, Member, Policy, ScanLimits, scan_file_within, scan_reader};
use libfuzzer_sys::fuzz_target;

/// A zip archive of one member, not compressed, with no checksum: nothing that reads pickles looks at it.
fn archive(name: &[u8], content: &[u8]) -> Vec<u8> {
    let (name_length, length) = ((name.len() as u16).to_le_bytes(), (content.len() as u32).to_le_bytes());
    // From the version that is needed to the length of the extra fields.
    let fields = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &length, &length, &name_length, &[0; 2]].concat();
    let local = [b"PK\x03\x04", &fields[..], name, content].concat();
    let central = [b"PK\x01\x02\x14\0", &fields[..], &[0; 14], name].concat();
    let (size, offset) = ((central.len() as u32).to_le_bytes(), (local.len() as u32).to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &size[..], &offset, &[0; 2]].concat();
    [local, central, end].concat()
}

/// More than is read at once of a file.
const LONG: usize = (1 << 17) + 1;

fn findings(members: &[Member]) -> Vec<&Finding> {
    // What is broken may be no pickle at all.
    members.iter().flat_map(|member| &member.scan.findings).filter(|finding| finding.kind != FindingKind::Broken).collect()
}

/// Whether not all was looked at: a limit was reached, or how deep is looked.
fn is_cut(members: &[Member]) -> bool {
    let too_deep = |finding: &Finding| finding.kind == FindingKind::Opaque && &*finding.subject == "archives within archives";
    members
        .iter()
        .any(|member| member.scan.findings.iter().any(too_deep) || (member.scan.pickles > 0 && member.scan.error.is_some()))
}

fuzz_target!(|input: &[u8]| {
    let mut limits = ScanLimits::default();
    (limits.opcodes, limits.unpacked) = (100_000, 1 << 20);
    let policy = Policy::models();
    let alone = scan_file_within(input.to_vec(), &policy, &limits);
    assert!(alone.len() <= (1 << 17) + input.len());
    for member in &alone {
        assert!(member.path.len() <= 8 * 1024);
        assert!(member.scan.findings.iter().all(|finding| !finding.to_string().is_empty()));
    }
    let within = scan_file_within(archive(b"data.pkl", input), &policy, &limits);
    if !is_cut(&alone) && !is_cut(&within) {
        assert_eq!(findings(&alone), findings(&within));
    }
    for long in [[input, &[0; LONG]].concat(), [&[0; LONG], input].concat(), archive(b"data", &[input, &[0; LONG]].concat())] {
        let read = scan_reader(Cursor::new(&long), &policy, &limits).expect("memory can be read");
        assert_eq!(format!("{read:?}"), format!("{:?}", scan_file_within(long, &policy, &limits)));
    }
});
