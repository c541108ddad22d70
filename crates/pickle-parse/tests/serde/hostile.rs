//! Pickles that mean harm: each is an error or a value, soon.

use std::time::{Duration, Instant};

use pickle_parse::{ErrorKind, Limits, from_slice, serde::Deserializer};
use serde::{Deserialize, de::IgnoredAny};

use crate::any::{Any, by_machine};

/// Long for any test here, even unoptimised and beside others.
const LONG: Duration = Duration::from_secs(20);

/// The error of both ways and of a stream, which is the same.
#[track_caller]
fn kind<T: for<'de> Deserialize<'de>>(pickle: &[u8]) -> ErrorKind {
    let started = Instant::now();
    let error = from_slice::<T>(pickle).err().unwrap();
    assert_eq!(by_machine::<T>(pickle).err().unwrap().to_string(), error.to_string());
    assert!(started.elapsed() < LONG);
    error.into_kind()
}

/// Lists within each other.
#[derive(Deserialize, Debug)]
struct Nested(#[expect(dead_code, reason = "only its depth matters")] Vec<Nested>);

fn nested(levels: usize) -> Vec<u8> {
    [&b"]".repeat(levels + 1)[..], &b"a".repeat(levels), b"."].concat()
}

#[test]
fn a_million_nested_lists_are_too_deep_to_recurse_into_and_easy_to_ignore() {
    let pickle = nested(1_000_000);
    assert!(matches!(kind::<Nested>(&pickle), ErrorKind::Limit { limit: 128, .. }));
    assert!(matches!(kind::<Any>(&pickle), ErrorKind::Limit { limit: 128, .. }));
    from_slice::<IgnoredAny>(&pickle).unwrap();
    by_machine::<IgnoredAny>(&pickle).unwrap();
    let tuples = [&b")"[..], &b"\x85".repeat(1_000_000), b"."].concat();
    assert!(matches!(kind::<Nested>(&tuples), ErrorKind::Limit { limit: 128, .. }));
    from_slice::<IgnoredAny>(&tuples).unwrap();
    let calls = [&b"cm\nf\n".repeat(200_000)[..], b")", &b"R\x85".repeat(200_000), b"."].concat();
    assert!(matches!(kind::<Any>(&calls), ErrorKind::Limit { limit: 128, .. }));
    from_slice::<IgnoredAny>(&calls).unwrap();
}

#[test]
fn how_deep_values_may_lie_is_for_the_caller_to_say() {
    assert!(from_slice::<Nested>(&nested(127)).is_ok() && by_machine::<Nested>(&nested(127)).is_ok());
    assert!(from_slice::<Nested>(&nested(128)).is_err() && by_machine::<Nested>(&nested(128)).is_err());
    let deeper = nested(200);
    assert!(Deserializer::from_slice(&deeper).max_depth(201).read::<Nested>().is_ok());
    assert!(Deserializer::from_slice(&deeper).max_depth(200).read::<Nested>().is_err());
}

#[test]
fn cycles_are_errors() {
    // l = []; l.append(l)
    assert_eq!(kind::<Nested>(b"]\x94h\0a."), ErrorKind::Cycle);
    assert_eq!(kind::<Any>(b"]\x94h\0a."), ErrorKind::Cycle);
    // l = []; l.extend([l] * 2), which has 2 ** 128 ways to go round
    assert_eq!(kind::<Nested>(b"]\x94(h\0h\0e."), ErrorKind::Cycle);
    // d = {}; d["me"] = d
    assert_eq!(kind::<Any>(b"}\x94\x8c\x02meh\0s."), ErrorKind::Cycle);
    // t = ([],); t[0].append(t)
    assert_eq!(kind::<Any>(b"\x80\x04\x95\x0b\0\0\0\0\0\0\0]\x94h\0\x85\x94a0h\x01."), ErrorKind::Cycle);
    // o = Object(); o.__dict__["me"] = o, and an object whose state it is itself
    assert_eq!(kind::<Any>(b"cm\nf\n)\x81\x94}\x8c\x02meh\0sb."), ErrorKind::Cycle);
    assert_eq!(kind::<Any>(b"cm\nf\n)\x81\x94h\0b."), ErrorKind::Cycle);
    for cycle in [&b"]\x94h\0a."[..], b"cm\nf\n)\x81\x94h\0b."] {
        from_slice::<IgnoredAny>(cycle).unwrap();
    }
}

/// Lists of two, each twice the one before, and a string in the innermost.
fn laughs(levels: u8, shared: &[u8]) -> Vec<u8> {
    let mut pickle = [b"]\x94", shared, b"a"].concat();
    for level in 0..levels {
        pickle.extend([b'0', b']', b'\x94', b'(', b'h', level, b'h', level, b'e']);
    }
    pickle.push(b'.');
    pickle
}

#[test]
fn a_billion_laughs_are_an_error_soon() {
    assert!(from_slice::<Any>(&laughs(8, b"\x8c\x03lol")).is_ok());
    let billion = laughs(40, b"\x8c\x03lol");
    assert!(matches!(kind::<Any>(&billion), ErrorKind::Limit { limit: 1_048_576, .. }));
    assert!(matches!(kind::<serde_json::Value>(&billion), ErrorKind::Limit { limit: 1_048_576, .. }));
    from_slice::<IgnoredAny>(&billion).unwrap();
    // One long string many times over, by either way.
    let text = [b"X\0\0\x01\0".as_slice(), &b"x".repeat(1 << 16), b"\x94"].concat();
    let mut many = [b"](", &text[..]].concat();
    many.extend(b"h\0".repeat(20_000));
    many.extend(b"e.");
    assert!(matches!(kind::<Vec<String>>(&many), ErrorKind::Limit { .. }));
    assert!(matches!(kind::<Any>(&many), ErrorKind::Limit { .. }));
    from_slice::<IgnoredAny>(&many).unwrap();
}

#[test]
fn how_far_pickles_may_expand_is_for_the_caller_to_say() {
    let pickle = laughs(18, b"\x8c\x03lol");
    assert!(matches!(from_slice::<Any>(&pickle).unwrap_err().kind(), ErrorKind::Limit { .. }));
    assert!(Deserializer::from_slice(&pickle).max_expansion(1_000_000).read::<Any>().is_ok());
}

#[test]
fn lengths_and_indexes_that_are_claimed_are_not_believed() {
    assert_eq!(kind::<Any>(b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc."), ErrorKind::Truncated);
    assert_eq!(kind::<Any>(b"\x8d\0\0\0\0\0\0\0\x80abc."), ErrorKind::TooLong("BINUNICODE"));
    assert_eq!(kind::<Any>(b"](X\xff\xff\xff\xff."), ErrorKind::Truncated);
    // A memo index of four billion is a key like any other.
    assert_eq!(from_slice::<Vec<&str>>(b"](\x8c\x01ar\xff\xff\xff\xffj\xff\xff\xff\xffe.").unwrap(), ["a", "a"]);
    assert!(matches!(kind::<Any>(b"](\x8c\x01aj\xff\xff\xff\xffe."), ErrorKind::MemoMissing { .. }));
}

#[test]
fn frames_that_lie_are_errors_and_what_stands_behind_stop_is_not_looked_at() {
    assert_eq!(kind::<Any>(b"\x80\x04\x95\x05\0\0\0\0\0\0\0K\x01."), ErrorKind::Truncated);
    assert_eq!(kind::<Any>(b"\x80\x04\x95\0\0\0\0\0\0\0\x80K\x01."), ErrorKind::FrameTooLong);
    // A frame that ends within an op is none of anyone's business, as with CPython.
    assert_eq!(from_slice::<u8>(b"\x80\x04\x95\x01\0\0\0\0\0\0\0K\x01.").unwrap(), 1);
    assert_eq!(from_slice::<u8>(b"K\x01.\xff\xfe rest").unwrap(), 1);
    // A frame may take in what stands behind STOP, but of a stream that is not read.
    let beyond = b"\x80\x04\x95\x05\0\0\0\0\0\0\0K\x01.rest";
    assert_eq!(from_slice::<u8>(beyond).unwrap(), 1);
    let error = pickle_parse::from_reader::<_, u8>(&beyond[..]).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Truncated);
    assert_eq!(kind::<Any>(b"\x80\x06N."), ErrorKind::UnsupportedProtocol(6));
}

#[test]
fn a_byte_that_is_no_opcode_is_no_empty_tuple() {
    assert_eq!(kind::<Vec<u8>>(b"\0."), ErrorKind::InvalidLoadKey(0));
    assert_eq!(kind::<Vec<Vec<u8>>>(b"(\0\0tq\x01."), ErrorKind::InvalidLoadKey(0));
}

#[test]
fn pickles_that_are_cut_are_errors() {
    let pickle = b"\x80\x04]\x94(}\x94(\x8c\x02id\x94K\x01\x8c\x04tags\x94]\x94\x8c\x01a\x94au}\x94(h\x02K\x02h\x03]\x94ue.";
    assert!(from_slice::<Any>(pickle).is_ok());
    for end in 0..pickle.len() {
        let error = from_slice::<Any>(&pickle[..end]).unwrap_err();
        assert_eq!(error.to_string(), by_machine::<Any>(&pickle[..end]).unwrap_err().to_string());
    }
}

#[test]
fn changed_bytes_are_read_alike_by_both_ways() {
    let pickle = b"]\x94(}\x94(\x8c\x02id\x94K\x01\x8c\x04tags\x94]\x94\x8c\x01a\x94aX\x01\0\0\0b}u}\x94(h\x02K\x02K\x03\x86\x94h\x03]\x94u(K\x01K\x02K\x03Nt\x94\x8f\x94(C\x01xC\x01y\x90h\x05e.";
    let mut state = 1u64;
    let mut read = 0;
    for _ in 0..20_000 {
        let mut changed = pickle.to_vec();
        for _ in 0..2 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (at, from) = ((state >> 33) as usize % changed.len(), (state >> 20) as usize % pickle.len());
            match state >> 60 {
                0..6 => changed[at] = pickle[from],
                6..10 => changed.insert(at, pickle[from]),
                _ => _ = changed.remove(at),
            }
        }
        let by_both = from_slice::<Any>(&changed).map_err(|error| error.to_string());
        read += usize::from(by_both.is_ok());
        assert_eq!(by_both, by_machine::<Any>(&changed).map_err(|error| error.to_string()), "{}", changed.escape_ascii());
    }
    assert!(read > 100, "too few are pickles: {read}");
}

#[test]
fn decimal_integers_have_as_many_digits_as_is_said() {
    let long = [b"L".as_slice(), &b"9".repeat(5000), b"L\n."].concat();
    assert!(matches!(kind::<Any>(&long), ErrorKind::IntDigits { limit: 4300, .. }));
    let mut limits = Limits::default();
    limits.int_digits = 5000;
    assert_eq!(Deserializer::from_slice(&long).limits(limits).read::<Any>().unwrap().0.len(), 5002);
    // As decimal text, which anything is read as that is larger than any of Rust's integers.
    let binary = [b"\x8b\x00\x00\x01\x00".as_slice(), &b"\x01".repeat(65536), b"."].concat();
    assert!(matches!(kind::<Any>(&binary), ErrorKind::IntDigits { .. }));
}

#[test]
fn an_instance_is_no_state_of_a_list() {
    let error = by_machine::<IgnoredAny>(b"(ia\nB\n0](ia\nB\nb.").err().unwrap();
    assert_eq!(error.to_string(), "state is not a dictionary (BUILD at byte 14)");
    kind::<IgnoredAny>(b"(ia\nB\n0](ia\nB\nb.");
}
