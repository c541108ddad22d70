//! What hides in a file that is more than a pickle is found, however it is packed.
#![cfg(feature = "files")]

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use cloud_reduce::{Member, Policy, ScanLimits, scan_file, scan_file_within, scan_reader};
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

const BAD: &[u8] = b"\x80\x02cos\nsystem\nU\x02id\x85R.";
const GOOD: &[u8] = b"\x80\x04}\x8c\x01aK\x01s.";

/// What is found in a file, each with the member's path where it has one; `unreadable` for a member that is no pickle.
fn found(file: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for member in scan_file(file.to_vec(), &Policy::models()) {
        let path = if member.path.is_empty() { String::new() } else { format!("{}: ", member.path) };
        found.extend(member.scan.findings.iter().map(|finding| format!("{path}{finding}")));
        found.extend(member.scan.error.iter().map(|_| format!("{path}unreadable")));
    }
    found
}

/// A zip archive, whose parts can be written as no writer does it.
struct Archive<'a> {
    members: &'a [(&'a str, &'a [u8])],
    method: u16,
    /// What stands before the archive, which its offsets do not count.
    before: &'a [u8],
    comment: &'a [u8],
    /// How many entries the end record says there are.
    entries: Option<u16>,
    /// Whether sizes and offsets are those of zip64.
    is_wide: bool,
    flags: u16,
}

impl<'a> Archive<'a> {
    fn of(members: &'a [(&'a str, &'a [u8])]) -> Self {
        Archive { members, method: 0, before: b"", comment: b"", entries: None, is_wide: false, flags: 0 }
    }

    fn bytes(&self) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in self.members {
            let (offset, size) = (file.len() as u64, content.len() as u64);
            let narrow = |value: u64| if self.is_wide { u32::MAX } else { value as u32 }.to_le_bytes();
            let wide = [&b"\x01\0\x18\0"[..], &size.to_le_bytes(), &size.to_le_bytes(), &offset.to_le_bytes()].concat();
            let extra = if self.is_wide { &wide[..] } else { b"" };
            let numbers = |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
            let what =
                [numbers(&[20, self.flags, self.method, 0, 0x21, 0, 0]), narrow(size).to_vec(), narrow(size).to_vec()].concat();
            let name_length = name.len() as u16;
            file.extend([b"PK\x03\x04", &what[..], &numbers(&[name_length, 0]), name.as_bytes(), content].concat());
            let lengths = numbers(&[name_length, extra.len() as u16, 0, 0, 0, 0, 0]);
            directory.extend([b"PK\x01\x02\x14\0", &what[..], &lengths, &narrow(offset), name.as_bytes(), extra].concat());
        }
        let (start, length) = (file.len() as u64, directory.len() as u64);
        let count = self.entries.unwrap_or(self.members.len() as u16).to_le_bytes();
        file.extend(directory);
        if self.is_wide {
            let at = file.len() as u64;
            file.extend([&b"PK\x06\x06\x2c\0\0\0\0\0\0\0"[..], &[0; 28], &length.to_le_bytes(), &start.to_le_bytes()].concat());
            file.extend([&b"PK\x06\x07\0\0\0\0"[..], &at.to_le_bytes(), &[1, 0, 0, 0]].concat());
        }
        let narrow = |value: u64| if self.is_wide { u32::MAX } else { value as u32 }.to_le_bytes();
        let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &narrow(length), &narrow(start)].concat();
        [self.before, &file, &end, &(self.comment.len() as u16).to_le_bytes(), self.comment].concat()
    }
}

fn npy(descr: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n");
    [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn each_member_that_a_reader_of_an_archive_finds_is_looked_at() {
    let bad = [("m/data.pkl", BAD)];
    let twice = [("m/data.pkl", BAD), ("m/data.pkl", GOOD)];
    let twice_last = [("m/data.pkl", GOOD), ("m/data.pkl", BAD)];
    let packed = deflate(BAD);
    let long_comment = vec![b'x'; 65535];
    let inner = Archive::of(&bad).bytes();
    for (name, archive) in [
        ("as it should be", Archive::of(&bad)),
        ("two members of one name", Archive::of(&twice)),
        ("two members of one name, the other way round", Archive::of(&twice_last)),
        ("deflated", Archive { method: 8, ..Archive::of(&[("m/data.pkl", &packed)]) }),
        ("no entries, it says", Archive { entries: Some(0), ..Archive::of(&bad) }),
        ("more entries, it says", Archive { entries: Some(7), ..Archive::of(&bad) }),
        ("behind a pickle", Archive { before: GOOD, ..Archive::of(&bad) }),
        ("behind a pickle, with the longest comment", Archive { before: GOOD, comment: &long_comment, ..Archive::of(&bad) }),
        ("behind an array", Archive { before: &npy("'<f8'", &[0; 8]), ..Archive::of(&bad) }),
        ("of zip64", Archive { is_wide: true, ..Archive::of(&bad) }),
        ("of zip64, behind a pickle", Archive { is_wide: true, before: GOOD, ..Archive::of(&bad) }),
        ("with a password, it says", Archive { flags: 1, ..Archive::of(&bad) }),
    ] {
        assert_eq!(found(&archive.bytes()), ["m/data.pkl: calls os.system('id') at byte 18"], "{name}");
    }
    let nested = Archive::of(&[("inner", &inner)]).bytes();
    assert_eq!(found(&nested), ["inner!m/data.pkl: calls os.system('id') at byte 18"]);
    // Behind the numbers of a long member; with any comment where its name is that of a pickle.
    let commented = Archive { comment: &long_comment, ..Archive::of(&bad) }.bytes();
    for (name, inner) in [("m/data/0", &inner), ("m/inner.pt", &inner), ("m/inner.pt", &commented)] {
        let long = [&[0; LONG], &inner[..]].concat();
        let nested = Archive::of(&[(name, &long)]).bytes();
        assert!(found(&nested).contains(&format!("{name}!m/data.pkl: calls os.system('id') at byte 18")), "{name}");
    }
}

/// A file that counts how many bytes are read of it, and ends after some of the reads.
struct File<'a> {
    content: Cursor<&'a [u8]>,
    read: usize,
    reads_left: usize,
}

impl<'a> File<'a> {
    fn new(content: &'a [u8], reads_left: usize) -> Self {
        File { content: Cursor::new(content), read: 0, reads_left }
    }

    fn scan(&mut self) -> io::Result<Vec<Member>> {
        scan_reader(self, &Policy::models(), &ScanLimits::DEFAULT)
    }
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.reads_left.checked_sub(1) else { return Ok(0) };
        self.reads_left = left;
        let read = self.content.read(buffer)?;
        self.read += read;
        Ok(read)
    }
}

impl Seek for File<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.content.seek(position)
    }
}

/// More than is read at once of a file.
const LONG: usize = (1 << 17) + 1;

/// Files of each kind, long ones among them, and archives with such members.
fn long_files() -> Vec<Vec<u8>> {
    let (zeros, nones, noise): (Vec<u8>, _, Vec<u8>) =
        (vec![0; LONG], b"N".repeat(LONG), (0..LONG).map(|at| (at * at % 251) as u8).collect());
    let text = b"(lp0\nS'a long line of a text'\np1\naI42\na".repeat(LONG / 32);
    let in_memory = [&b"\x80\x04B"[..], &(LONG as u32).to_le_bytes(), &zeros, b"0cos\nsystem\n)R."].concat();
    let framed = [&b"\x80\x04\x95"[..], &(in_memory.len() as u64 - 2).to_le_bytes(), &in_memory[2..]].concat();
    let too_long = [&b"B\xff\xff\xff\x7f"[..], &zeros].concat();
    let legacy = [&b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."[..], &b"\x80\x02M\xe9\x03.".repeat(4), BAD, &noise].concat();
    let inner = Archive::of(&[("data.pkl", BAD)]).bytes();
    let comment = vec![b'x'; 65535];
    let commented = Archive { comment: &comment, ..Archive::of(&[("data.pkl", BAD)]) }.bytes();
    let deflated = deflate(&[BAD, &zeros].concat());
    let mut files = Vec::new();
    for begin in [BAD, GOOD, b"", b"cos\n", b"\x82\x01", b"U\xff", b"\x95\x10\0\0\0\0\0\0\0", b"(", b"S'", b".", b"N."] {
        files.extend([&zeros, &noise].map(|rest| [begin, rest, BAD].concat()));
    }
    files.extend([in_memory, framed, too_long, legacy, [BAD, &nones].concat(), text]);
    files.extend([&zeros, &noise].iter().flat_map(|long| {
        [
            [long, &inner[..]].concat(),
            [long, &commented[..]].concat(),
            npy("'<f8'", long),
            npy("'<f8'", &[long, &inner[..]].concat()),
            npy("'|O'", &[BAD, long].concat()),
            npy("[('a', 'object')]", &[BAD, long].concat()),
            gzip(&[BAD, long].concat()),
            [gzip(BAD), long.to_vec()].concat(),
        ]
    }));
    let some = files.iter().step_by(9).map(|file| ("m/data/0", &file[..]));
    let members: Vec<_> = some.chain([("m/last.pkl", BAD)]).collect();
    let archives = [
        Archive::of(&members).bytes(),
        Archive { before: &noise, is_wide: true, ..Archive::of(&members) }.bytes(),
        Archive { comment: &comment, flags: 1, ..Archive::of(&members) }.bytes(),
        Archive { method: 8, ..Archive::of(&[("m/data.pkl", &deflated), ("m/other", &noise)]) }.bytes(),
        Archive { method: 12, ..Archive::of(&[("m/data.pkl", &deflated)]) }.bytes(),
    ];
    let cut = archives[0][..LONG * 3].to_vec();
    files.extend(archives);
    files.push(cut);
    files
}

#[test]
fn a_file_is_told_as_its_bytes_in_memory_are() {
    for (at, file) in long_files().iter().enumerate() {
        let in_memory = scan_file(file.clone(), &Policy::models());
        let scanned = File::new(file, usize::MAX).scan().unwrap();
        assert_eq!(format!("{scanned:?}"), format!("{in_memory:?}"), "file {at}");
    }
}

#[test]
fn of_numbers_in_an_archive_next_to_nothing_is_read() {
    let mut numbers = vec![0x3f; 50 * LONG];
    for begin in [&b"\0\0\x80\x3f"[..], b"U\x80\0\x3f", b"B\xff\xff\xff\x3f", b"\x95\x3f\x3f\x3f\x3f\x3f\x3f\x3f\x3f"] {
        numbers[..begin.len()].copy_from_slice(begin);
        let array = npy("'<f8'", &numbers);
        let archive =
            Archive::of(&[("m/data.pkl", GOOD), ("m/data/0", &numbers), ("m/data/1", &numbers), ("m/2.npy", &array)]).bytes();
        let mut file = File::new(&archive, usize::MAX);
        assert!(file.scan().unwrap().iter().all(|member| member.scan.findings.is_empty()));
        // The end of each is, where an archive may end.
        assert!(file.read < 4 << 17, "{begin:?}: {}", file.read);
    }
}

#[test]
fn a_file_that_becomes_shorter_while_it_is_read_is_an_error() {
    let numbers = vec![0x3f; LONG];
    let members = [("m/data.pkl", BAD), ("m/data/0", &numbers), ("m/data/1.npy", &npy("'<f8'", &numbers))];
    for file in [Archive::of(&members).bytes(), [BAD, &numbers].concat(), BAD.to_vec()] {
        let whole = format!("{:?}", File::new(&file, usize::MAX).scan().unwrap());
        for reads in 0.. {
            match File::new(&file, reads).scan() {
                Ok(members) => {
                    assert!(reads > 0);
                    assert_eq!(format!("{members:?}"), whole);
                    break;
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}"),
            }
        }
    }
}

#[test]
fn the_numbers_of_a_tensor_are_no_finding_by_chance() {
    // Numbers whose sum as signed bytes is that of a tar archive that tells none.
    let mut sum = vec![1u8; 512];
    sum[148..156].fill(0);
    sum[..128].fill(0xff);
    sum[200..300].fill(0xfb);
    let signed: i32 = sum.iter().map(|&byte| i32::from(byte.cast_signed())).sum();
    sum[100] = sum[100].wrapping_add_signed((-256 - signed) as i8);
    for tensor in [
        &b"\x82\xe7\x2f\xbc"[..],
        b"\x83\x01\x02\x82\x05.\x3c",
        b"\x82\x45.\xbc",
        b"\x78\x9c\xff\x3c\x12\xbd",
        b"\x1f\x8b\x03\x3c\x12\xbd",
        b"\x5d\0\0\0\0\0\0\0",
        &sum,
    ] {
        assert_eq!(found(&Archive::of(&[("m/data/0", tensor)]).bytes()), [""; 0], "{tensor:?}");
    }
    // As what they are called, they are.
    assert_eq!(
        found(&Archive::of(&[("m/data.pkl", b"\x82\xe7\x2f\xbc")]).bytes())[0],
        "m/data.pkl: imports by extension code 231 at byte 0"
    );
}

#[test]
fn an_archive_of_more_members_than_its_bytes_can_hold_is_not_read_to_its_end() {
    // All entries name the one member.
    let archive = |entries: usize| {
        let one = Archive::of(&[("", b"")]).bytes();
        let (member, rest) = one.split_at(30);
        let (entry, _) = rest.split_at(46);
        let length = (entries * entry.len()) as u32;
        let end = [&b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff"[..], &length.to_le_bytes(), &30u32.to_le_bytes(), b"\0\0"].concat();
        [member, &entry.repeat(entries), &end].concat()
    };
    assert_eq!(found(&archive(60_000)), [""; 0]);
    let most = ": is more than may be unpacked, which is not looked into: unpack it and scan what is in it";
    let found: Vec<String> = found(&archive(200_000));
    assert_eq!(found.iter().map(|finding| finding.trim_start_matches(": ")).collect::<Vec<_>>(), [most.trim_start_matches(": ")]);
}

#[test]
fn what_cannot_be_looked_into_is_a_finding() {
    let good = Archive::of(&[("m/data.pkl", GOOD)]).bytes();
    let mut elsewhere = good.clone();
    let entry = elsewhere.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    elsewhere[entry + 42] = 1;
    let mut tar = [&b"data.pkl"[..], &[0; 504]].concat();
    tar[148..156].fill(b' ');
    let sum: u32 = tar.iter().map(|&byte| u32::from(byte)).sum();
    tar[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar.extend(BAD);
    let cut = deflate(&[GOOD, &[b'x'; 50]].concat());
    for (file, what) in [
        (&good[..good.len() - 22], "a zip archive that has no directory"),
        (&elsewhere, "m/data.pkl: a member of a zip archive that is not where its directory says"),
        (&Archive { method: 12, ..Archive::of(&[("a", GOOD)]) }.bytes(), "a: a member compressed by another method than deflate"),
        (&Archive { flags: 1, ..Archive::of(&[("a", GOOD)]) }.bytes(), "a: a member that needs a password"),
        (
            &Archive { method: 8, ..Archive::of(&[("a", &cut[..cut.len() - 3])]) }.bytes(),
            "a: data compressed by deflate that is damaged",
        ),
        (&gzip(&[GOOD, &[b'x'; 50]].concat())[..20], "data compressed by gzip that is damaged"),
        (&tar, "a tar archive"),
        (b"]\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0", "data compressed by LZMA"),
        (b"\xfd7zXZ\0", "data compressed by xz"),
        (b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0BZh9", "data compressed by bzip2"),
    ] {
        let (path, what) = what.split_once(": ").map_or((String::new(), what), |(path, what)| (format!("{path}: "), what));
        assert_eq!(found(file), [format!("{path}is {what}, which is not looked into: unpack it and scan what is in it")]);
    }
}

#[test]
fn all_that_is_compressed_is_looked_at() {
    let zlib = |content: &[u8]| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let (half, other) = BAD.split_at(10);
    for (name, file) in [
        ("zlib", zlib(BAD)),
        ("two streams of zlib", [zlib(half), zlib(other)].concat()),
        ("gzip", gzip(BAD)),
        ("a pickle in two members of gzip", [gzip(half), gzip(other)].concat()),
        ("zeros between members of gzip", [gzip(half), vec![0; 3], gzip(other)].concat()),
        ("gzip, with something behind it", [gzip(BAD), b"something".to_vec()].concat()),
        ("twice", gzip(&zlib(BAD))),
    ] {
        assert_eq!(found(&file), ["calls os.system('id') at byte 18"], "{name}");
    }
    assert_eq!(found(&[gzip(GOOD), gzip(BAD)].concat()), [format!("calls os.system('id') at byte {}", GOOD.len() + 18)]);
    assert_eq!(found(b"x^2 + y^2"), ["unreadable"]);
}

#[test]
fn an_array_is_a_pickle_unless_its_header_says_that_it_holds_numbers() {
    for descr in [
        "'|O'",
        "'O'",
        "'object'",
        "'object_'",
        "'\\x4f'",
        "'\\117'",
        "'\\x6fbject'",
        "'obj' 'ect'",
        "[('a', 'object')]",
        "[('a', [('b', '|O')])]",
        "\"|O\"",
    ] {
        assert_eq!(found(&npy(descr, BAD)), ["calls os.system('id') at byte 18"], "{descr}");
        assert_eq!(found(&npy(descr, GOOD)), [""; 0], "{descr}");
        let imports = npy(descr, b"cantigravity\nfly\n");
        assert_eq!(found(&imports)[0], "imports antigravity.fly at byte 0", "{descr}");
    }
    for descr in ["'<f8'", "'<M8[ns]'", "[('field', '<f8'), ('f1', '|S8')]"] {
        assert_eq!(found(&npy(descr, b"12345678")), [""; 0], "{descr}");
    }
}

#[test]
fn an_archive_given_to_a_loader_is_a_finding() {
    let archive = Archive::of(&[("\nN.", b""), ("m/data.pkl", BAD), ("m/version", b"3\n")]).bytes();
    let call = |data: &[u8]| {
        let length = (data.len() as u32).to_le_bytes();
        [b"\x80\x04ctorch.storage\n_load_from_bytes\nB", &length[..], data, b"\x85R."].concat()
    };
    // Behind it there is more than a comment may have.
    let file = |data: &[u8]| [&call(data)[..], &[0; 1 << 17]].concat();
    assert_eq!(
        found(&file(&archive)),
        ["is an archive that a call is given, which is not looked into: unpack it and scan what is in it"]
    );
    assert_eq!(found(&file(GOOD)), [""; 0]);
}

#[test]
fn what_does_something_is_told_of_even_where_it_is_no_pickle() {
    let members = [("text", &b"cat\nhorse\n"[..]), ("lisp", b"(in-package :example)\n\n"), ("code", b"cos\nsystem\n(S'id'\ntR")];
    let found = found(&Archive::of(&members).bytes());
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], "code: calls os.system('id') at byte 19");
}

#[test]
fn no_changed_byte_of_a_file_is_more_than_a_finding() {
    let packed = deflate(BAD);
    let members = [("m/data.pkl", BAD), ("m/data.npy", &npy("'|O'", BAD))];
    for file in [
        Archive::of(&members).bytes(),
        Archive { is_wide: true, before: GOOD, comment: b"comment", ..Archive::of(&members) }.bytes(),
        Archive { method: 8, ..Archive::of(&[("m/data.pkl", &packed)]) }.bytes(),
        [gzip(BAD), gzip(GOOD)].concat(),
        npy("[('a', 'object')]", BAD),
    ] {
        for index in 0..file.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut changed = file.clone();
                changed[index] = byte;
                assert!(found(&changed).len() <= 4, "byte {index} as {byte}");
            }
            assert!(found(&file[..index]).len() <= 4, "the first {index} bytes");
        }
    }
}

/// The error of a file's last member, and the findings of all.
fn last_error(file: Vec<u8>, opcodes: u64) -> (Option<String>, usize) {
    let mut limits = ScanLimits::default();
    limits.opcodes = opcodes;
    let members = scan_file_within(file, &Policy::models(), &limits);
    let findings = members.iter().map(|member| member.scan.findings.len()).sum();
    (members.last().and_then(|member| member.scan.error.as_ref()).map(ToString::to_string), findings)
}

#[test]
fn a_small_file_that_unpacks_to_many_opcodes_is_read_up_to_the_limit_and_says_so() {
    let gzip = |content: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    const MANY: usize = 1 << 17;
    const LIMIT: u64 = 100_000;
    let nested = [&b"\x80\x04ctorch.storage\n_load_from_bytes\nB"[..], &(MANY as u32).to_le_bytes()].concat();
    for (content, findings) in [
        (b"]".repeat(MANY), 0),
        (b"(".repeat(MANY), 0),
        (b"N.".repeat(MANY), 0),
        ([&b"cos\nsystem\nq\0"[..], &b")R0h\0".repeat(MANY)].concat(), 1),
        ([&BAD[..BAD.len() - 1], &b"0N".repeat(MANY)].concat(), 1),
        // Within bytes that are loaded.
        ([&nested[..], &b"N".repeat(MANY), b"\x85R."].concat(), 1),
    ] {
        let (error, found) = last_error(gzip(&content), LIMIT);
        let shown = String::from_utf8_lossy(&content[..8]).into_owned();
        let error = error.unwrap();
        assert!(error.contains("more than 100000 opcodes"), "{shown}: {error}");
        assert_eq!(found, findings, "{shown}");
        assert!(last_error(gzip(&content), u64::MAX).0.is_none_or(|error| !error.contains("more than")), "{shown}");
        // Eight for each byte of the file are always looked at.
        assert!(last_error(content, 0).0.is_none_or(|error| !error.contains("more than")), "{shown}");
    }
}

#[test]
fn what_zlib_compressed_with_a_small_window_is_unpacked() {
    // `zlib.compressobj(wbits=9)` of what prints.
    let content = BAD;
    let mut packed = vec![0x18, 0x19];
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    packed.extend(encoder.finish().unwrap());
    packed.extend([0; 4]);
    assert_eq!(found(&packed), found(content));
    // A pickle that begins so is none.
    assert_eq!(found(b"(S'ab'\nl."), Vec::<String>::new());
}
