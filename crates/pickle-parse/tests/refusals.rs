//! What CPython's unpickler refuses of objects whose type a pickle tells: in its words, and as its exceptions.

use PythonException::{AttributeError, TypeError, UnicodeDecodeError, UnpicklingError};
use pickle_parse::{Error, PythonException, graph};

/// As `pickle.loads` of CPython 3.13 has them.
const REFUSED: [(&[u8], PythonException, &str); 31] = [
    (b"NNa.", AttributeError, "'NoneType' object has no attribute 'append' (APPEND at byte 2)"),
    (b"X\x01\0\0\0a(Ne.", AttributeError, "'str' object has no attribute 'append' (APPENDS at byte 8)"),
    (b")NNs.", TypeError, "'tuple' object does not support item assignment (SETITEM at byte 3)"),
    (b"K\x01(NNu.", TypeError, "'int' object does not support item assignment (SETITEMS at byte 5)"),
    (b"](N\x90.", AttributeError, "'list' object has no attribute 'add' (ADDITEMS at byte 3)"),
    (b"K\x01)R.", TypeError, "'int' object is not callable (REDUCE at byte 3)"),
    (b"(K\x01o.", TypeError, "'int' object is not callable (OBJ at byte 3)"),
    (b"cm\nC\n]R.", TypeError, "argument list must be a tuple (REDUCE at byte 6)"),
    (b"K\x01]R.", TypeError, "argument list must be a tuple (REDUCE at byte 3)"),
    (b"K\x01)\x81.", UnpicklingError, "NEWOBJ class argument must be a type, not int (NEWOBJ at byte 3)"),
    (b"cm\nC\n]\x81.", UnpicklingError, "NEWOBJ args argument must be a tuple, not list (NEWOBJ at byte 6)"),
    (b"cm\nC\n))\x92.", UnpicklingError, "NEWOBJ_EX kwargs argument must be a dict, not tuple (NEWOBJ_EX at byte 7)"),
    (b"]}b.", AttributeError, "'list' object has no attribute '__dict__' (BUILD at byte 2)"),
    (b"]K\x01b.", UnpicklingError, "state is not a dictionary (BUILD at byte 3)"),
    (b"](b.", UnpicklingError, "unexpected MARK found (BUILD at byte 2)"),
    (b"]}N\x86b.", AttributeError, "'list' object has no attribute '__dict__' (BUILD at byte 4)"),
    (b"]K\x01N\x86b.", UnpicklingError, "state is not a dictionary (BUILD at byte 5)"),
    (b"]NN\x86b.", UnpicklingError, "slot state is not a dictionary (BUILD at byte 4)"),
    (
        b"]N}\x8c\x01aNs\x86b.",
        AttributeError,
        "'list' object has no attribute 'a' and no __dict__ for setting new attributes (BUILD at byte 9)",
    ),
    (b"]N}K\x01Ns\x86b.", TypeError, "attribute name must be string, not 'int' (BUILD at byte 8)"),
    (b"K\x01K\x02\x93.", UnpicklingError, "STACK_GLOBAL requires str (STACK_GLOBAL at byte 4)"),
    (b"K\x01\x98.", TypeError, "memoryview: a bytes-like object is required, not 'int' (READONLY_BUFFER at byte 2)"),
    (
        b"\x8c\x01\xff.",
        UnicodeDecodeError,
        "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte (SHORT_BINUNICODE at byte 0)",
    ),
    (
        b"c\xed\xa0\x80\nx\n.",
        UnicodeDecodeError,
        "'utf-8' codec can't decode byte 0xed in position 0: invalid continuation byte (GLOBAL at byte 0)",
    ),
    // The module is decoded before the name is read.
    (
        b"cm\xff\nx",
        UnicodeDecodeError,
        "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte (GLOBAL at byte 0)",
    ),
    (
        b"cm\xff\n\n.",
        UnicodeDecodeError,
        "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte (GLOBAL at byte 0)",
    ),
    (b"cm\n\n.", UnpicklingError, "pickle data was truncated (GLOBAL at byte 0)"),
    (b"cm\xff", UnpicklingError, "pickle data was truncated (GLOBAL at byte 0)"),
    (
        b"(im\xe9\nx",
        UnicodeDecodeError,
        "'ascii' codec can't decode byte 0xe9 in position 1: ordinal not in range(128) (INST at byte 1)",
    ),
    (b"im\xe9\nx", UnpicklingError, "could not find MARK (INST at byte 0)"),
    (b"P\xff\n.", UnpicklingError, "persistent IDs in protocol 0 must be ASCII strings (PERSID at byte 0)"),
];

/// What takes what is done to it: a bytearray has a list's methods, and any object takes a state that is nothing.
const ACCEPTED: [&[u8]; 4] = [b"\x96\0\0\0\0\0\0\0\0K\x01a.", b"]Nb.", b"]N}\x86b.", b"K\x01N}\x86b."];

fn check<T>(pickle: &[u8], read: Result<T, Error>, expected: PythonException, words: &str) {
    let error = read.err().unwrap_or_else(|| panic!("{} was read", pickle.escape_ascii()));
    assert_eq!((error.kind().python_exception(), error.to_string()), (expected, words.to_owned()), "{}", pickle.escape_ascii());
}

#[test]
fn graphs_are_refused_as_cpython_refuses_to_load() {
    for (pickle, exception, words) in REFUSED {
        check(pickle, graph(pickle), exception, words);
    }
    for pickle in ACCEPTED {
        assert!(graph(pickle).is_ok(), "{}", pickle.escape_ascii());
    }
}

#[cfg(feature = "serde")]
#[test]
fn deserializers_refuse_in_the_same_words() {
    for (pickle, exception, words) in REFUSED {
        let value = pickle_parse::serde::Deserializer::from_slice(pickle).into_iter::<serde_json::Value>().next().unwrap();
        check(pickle, value, exception, words);
    }
}
