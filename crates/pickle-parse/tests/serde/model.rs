//! What becomes of each kind of value, and what is said where it is not what was asked for.

use std::collections::{BTreeMap, HashMap};

use pickle_parse::{ErrorKind, Strings, from_slice, serde::Deserializer};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

use crate::any::{Any, by_machine};

/// A pickle is that value on both ways.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "cases are easier to read")]
fn is<'de, T: Deserialize<'de> + PartialEq + std::fmt::Debug>(pickle: &'de [u8], expected: T) {
    assert_eq!(from_slice::<T>(pickle).unwrap(), expected);
    assert_eq!(by_machine::<T>(pickle).unwrap(), expected);
}

/// A pickle is none of that type's, which is said in these words.
#[track_caller]
fn is_not<T: DeserializeOwned + std::fmt::Debug>(pickle: &[u8], expected: &str) {
    assert_eq!(from_slice::<T>(pickle).unwrap_err().to_string(), expected);
    assert_eq!(by_machine::<T>(pickle).unwrap_err().to_string(), expected);
}

#[test]
fn strings_and_bytes_are_borrowed_from_the_input() {
    is(b"\x8c\x03abc.", "abc");
    is(b"X\x03\0\0\0abc.", "abc");
    is(b"C\x02\xff\x01.", &b"\xff\x01"[..]);
    is(b"\x96\x01\0\0\0\0\0\0\0a.", &b"a"[..]);
    // A str as bytes is its UTF-8.
    is(b"\x8c\x02\xc3\xa9.", "é".as_bytes());
    is(b"]\x94(\x8c\x01a\x94h\x01e.", vec!["a", "a"]);
    is(b"U\x01a.", "a");
    // What had escapes cannot be borrowed.
    is(b"V\\u00e9\n.", "é".to_owned());
    is_not::<Box<u8>>(b"\x8c\x03abc.", "invalid type: string \"abc\", expected u8 (SHORT_BINUNICODE at byte 0)");
    assert!(from_slice::<&str>(b"V\\u00e9\n.").is_err());
}

#[test]
fn scalars_become_what_can_hold_them() {
    is(b"K\x07.", 7u8);
    is(b"K\x07.", 7i128);
    is(b"K\x07.", 7.0f64);
    is(b"\x8a\x0b\0\0\0\0\0\0\0\0\0\0\x01.", 2f64.powi(80));
    is(b"I01\n.", true);
    is(b"\x8c\x02\xc3\xa9.", 'é');
    is(b"N.", ());
    is(b"N.", None::<u8>);
    is(b"K\x01.", Some(1u8));
    is(b"]N\x61.", vec![None::<u8>]);
    is(b"F1.5\n.", 1.5f32);
    is_not::<u8>(b"M\0\x01.", "invalid value: integer `256`, expected u8 (BININT2 at byte 0)");
    is_not::<u8>(b"G\x3f\xf8\0\0\0\0\0\0.", "invalid type: floating point `1.5`, expected u8 (BINFLOAT at byte 0)");
    is_not::<bool>(b"K\x01.", "invalid type: integer `1`, expected a boolean (BININT1 at byte 0)");
}

#[test]
fn sequences_are_lists_tuples_sets_and_bytes() {
    is(b"](K\x01K\x02e.", vec![1u8, 2]);
    is(b"K\x01K\x02\x86.", vec![1u8, 2]);
    is(b"K\x01K\x02\x86.", [1u8, 2]);
    is(b"(K\x01K\x02K\x03K\x04t.", (1u8, 2u8, 3u8, 4u8));
    is(b"\x8f(K\x01K\x02\x90.", (1u8, 2u8));
    is(b"(K\x01K\x02\x91.", vec![1u8, 2]);
    is(b"C\x02\x01\x02.", vec![1u8, 2]);
    is(b"C\x02\x01\x02C\x01\x03\x86.", vec![vec![1u8, 2], vec![3]]);
    is(b").", Vec::<u8>::new());
    is(b"}.", Vec::<u8>::new());
    is_not::<[u8; 2]>(b"](K\x01K\x02K\x03e.", "invalid length 3, expected 2 items (EMPTY_LIST at byte 0)");
    is_not::<[u8; 2]>(b"]K\x01a.", "invalid length 1, expected an array of length 2 (EMPTY_LIST at byte 0)");
}

#[test]
fn dicts_have_keys_of_any_type() {
    is(b"}(K\x01\x8c\x01aJ\xff\xff\xff\xff\x8c\x01bu.", BTreeMap::from([(1, "a"), (-1, "b")]));
    is(b"}K\x01K\x02\x86Ns.", HashMap::from([((1u8, 2u8), None::<u8>)]));
    is(b"}(\x8c\x01aK\x01\x8c\x01aK\x02u.", BTreeMap::from([("a", 2)]));
    is(b"}\x8c\x01a}\x8c\x01b}ss.", BTreeMap::from([("a", BTreeMap::from([("b", BTreeMap::<&str, ()>::new())]))]));
    // As items were set and not yet put in.
    is(b"}\x8c\x01aK\x01s\x8c\x01bK\x02s.", BTreeMap::from([("a", 1), ("b", 2)]));
}

#[test]
fn a_value_of_any_json_is_what_json_would_be() {
    let pickle = b"\x80\x04}\x94(\x8c\x01a\x94](K\x01G\x3f\xf8\0\0\0\0\0\0N\x88e\x8c\x01b\x94}\x8c\x01c\x94h\x01su.";
    is(pickle, serde_json::json!({"a": [1, 1.5, null, true], "b": {"c": "a"}}));
}

#[derive(Deserialize, PartialEq, Debug)]
enum Shape {
    Dot,
    Circle(f64),
    Line(i32, i32),
    Square { side: u8 },
}

#[test]
fn variants_are_names_or_dicts_of_one_item() {
    is(b"\x8c\x03Dot.", Shape::Dot);
    is(b"K\x00.", Shape::Dot);
    is(b"C\x03Dot.", Shape::Dot);
    is(b"}\x8c\x03DotNs.", Shape::Dot);
    is(b"}\x8c\x06CircleG\x3f\xf8\0\0\0\0\0\0s.", Shape::Circle(1.5));
    is(b"}(\x8c\x04LineK\x01K\x02\x86u.", Shape::Line(1, 2));
    is(b"}\x8c\x04Line](K\x01K\x02es.", Shape::Line(1, 2));
    is(b"}\x8c\x06Square}\x8c\x04sideK\x01ss.", Shape::Square { side: 1 });
    is(b"\x8c\x06SquareK\x01\x85\x86.", Shape::Square { side: 1 });
    is(b"](}\x94\x8c\x06Circle\x94G\x3f\xf8\0\0\0\0\0\0s}h\x01K\x02se.", vec![Shape::Circle(1.5), Shape::Circle(2.0)]);
    is_not::<Shape>(
        b"}(\x8c\x03DotN\x8c\x01xNu.",
        "invalid value: map, expected a dict with one item, a variant's name and \
        content (EMPTY_DICT at byte 0)",
    );
    is_not::<Shape>(
        b"\x8c\x03Dog.",
        "unknown variant `Dog`, expected one of `Dot`, `Circle`, `Line`, `Square` (SHORT_BINUNICODE at byte 0)",
    );
    is_not::<Shape>(b"\x8c\x06Circle.", "invalid type: unit variant, expected newtype variant (SHORT_BINUNICODE at byte 0)");
}

#[test]
fn errors_tell_the_way_to_the_value() {
    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "it is never made")]
    struct Record {
        id: u32,
        address: Option<Address>,
    }
    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "it is never made")]
    struct Address {
        zip: u32,
    }
    // [{"id": 1, "address": None}, {"id": 2, "address": {"zip": "x"}}]
    let pickle = b"](}(\x8c\x02idK\x01\x8c\x07addressNu}(\x8c\x02idK\x02\x8c\x07address}\x8c\x03zip\x8c\x01xsue.";
    let error = from_slice::<Vec<Record>>(pickle).unwrap_err();
    assert_eq!(error.path(), "[1].address.zip");
    is_not::<Vec<Record>>(pickle, "invalid type: string \"x\", expected u32 in [1].address.zip (SHORT_BINUNICODE at byte 44)");
    is_not::<Vec<Record>>(b"]}\x8c\x07addressNsa.", "missing field `id` in [0] (EMPTY_DICT at byte 1)");
    is_not::<BTreeMap<String, u8>>(b"}\x8c\x03a bNs.", "invalid type: unit value, expected u8 in [\"a b\"] (NONE at byte 6)");
    is_not::<BTreeMap<u8, u8>>(b"}K\x05Ns.", "invalid type: unit value, expected u8 in [5] (NONE at byte 3)");
    is_not::<BTreeMap<u8, u8>>(
        b"}\x8c\x01xNs.",
        "invalid type: string \"x\", expected u8 in [key x] (SHORT_BINUNICODE at byte 1)",
    );
    is_not::<BTreeMap<Vec<u8>, u8>>(b"}]Ns.", "invalid type: unit value, expected u8 in [...] (NONE at byte 2)");
    // Faults of the pickle are where they are, in whichever pickle of the input.
    let mut many = Deserializer::from_slice(b"K\x01.](K\x02e.]0.K\x03.");
    assert_eq!(many.read::<u8>().unwrap(), 1);
    let error = many.read::<u8>().unwrap_err();
    assert_eq!((error.offset(), error.path()), (3, String::new()));
    let error = many.read::<u8>().unwrap_err();
    assert_eq!((error.offset(), error.kind()), (11, &ErrorKind::StackUnderflow));
}

#[test]
fn the_next_pickle_is_behind_one_that_was_of_another_type() {
    let mut many = Deserializer::from_slice(b"]K\x02a.K\x03.");
    assert!(many.read::<u8>().is_err());
    assert_eq!(many.read::<u8>().unwrap(), 3);
    assert!(many.rest().is_empty());
    let mut many = Deserializer::from_reader(&b"]K\x02a.K\x03.rest"[..]);
    assert!(many.read::<u8>().is_err());
    assert_eq!(many.read::<u8>().unwrap(), 3);
    assert_eq!(many.into_inner(), b"rest");
    assert_eq!(from_slice::<u8>(b"").unwrap_err().kind(), &ErrorKind::RanOut);
    assert_eq!(pickle_parse::from_reader::<_, u8>(&b""[..]).unwrap_err().kind(), &ErrorKind::RanOut);
}

#[test]
fn what_a_pickle_only_names_is_its_name() {
    is(b"cos\npath.join\n.", "os.path.join".to_owned());
    is(b"\x8c\x02os\x8c\x06system\x93.", "os.system".to_owned());
    is(b"Pid 5\n.", "id 5");
    is(b"K\x05Q.", 5);
    is_not::<IgnoredAny>(b"\x82\0.", "EXT specifies code <= 0 (EXT1 at byte 0)");
    is_not::<String>(b"\x82\x05.", "what an extension code stands for is not in the pickle (EXT1 at byte 0)");
    is_not::<String>(
        b"\x97.",
        "pickle stream refers to out-of-band data but no *buffers* argument was given (NEXT_BUFFER at byte 0)",
    );
    let mut deserializer = Deserializer::from_slice(b"\x97\x98\x97\x86.\x97.").buffers([&b"a"[..], b"b"]);
    assert_eq!(deserializer.read::<(&[u8], &[u8])>().unwrap(), (&b"a"[..], &b"b"[..]));
}

#[test]
fn strings_of_python_2_are_what_was_chosen() {
    let read = |strings, pickle| Deserializer::from_slice(pickle).strings(strings).read::<Any>().map(|any| any.0);
    for (strings, ascii, latin1, utf8) in [
        (Strings::Keep, "'a'", r"b'\xe9'", "'é'"),
        (Strings::Bytes, "b'a'", r"b'\xe9'", r"b'\xc3\xa9'"),
        (Strings::Latin1, "'a'", "'é'", "'Ã©'"),
    ] {
        assert_eq!(read(strings, b"U\x01a.").unwrap(), ascii);
        assert_eq!(read(strings, b"S'a'\n.").unwrap(), ascii);
        assert_eq!(read(strings, b"U\x01\xe9.").unwrap(), latin1);
        assert_eq!(read(strings, b"U\x02\xc3\xa9.").unwrap(), utf8);
    }
    for strings in [Strings::Ascii, Strings::Utf8] {
        assert_eq!(read(strings, b"U\x01a.").unwrap(), "'a'");
        assert!(matches!(read(strings, b"U\x01\xe9.").unwrap_err().kind(), ErrorKind::Undecodable { .. }));
    }
}

#[test]
fn calls_of_unknown_classes_are_their_arguments() {
    is(b"cm\nf\nK\x01K\x02\x86R.", (1u8, 2u8));
    is(b"cm\nf\nK\x01\x85R.", 1u8);
    is(b"cm\nf\n)R.", ());
    is(b"cm\nf\n)\x81}\x8c\x01xK\x01sb.", BTreeMap::from([("x", 1)]));
    is(b"cm\nf\n)\x81N}\x8c\x01xK\x01s\x86b.", BTreeMap::from([("x", 1)]));
    is(b"cm\nf\n)R](K\x01e\x61.", vec![vec![1]]);
}
