//! Pickles of real interpreters; `data/make_serde.py` made them.

use std::collections::BTreeMap;

use pickle_graph::serde::Int;
use pickle_parse::{ErrorKind, from_slice, serde::Deserializer};
use serde::Deserialize;

use crate::any::{Any, by_machine};

/// What each value of the file is to serde, without regard to the order of a dict's two items.
const VALUES: &[(&str, &[&str])] = &[
    ("constants", &["[None, True, False]"]),
    ("ints", &["[0, -1, 255, 65535, 2147483647, -2147483648, 9223372036854775807, -9223372036854775808]"]),
    ("u64", &["18446744073709551615"]),
    ("i128", &["-170141183460469231731687303715884105728"]),
    ("u128", &["340282366920938463463374607431768211455"]),
    ("big int", &["'-1606938044258990275541962092341162602522202993782792835301376'"]),
    ("floats", &["[0.0, -1.5, 1e300, inf]"]),
    ("text", &["'naïve 😀'"]),
    ("surrogate", &["! a str holds the lone surrogate U+DC80: read it as bytes, or let surrogates be replaced"]),
    ("bytes", &[r"b'ab\xff'"]),
    ("no bytes", &["b''"]),
    ("bytearray", &[r"b'ab\xff'"]),
    ("no bytearray", &["b''"]),
    ("list", &["[1, 2]"]),
    ("tuple", &["[1, 2]"]),
    ("longer tuple", &["[1, 2, 3, 4]"]),
    ("empty", &["[[], [], {}, [], []]"]),
    ("set", &["[1, 2]"]),
    ("frozenset", &["[1, 2]"]),
    ("dict", &["{'x': 1, 'y': 2}"]),
    ("any keys", &["{1: 'a', [1, 2]: 'b', None: 'c'}"]),
    ("nested", &["{'points': [[[1.5, 2.5]], [], [[3.5, 4.5], [5.5, 6.5]]], 'empty': {}, 'one': {'two': {'three': []}}}"]),
    ("shared", &["[[1, 2], [1, 2], 'text', 'text']"]),
    ("ordered dict", &["{'x': 1, 'y': 2}"]),
    ("empty ordered dict", &["{}"]),
    ("default dict", &["{'x': 1, 'y': 2}"]),
    ("empty default dict", &["{}"]),
    ("counter", &["{'x': 1, 'y': 2}"]),
    ("deque", &["[1, 2]"]),
    ("empty deque", &["[]"]),
    ("deque with a length", &["[1, 2]"]),
    ("complex", &["[1.0, 2.0]"]),
    ("date", &["'2024-02-29'"]),
    ("time", &["'23:59:58.999999'"]),
    ("datetime", &["'2024-02-29T03:04:05.000006'"]),
    ("timedelta", &["[1, 2, 3]"]),
    ("decimal", &["'1.50'"]),
    // As text up to 3.10, as two arguments from then on.
    ("fraction", &["'1/3'", "[1, 3]"]),
    ("uuid", &["'12345678-1234-5678-1234-567812345678'"]),
    ("object", &["{'x': 1, 'y': 2}"]),
    ("object without attributes", &["{}"]),
    ("state", &["[1, 2]"]),
    ("int subclass", &["5"]),
    ("list subclass", &["[1, 2]"]),
    ("dict subclass", &["{'x': 1, 'y': 2}"]),
    ("set subclass", &["[1, 2]"]),
    ("tuple subclass", &["[1, 2]"]),
    ("namedtuple", &["[1, 2]"]),
    // From protocol 2 on it is like any object that is made of one argument.
    ("namedtuple of one", &["[1]", "1"]),
    ("global", &["'collections.OrderedDict'"]),
    ("exception", &["'no'"]),
    ("old style", &["{'x': 1, 'y': 2}"]),
    ("old style with arguments", &["{'x': 1, 'y': 2}"]),
    ("str of Python 2", &["'plain'"]),
    ("str of Python 2 that is not UTF-8", &[r"b'na\xefve'"]),
    ("slots", &["{'x': 1, 'y': 2}"]),
    ("slots and attributes", &["{'z': 3, 'x': 1, 'y': 2}"]),
    ("str enum", &["'red'"]),
    ("int enum", &["3"]),
    ("range", &["[1, 9, 2]"]),
    ("datetime with zone", &["'2024-01-02T03:04:05+00:00'"]),
    ("datetime with offset", &["'2024-01-02T03:04:05-05:00'"]),
    ("path", &["'/usr/lib/x.so'"]),
    ("dict of all kinds", &["{'a': b'1', b'k': [1, 2.5], 3: {'set': [1]}, [4]: None, False: [True]}"]),
    ("keywords", &["{'x': 1, 'y': 2}"]),
    ("dataclass", &["{'x': 1, 'y': 2}"]),
    ("dataclass with slots", &["{'x': 1, 'y': 2}"]),
    ("shapes", &["[{'radius': 1.5}, [2, 'red'], {}]"]),
];

struct Golden {
    name: String,
    /// Who wrote it so, and the protocols.
    writers: String,
    pickle: Vec<u8>,
}

fn golden() -> Vec<Golden> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/serde.txt")).unwrap();
    text.lines()
        .map(|line| {
            let [name, writers, pickle] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            Golden { name: name.to_owned(), writers: writers.to_owned(), pickle: unescape(pickle) }
        })
        .collect()
}

/// The bytes of a Python literal.
fn unescape(text: &str) -> Vec<u8> {
    pickle_parse::arg::string(format!("'{text}'").as_bytes()).unwrap().into_owned()
}

/// All pickles of a value.
fn named(name: &str) -> impl Iterator<Item = Golden> {
    let of_name: Vec<Golden> = golden().into_iter().filter(|golden| golden.name == name).collect();
    assert!(!of_name.is_empty(), "{name}");
    of_name.into_iter()
}

/// All pickles of a value are this, however they are read.
#[track_caller]
fn all_are<T: for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(name: &str, expected: &T) {
    for Golden { writers, pickle, .. } in named(name) {
        assert_eq!(from_slice::<T>(&pickle).as_ref().ok(), Some(expected), "{name}: {writers}");
        assert_eq!(by_machine::<T>(&pickle).as_ref().ok(), Some(expected), "{name}: {writers}");
        assert_eq!(pickle_parse::from_reader::<_, T>(&pickle[..]).as_ref().ok(), Some(expected), "{name}: {writers}");
    }
}

#[test]
fn every_value_is_what_the_table_says_whoever_wrote_it() {
    let mut met = BTreeMap::new();
    for Golden { name, writers, pickle } in golden() {
        if name.starts_with("long ") || name == "thousand lists" {
            continue;
        }
        let said = match from_slice::<Any>(&pickle) {
            Ok(Any(text)) => text.replace("'y': 2, 'x': 1", "'x': 1, 'y': 2"),
            Err(error) => format!("! {}", error.kind()),
        };
        let expected = VALUES.iter().find(|(value, _)| *value == name).unwrap_or_else(|| panic!("{name}")).1;
        assert!(expected.contains(&&*said), "{name} of {writers} is {said}");
        met.entry(name).or_insert_with(Vec::new).push(said);
    }
    for (name, expected) in VALUES {
        assert!(expected.iter().all(|expected| met[*name].iter().any(|said| said == expected)), "{name}");
    }
}

#[test]
fn the_two_ways_say_the_same_and_so_does_a_stream() {
    for Golden { name, writers, pickle } in golden() {
        let said = from_slice::<Any>(&pickle).map_err(|error| error.to_string());
        assert_eq!(said, by_machine::<Any>(&pickle).map_err(|error| error.to_string()), "{name}: {writers}");
        assert_eq!(said, pickle_parse::from_reader(&pickle[..]).map_err(|error| error.to_string()), "{name}: {writers}");
    }
}

#[test]
fn a_file_of_all_pickles_is_read_one_by_one() {
    let golden: Vec<Golden> = golden().into_iter().filter(|golden| golden.name != "surrogate").collect();
    let file: Vec<u8> = golden.iter().flat_map(|golden| golden.pickle.iter().copied()).collect();
    let expected: Vec<Any> = golden.iter().map(|golden| from_slice(&golden.pickle).unwrap()).collect();
    let of_slice: Result<Vec<Any>, _> = Deserializer::from_slice(&file).into_iter().collect();
    assert_eq!(of_slice.unwrap(), expected);
    for capacity in [1, 100, 1 << 16] {
        let stream = std::io::BufReader::with_capacity(capacity, &file[..]);
        let of_stream: Result<Vec<Any>, _> = Deserializer::from_reader(stream).into_iter().collect();
        assert_eq!(of_stream.unwrap(), expected);
    }
}

#[derive(Deserialize, PartialEq, Debug)]
struct Point {
    x: i32,
    y: i32,
}

#[test]
fn objects_of_every_kind_become_structs() {
    for name in [
        "object",
        "slots",
        "namedtuple",
        "tuple subclass",
        "dataclass",
        "dataclass with slots",
        "dict",
        "dict subclass",
        "ordered dict",
        "default dict",
        "counter",
        "keywords",
        "old style",
        "old style with arguments",
        "tuple",
        "list",
    ] {
        all_are(name, &Point { x: 1, y: 2 });
    }
}

#[test]
fn an_object_of_one_part_is_that_part_or_has_it() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Single {
        x: i32,
    }
    all_are("namedtuple of one", &Single { x: 1 });
    all_are("namedtuple of one", &(1,));
    all_are("namedtuple of one", &vec![1]);
    all_are("decimal", &"1.50".to_owned());
    all_are("int enum", &3u8);
}

#[test]
fn dataclasses_are_variants_of_an_enum_by_their_names() {
    #[derive(Deserialize, PartialEq, Debug)]
    enum Shape {
        Circle { radius: f64 },
        Square { side: u32, color: String },
        Dot,
    }
    all_are("shapes", &vec![Shape::Circle { radius: 1.5 }, Shape::Square { side: 2, color: "red".into() }, Shape::Dot]);
}

#[test]
fn members_of_enums_are_variants_by_their_values() {
    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        Green,
    }
    all_are("str enum", &Color::Red);
}

#[test]
fn long_containers_are_read_across_their_batches() {
    all_are("long list", &(0..2001).map(|i| i % 7).collect::<Vec<u16>>());
    all_are("thousand lists", &(0..1000).map(|i| vec![i % 7]).collect::<Vec<Vec<u16>>>());
    all_are("long dict", &(0..1001).map(|i| (i, ())).collect::<BTreeMap<u16, ()>>());
    all_are("long set", &(0..1500).collect::<std::collections::BTreeSet<u16>>());
}

#[test]
fn integers_of_any_size_are_exact() {
    all_are("u64", &u64::MAX);
    all_are("i128", &i128::MIN);
    all_are("u128", &u128::MAX);
    all_are("big int", &Int(num_bigint::BigInt::from(-1) << 200));
    all_are("u64", &Int(u64::MAX.into()));
    all_are("u64", &(u64::MAX as f64));
    all_are("int subclass", &Int(5.into()));
    for Golden { pickle, .. } in named("u64") {
        assert!(from_slice::<i64>(&pickle).is_err());
    }
    for Golden { pickle, .. } in named("big int") {
        let error = from_slice::<i128>(&pickle).unwrap_err();
        assert!(error.to_string().starts_with("invalid value: integer of more than 128 bits, expected i128 ("), "{error}");
    }
}

#[test]
fn lone_surrogates_are_read_as_bytes_or_replaced() {
    for Golden { pickle, .. } in named("surrogate") {
        assert_eq!(from_slice::<String>(&pickle).unwrap_err().kind(), &ErrorKind::Surrogate(0xdc80));
        assert_eq!(from_slice::<serde_bytes::ByteBuf>(&pickle).unwrap().as_slice(), b"a\xed\xb2\x80");
        assert_eq!(Deserializer::from_slice(&pickle).lossy(true).read::<String>().unwrap(), "a\u{fffd}");
    }
}
