//! Writing by serde: CPython's bytes for the same values, and the same values again from them.

use std::{collections::BTreeMap, fmt::Debug};

use num_bigint::BigInt;
use pickle_emit::{
    serde::{Enums, Options, Serializer, Structs},
    to_vec,
};
use pickle_graph::serde::Int;
use pickle_opcodes::Protocol;
use serde::{Deserialize, Serialize, de::DeserializeOwned, ser::SerializeSeq as _};
use serde_bytes::ByteBuf;

/// The pickles of a value, each with its protocol.
fn golden(name: &str) -> Vec<(Protocol, Vec<u8>)> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/serde.txt")).unwrap();
    let pickles: Vec<_> = text
        .lines()
        .map(|line| <[&str; 3]>::try_from(line.split('\t').collect::<Vec<_>>()).unwrap())
        .filter(|[value, ..]| *value == name)
        .map(|[_, protocol, pickle]| (Protocol::try_from(protocol.parse::<u8>().unwrap()).unwrap(), unescape(&expand(pickle))))
        .collect();
    assert!(!pickles.is_empty(), "{name}");
    pickles
}

/// The text with each `z×300;` in full.
fn expand(text: &str) -> String {
    let mut pieces = text.split('×');
    let mut expanded = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (count, rest) = piece.split_once(';').unwrap();
        let repeated = expanded.pop().unwrap();
        expanded.extend(std::iter::repeat_n(repeated, count.parse().unwrap()));
        expanded.push_str(rest);
    }
    expanded
}

/// The bytes of a Python literal.
fn unescape(text: &str) -> Vec<u8> {
    pickle_parse::arg::string(format!("'{text}'").as_bytes()).unwrap().into_owned()
}

/// With these options, a value is written as CPython writes it at each protocol, into memory and into a stream.
#[track_caller]
fn is_written_as_by_cpython<T: Serialize>(name: &str, options: &Options, value: &T) {
    for (protocol, pickle) in golden(name) {
        let options = options.clone().protocol(protocol);
        let written = options.to_vec(value).unwrap();
        assert_eq!(written.escape_ascii().to_string(), pickle.escape_ascii().to_string(), "{name} at protocol {protocol}");
        let mut stream = Vec::new();
        options.to_writer(&mut stream, value).unwrap();
        assert_eq!(stream, pickle, "{name} at protocol {protocol}, into a stream");
    }
}

/// And it is read again from that.
#[track_caller]
fn is<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    is_written_as_by_cpython(name, &Options::new(), value);
    for (protocol, pickle) in golden(name) {
        assert_eq!(pickle_parse::from_slice::<T>(&pickle).as_ref().ok(), Some(value), "{name} at protocol {protocol}");
    }
}

#[test]
fn scalars_are_written_as_by_cpython() {
    is("unit", &());
    is("unit", &None::<u8>);
    is("bools", &(true, false));
    let ints =
        [0, -1, 255, 256, 65535, 65536, i64::from(i32::MIN), i64::from(i32::MAX), 1 << 31, -(1 << 31) - 1, i64::MAX, i64::MIN];
    is("ints", &ints.to_vec());
    is("ints", &ints.map(i128::from).to_vec());
    is("ints", &ints.map(|int| Int(int.into())).to_vec());
    is("large ints", &(u64::MAX, i128::MAX, i128::MIN, u128::MAX));
    is("large ints", &[u64::MAX.into(), i128::MAX.into(), i128::MIN.into(), u128::MAX.into()].map(Int));
    let huge: BigInt = BigInt::from(1) << 200;
    is("huge ints", &[huge.clone(), -huge, BigInt::from(1) << 2100u32].map(Int).to_vec());
    is("floats", &vec![0.0, -0.0, 1.5, 0.1, 1e300, f64::INFINITY]);
    is("strings", &["ab", "naïve 😀", "back\\slash\n", "ab"].map(str::to_owned).to_vec());
    is(
        "characters",
        &vec!['a'.to_string(), "a".into(), String::new(), String::new(), "é".into(), "é".into(), "ā".into(), "ā".into()],
    );
    is("bytes", &[&b"ab\xff"[..], b"", b"", b"a", b"a", b"ab\xff"].map(ByteBuf::from).to_vec());
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct ByteArray(#[serde(with = "pickle_graph::serde::bytearray")] Vec<u8>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Set(#[serde(with = "pickle_graph::serde::set")] Vec<u32>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct FrozenSet(#[serde(with = "pickle_graph::serde::frozenset")] Vec<u32>);

#[test]
fn containers_are_written_as_by_cpython() {
    is("bytearrays", &vec![ByteArray(b"ab\xff".into()), ByteArray(Vec::new()), ByteArray(b"a".into())]);
    is("tuples", &([0u8; 0], (1,), (1, 2), [1, 2, 3], (1, 2, 3, 4)));
    is("empty", &(Vec::<()>::new(), BTreeMap::<(), ()>::new(), [(); 0]));
    is("nested", &vec![vec![vec![1.5, 2.5]], vec![], vec![vec![3.5, 4.5], vec![5.5, 6.5]]]);
    is("set", &Set(vec![7]));
    is("frozenset", &FrozenSet(vec![7]));
    is("no set", &Set(Vec::new()));
    is("set of 1000", &Set((0..1000).collect()));
    for count in [1000, 1001, 2001] {
        is(&format!("list of {count}"), &(0..count).map(|n| 65 + n % 7).collect::<Vec<u16>>());
    }
    for count in [1000, 1001] {
        is(&format!("dict of {count}"), &(0..count).map(|n| (n, ())).collect::<BTreeMap<u16, ()>>());
    }
    is("long string", &("y".repeat(65536), 1));
    is("frames", &(0..230).map(|n| format!("{n:03}{}", "z".repeat(300))).collect::<Vec<_>>());
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Record {
    id: u32,
    name: String,
    score: f64,
    next: Option<Box<Record>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Shape {
    Dot,
    Circle(f64),
    Line(i32, i32),
    Square { side: u8 },
}

#[test]
fn names_and_keys_are_shared_as_in_python() {
    is(
        "json",
        &serde_json::json!([
            {"id": 1, "name": "Ada", "tags": ["x", "yy"]},
            {"id": 2, "name": "Bob", "tags": []},
        ]),
    );
    is("one", &serde_json::json!([[1], {"k": 1}]));
    is(
        "records",
        &Vec::from([0u32, 1, 2].map(|id| Record { id, name: format!("name {id}"), score: f64::from(id) / 2.0, next: None })),
    );
    is("variants", &vec![Shape::Dot, Shape::Circle(1.5), Shape::Line(1, 2), Shape::Square { side: 1 }, Shape::Dot]);
    let text = |text: &str| text.to_owned();
    is(
        "keys",
        &(
            BTreeMap::from([(1, text("one"))]),
            BTreeMap::from([((1, text("key")), ())]),
            BTreeMap::from([(text("long key"), text("value"))]),
        ),
    );
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct User {
    name: String,
    tags: Vec<String>,
    parent: Option<Box<User>>,
}

#[derive(Serialize)]
struct Circle {
    radius: f64,
}

#[derive(Serialize)]
struct Unit;

#[test]
fn structs_are_instances_of_classes_where_that_is_asked_for() {
    let instances = Options::new().structs(Structs::Instances("app".into()));
    let bob = User { name: "Bob".into(), tags: Vec::new(), parent: None };
    let ada = User { name: "Ada".into(), tags: vec!["admin".into()], parent: Some(Box::new(bob)) };
    is_written_as_by_cpython("user", &instances, &ada);
    for (_, pickle) in golden("user") {
        assert_eq!(pickle_parse::from_slice::<User>(&pickle).unwrap(), ada);
    }
    struct Shapes;
    impl Serialize for Shapes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(Some(3))?;
            list.serialize_element(&Circle { radius: 1.5 })?;
            list.serialize_element(&Circle { radius: 2.5 })?;
            list.serialize_element(&Unit)?;
            list.end()
        }
    }
    is_written_as_by_cpython("shapes", &instances, &Shapes);
    // So are variants that have named fields, each of the class of its own name.
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    enum Shape {
        Circle { radius: f64 },
        Unit {},
    }
    let shapes = vec![Shape::Circle { radius: 1.5 }, Shape::Circle { radius: 2.5 }, Shape::Unit {}];
    is_written_as_by_cpython("shapes", &instances, &shapes);
    for (_, pickle) in golden("shapes") {
        assert_eq!(pickle_parse::from_slice::<Vec<Shape>>(&pickle).unwrap(), shapes);
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Everything {
    unit: (),
    newtype: Newtype,
    tuple: TupleStruct,
    option: Option<Option<u8>>,
    character: char,
    text: String,
    bytes: ByteBuf,
    float: f32,
    shapes: Vec<Shape>,
    map: BTreeMap<(u8, String), Vec<bool>>,
    set: Set,
    byte_array: ByteArray,
    int: Int,
    wide: (i128, u128, u64, i64),
    result: Result<u8, String>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Newtype(u8);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct TupleStruct(u8, i16);

#[test]
fn every_kind_of_value_comes_back_at_each_protocol_and_with_each_choice() {
    let value = Everything {
        unit: (),
        newtype: Newtype(1),
        tuple: TupleStruct(2, -3),
        option: Some(Some(4)),
        character: '😀',
        text: "tëxt".into(),
        bytes: ByteBuf::from(b"\xff\0".to_vec()),
        float: 1.25,
        shapes: vec![Shape::Dot, Shape::Circle(0.1), Shape::Line(1, -1), Shape::Square { side: 9 }],
        map: BTreeMap::from([((1, "a".into()), vec![true]), ((2, "b".into()), vec![])]),
        set: Set(vec![5]),
        byte_array: ByteArray(vec![1, 2]),
        int: Int(BigInt::from(-3) << 300),
        wide: (i128::MIN, u128::MAX, u64::MAX, i64::MIN),
        result: Err("no".into()),
    };
    for protocol in Protocol::ALL {
        for structs in [Structs::Dicts, Structs::Tuples, Structs::Instances("app".into())] {
            for enums in [Enums::Dicts, Enums::Tuples] {
                let options = Options::new().protocol(protocol).structs(structs.clone()).enums(enums);
                let pickle = options.to_vec(&value).unwrap();
                let read: Result<Everything, _> = pickle_parse::from_slice(&pickle);
                assert_eq!(read.as_ref().ok(), Some(&value), "{options:?}: {read:?}");
                let graph = pickle_parse::graph(pickle.clone()).unwrap();
                assert_eq!(graph.protocol(), protocol);
            }
        }
    }
}

#[test]
fn a_length_that_was_not_told_or_was_wrong_gives_a_pickle_all_the_same() {
    struct Told(Option<usize>, usize);
    impl Serialize for Told {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(self.0)?;
            for item in 0..self.1 {
                list.serialize_element(&item)?;
            }
            list.end()
        }
    }
    for told in [None, Some(0), Some(1), Some(2), Some(5000)] {
        for count in [0, 1, 2, 999, 1000, 1001, 2000] {
            for protocol in Protocol::ALL {
                let pickle = Options::new().protocol(protocol).to_vec(&Told(told, count)).unwrap();
                assert_eq!(pickle_parse::from_slice::<Vec<usize>>(&pickle).unwrap(), (0..count).collect::<Vec<_>>());
            }
        }
    }
    assert!(to_vec(&Told(None, 1)).unwrap() != to_vec(&Told(Some(1), 1)).unwrap());
}

#[test]
fn what_cannot_be_written_is_said() {
    struct No;
    impl Serialize for No {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it is secret"))
        }
    }
    assert_eq!(to_vec(&[No]).unwrap_err().to_string(), "it is secret");
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = pickle_emit::to_writer(Full, &"x".repeat(1 << 20)).unwrap_err();
    assert!(matches!(error.kind(), pickle_emit::ErrorKind::Output { kind: std::io::ErrorKind::StorageFull, .. }));
}

#[test]
fn a_stream_is_written_piece_by_piece_at_every_protocol() {
    /// Notes the longest piece.
    struct Pieces(usize);
    impl std::io::Write for &mut Pieces {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.max(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let records: Vec<Vec<u32>> = vec![(0..100).collect(); 10_000];
    for protocol in Protocol::ALL {
        let mut pieces = Pieces(0);
        Options::new().protocol(protocol).to_writer(&mut pieces, &records).unwrap();
        assert!(pieces.0 < 200_000, "{} at protocol {protocol}", pieces.0);
    }
}

#[test]
fn a_serializer_writes_behind_what_its_sink_holds() {
    let mut serializer = Serializer::new(b"before".to_vec(), Options::new());
    vec![1, 2].serialize(&mut serializer).unwrap();
    assert_eq!(serializer.end(), [&b"before"[..], &to_vec(&vec![1, 2]).unwrap()].concat());
}
