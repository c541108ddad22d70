//! Pickles that mean harm: each is an error or a value, soon, and in little memory.

use std::time::{Duration, Instant};

use bytes::Bytes;
use pickle_graph::{Graph, is_isomorphic};
use pickle_opcodes::Protocol;
use pickle_parse::{Dis, Error, ErrorKind, Limits, Loader, Machine, OpReader, Ops, Rules, Strings, dis, graph};

/// Long for any test here, even unoptimised and beside others.
const LONG: Duration = Duration::from_secs(100);

fn load(pickle: impl Into<Vec<u8>>) -> Result<Graph, Error> {
    graph(pickle.into())
}

fn kind(pickle: impl Into<Vec<u8>>) -> ErrorKind {
    load(pickle).unwrap_err().into_kind()
}

/// Everything that reads, reads it; whether it likes it is its own business.
fn read_by_all(pickle: &[u8]) {
    let ops = Ops::new(pickle).count();
    let mut reader = OpReader::new(pickle);
    let mut from_stream = 0;
    while let Ok(Some(_)) = reader.next_op() {
        from_stream += 1;
    }
    assert!(from_stream + 1 >= ops);
    let from_slice = load(pickle);
    let from_stream = Loader::new().read(&mut OpReader::new(pickle));
    if let (Ok(graph), Ok(Some(other))) = (&from_slice, &from_stream) {
        assert_eq!(graph.to_string(), other.to_string());
    }
    let _ = dis(pickle);
}

fn golden(protocol: Protocol) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/p{protocol}.pkl", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn pickles(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = file;
    std::iter::from_fn(move || {
        let mut ops = Ops::new(rest);
        ops.by_ref().last()?.ok()?;
        let (pickle, after) = rest.split_at(ops.offset());
        rest = after;
        Some(pickle)
    })
}

#[test]
fn every_truncation_is_an_error() {
    for protocol in Protocol::ALL {
        let file = golden(protocol);
        for pickle in pickles(&file) {
            assert!(load(pickle).is_ok());
            for end in 0..pickle.len() {
                let error = load(&pickle[..end]).unwrap_err();
                let expected = [ErrorKind::RanOut, ErrorKind::Truncated];
                assert!(expected.contains(error.kind()), "{error} in {}", pickle[..end].escape_ascii());
                assert!(dis(&pickle[..end]).is_err());
            }
        }
    }
}

#[test]
fn every_corruption_of_a_byte_is_an_error_or_a_value() {
    for protocol in Protocol::ALL {
        let file = golden(protocol);
        for pickle in pickles(&file).filter(|pickle| pickle.len() < 120).step_by(25) {
            let mut corrupt = pickle.to_vec();
            for at in 0..pickle.len() {
                for byte in 0..=255 {
                    corrupt[at] = byte;
                    let began = Instant::now();
                    read_by_all(&corrupt);
                    assert!(began.elapsed() < LONG, "{}", corrupt.escape_ascii());
                }
                corrupt[at] = pickle[at];
            }
        }
    }
}

#[test]
fn a_memo_index_is_a_key_and_not_a_size() {
    for pickle in [&b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff."[..], b"Np9223372036854775807\n0g9223372036854775807\n."] {
        assert_eq!(load(pickle).unwrap().to_string(), "None\n");
        assert!(dis(pickle).is_ok());
    }
    // As far apart as can be, in the order that is worst for a vector.
    let mut many = b"N".to_vec();
    for index in (0..200_000u32).rev() {
        many.push(b'r');
        many.extend_from_slice(&index.wrapping_mul(0x9e37_79b1).to_le_bytes());
    }
    many.push(b'.');
    let began = Instant::now();
    assert_eq!(load(many).unwrap().to_string(), "None\n");
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

#[test]
fn claimed_lengths_are_checked_before_anything_is_allocated() {
    for opcode in [0x8d, 0x8e, 0x96, 0x95] {
        for length in [1u64 << 63, u64::MAX, (1 << 63) - 1, 1 << 40] {
            let pickle = [&[opcode][..], &length.to_le_bytes(), b"abc."].concat();
            let expected_too_long = length >= 1 << 63;
            match (kind(&pickle[..]), opcode) {
                (ErrorKind::TooLong(_), 0x8d | 0x8e | 0x96) | (ErrorKind::FrameTooLong, 0x95) => assert!(expected_too_long),
                (ErrorKind::Truncated, _) => assert!(!expected_too_long),
                (ErrorKind::ReadOverflow, 0x8d | 0x95) => assert_eq!(length, i64::MAX as u64),
                (kind, _) => panic!("{kind}"),
            }
            read_by_all(&pickle);
        }
    }
    for opcode in [b'T', b'X', b'B', 0x8b] {
        read_by_all(&[&[opcode][..], &[0xff; 4], b"abc."].concat());
        read_by_all(&[&[opcode][..], &[0xff, 0xff, 0xff, 0x7f], b"abc."].concat());
    }
}

#[test]
fn a_million_levels_are_read_listed_and_dropped() {
    const DEEP: usize = 1_000_000;
    let began = Instant::now();
    for (open, close) in
        [(&b"]"[..], &b"a"[..]), (b"(", b"l"), (b"(", b"t"), (b"}K\x01", b"s"), (b"\x8f(", b"\x90"), (b")", b"\x86")]
    {
        let mut pickle = open.repeat(DEEP);
        pickle.extend_from_slice(b"N");
        pickle.extend(close.repeat(DEEP));
        pickle.push(b'.');
        let graph = load(pickle.clone()).unwrap();
        assert!(graph.len() >= DEEP - 1);
        drop(graph);
        let listed = Dis::new().write(&pickle, &mut std::io::sink());
        match open.contains(&b'(') {
            // Each open mark indents, so that the listing would have the square of the length.
            true => assert_eq!(listed.unwrap_err().kind(), &ErrorKind::Limit { what: "open marks", limit: 10_000 }),
            false => assert_eq!(listed.unwrap(), pickle.len()),
        }
    }
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

#[test]
fn marks_alone_are_no_value() {
    assert_eq!(kind(b"(".repeat(1_000_000)), ErrorKind::RanOut);
    assert_eq!(kind([b"(".repeat(1_000_000), b".".to_vec()].concat()), ErrorKind::UnexpectedMark);
    assert_eq!(kind([b"(".repeat(1_000_000), b"0".repeat(1_000_000), b"t".to_vec()].concat()), ErrorKind::NoMark);
}

#[test]
fn frames_that_lie_are_told_and_frames_in_frames_are_not() {
    let frame = |length: u64| [&b"\x95"[..], &length.to_le_bytes()].concat();
    assert_eq!(kind([b"\x80\x04".to_vec(), frame(3), b"N.".to_vec()].concat()), ErrorKind::Truncated);
    assert_eq!(kind([frame(u64::MAX), b"N.".to_vec()].concat()), ErrorKind::FrameTooLong);
    // As the unpickler of CPython 3.13 in C has it, a frame's end means nothing.
    for pickle in [
        [frame(0), b"N.".to_vec()].concat(),
        [frame(1), b"K\x01.".to_vec()].concat(),
        [frame(11), frame(2), b"N.".to_vec()].concat(),
        [frame(10), frame(1), b"N.".to_vec()].concat(),
    ] {
        assert!(load(pickle).is_ok());
    }
}

#[test]
fn lengths_that_end_beyond_what_can_be_counted_are_told() {
    for (opcode, start) in [(0x8d, 9), (0x95, 9)] {
        for (length, expected) in [(i64::MAX - start, ErrorKind::Truncated), (i64::MAX - start + 1, ErrorKind::ReadOverflow)] {
            assert_eq!(kind([&[opcode][..], &length.to_le_bytes(), b"N."].concat()), expected, "{opcode:#x} {length}");
        }
    }
}

#[test]
fn what_follows_stop_is_not_looked_at() {
    let pickle = Bytes::from_static(b"\x80\x02K\x07.\xff\xff(((");
    let (graph, length) = Loader::new().load_first(&pickle).unwrap();
    assert_eq!((graph.to_string().as_str(), length), ("7\n", 5));
    assert!(dis(&pickle).is_ok());
}

#[test]
fn a_value_that_doubles_at_each_level_is_as_small_as_its_pickle() {
    // (x, x) of (x, x) of ..., a thousand levels.
    let pickle = [b"]".to_vec(), b"2\x86".repeat(1000), b".".to_vec()].concat();
    let graph = load(pickle).unwrap();
    assert_eq!(graph.len(), 1001);
    assert!(graph.memory() < 100_000);
}

#[test]
fn numbers_in_decimal_have_a_limit_of_digits() {
    let digits = b"9".repeat(1_000_000);
    let began = Instant::now();
    for (opcode, end) in [(&b"L"[..], &b"L\n."[..]), (b"I", b"\n."), (b"Np", b"\n."), (b"g", b"\n.")] {
        assert!(load([opcode, &digits, end].concat()).is_err());
        assert!(dis(&[opcode, &digits, end].concat()).is_err());
    }
    // A float may have as many as it likes.
    assert!(load([&b"F0."[..], &digits, b"\n."].concat()).is_ok());
    // In binary, they cost nothing to read and are not printed.
    let binary = [&b"\x8b\x00\x00\x10\x00"[..], &[0x7f; 1 << 20], b"."].concat();
    assert!(load(binary.clone()).is_ok());
    assert_eq!(
        dis(&binary).unwrap_err().kind().to_string(),
        "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit"
    );
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());

    let mut limits = Limits::default();
    limits.int_digits = 10_000;
    assert!(Loader::new().limits(limits).load([&b"L"[..], &digits[..10_000], b"L\n."].concat()).is_ok());
}

#[test]
fn items_added_in_turns_take_linear_time_and_memory() {
    // Two lists on the stack and in the memo; an item to each in turn.
    let pickle = [&b"]q\x00]q\x01"[..], &b"h\x00Na0h\x01Na0".repeat(300_000), b"."].concat();
    let began = Instant::now();
    let length = pickle.len();
    let graph = load(pickle).unwrap();
    assert!(graph.memory() < 10 * length, "{} for {length}", graph.memory());
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}

/// Many of each kind of op that takes a byte or two and leaves something.
fn much_from_little() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let repeated = |start: &[u8], ops: &[u8]| [start, &ops.repeat((4 << 20) / ops.len()), b"."].concat();
    [
        ("lists", repeated(b"\x80\x04", b"]")),
        ("marks", repeated(b"", b"(")),
        ("copies", repeated(b"N", b"2")),
        ("objects of the memo", repeated(b"N", b"\x94")),
        ("far objects of the memo", {
            let puts = (1..500_000u32).flat_map(|n| [&b"r"[..], &(n * 1000).to_le_bytes()].concat());
            [&b"N"[..], &puts.collect::<Vec<_>>(), b"."].concat()
        }),
        ("objects thrown away", repeated(b"N", b"]0")),
        ("calls", repeated(b"cm\nc\nq\x00", b"h\x00)R0")),
        ("states", repeated(b"cm\nc\n", b"Nb")),
        ("items", repeated(b"]", b"Na")),
        ("names", repeated(b"", b"ca\nb\n")),
        ("large ints", repeated(b"", b"\x8a\x09\0\0\0\0\0\0\0\0\x01")),
        ("Latin-1", repeated(b"", b"U\x01\xe9")),
    ]
    .into_iter()
}

#[test]
fn memory_has_a_limit_that_holds_whatever_the_ops() {
    let mut limits = Limits::default();
    limits.memory = 1 << 20;
    let loader = Loader::new().strings(Strings::Latin1).limits(limits);
    for (what, pickle) in much_from_little() {
        let error = loader.load(pickle.clone()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Limit { what: "bytes of memory", limit: 1 << 20 }, "{what}");
        let mut machine = Machine::with_limits(loader.builder(pickle.clone().into()), limits);
        assert!(machine.run(&pickle).is_err());
        let memory = machine.builder().graph().memory();
        assert!(memory <= 3 << 20, "{what}: {memory}");
        let from_stream = loader.read(&mut OpReader::new(&pickle[..])).unwrap_err();
        assert_eq!(from_stream.kind(), error.kind(), "{what}");
    }
}

#[test]
fn a_limit_of_memory_changes_nothing_where_it_is_not_reached() {
    let mut limits = Limits::default();
    limits.memory = u64::MAX - 1;
    // Ops that begin and end all about the places where the memory is looked at, some of them far longer than what is between
    // two.
    let length = |n: usize| (n as u32).to_le_bytes();
    for size in [0, 1, 3, 65_520, 65_536, 65_540, 131_072, 300_000] {
        let text = "x".repeat(size);
        let text = text.as_bytes();
        for padding in [0, 1, 65_530, 65_531, 65_535, 65_536] {
            let payload =
                [&b"B"[..], &length(size), text, b"V", text, b"\nS'", text, b"'\nX", &length(size), text, b"t"].concat();
            let framed =
                [&b"\x80\x04\x95"[..], &(padding as u64 + 9).to_le_bytes(), b"(", &b"N".repeat(padding), &payload, b"."].concat();
            let broken = [&framed[..framed.len() - 1], b"R."].concat();
            for pickle in [&framed[..], &framed[..framed.len() - 1], &framed[..framed.len() - 3], &broken] {
                for rules in [Rules::default(), Rules::PYTHON_3_14] {
                    let load = |limits| {
                        let loader = Loader::new().limits(limits).rules(rules);
                        loader.load(Bytes::copy_from_slice(pickle)).map_err(|error| error.to_string())
                    };
                    match (load(Limits::default()), load(limits)) {
                        (Ok(expected), Ok(graph)) => assert!(is_isomorphic(&graph, &expected), "{size} {padding}"),
                        (expected, graph) => assert_eq!(graph.err(), expected.err(), "{size} {padding}"),
                    }
                }
            }
        }
    }
}
