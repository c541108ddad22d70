//! Any bytes into several types: what is read straight on is what the machine makes, streams give the same, and what is written of a
//! value is read as that value and written the same again, at each protocol.
#![no_main]

use std::{collections::BTreeMap, fmt::Debug};

use libfuzzer_sys::fuzz_target;
use pickle_emit::serde::{Enums, Options, Structs};
use pickle_graph::serde::Int;
use pickle_opcodes::{Opcode, Protocol};
use pickle_parse::{Error, ErrorKind, Strings, serde::Deserializer};
use serde::{Deserialize, Serialize, de::DeserializeOwned, de::IgnoredAny};

#[derive(Serialize, Deserialize, Debug)]
struct Record {
    a: Option<i64>,
    b: Option<String>,
    #[serde(default)]
    c: Vec<Record>,
    d: Option<Shape>,
}

#[derive(Serialize, Deserialize, Debug)]
enum Shape {
    A,
    B(Box<Shape>),
    C(f64, char),
    D { a: Vec<u8>, b: bool },
}

/// What a variant is told by tells anything apart.
#[derive(Serialize, Deserialize, Debug)]
#[serde(untagged)]
enum Anything {
    Nothing(()),
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Anything>),
    /// Those that are no text, which comes first.
    Bytes(#[serde(with = "pickle_graph::serde::bytearray")] Vec<u8>),
}

#[derive(Serialize, Deserialize, Debug)]
struct Plain {
    #[serde(with = "pickle_graph::serde::set")]
    set: Vec<u16>,
    map: BTreeMap<(u8, Int), [f64; 2]>,
}

fuzz_target!(|input: &[u8]| {
    agree::<IgnoredAny>(input);
    agree::<&str>(input);
    agree::<serde_json::Value>(input);
    comes_back::<Anything>(input);
    comes_back::<Record>(input);
    comes_back::<Vec<Record>>(input);
    comes_back::<Shape>(input);
    comes_back::<Plain>(input);
    comes_back::<Vec<Vec<f64>>>(input);
    comes_back::<BTreeMap<String, Vec<Int>>>(input);
    comes_back::<Vec<(String, Option<i128>, u128)>>(input);
    for strings in [Strings::Bytes, Strings::Ascii, Strings::Latin1, Strings::Utf8] {
        let _ = Deserializer::from_slice(input).strings(strings).lossy(true).read::<Anything>();
    }
    let mut many = Deserializer::from_slice(input).into_iter::<IgnoredAny>();
    assert!(many.by_ref().take(input.len() + 1).count() <= input.len());
});

/// Reads on both ways, of which the first goes on to the second where it must, and compares.
fn agree<'de, T: Deserialize<'de> + Debug>(input: &'de [u8]) -> Option<T> {
    let read: Result<T, Error> = pickle_parse::from_slice(input);
    let by_machine = T::deserialize(&mut Deserializer::from_slice(input));
    match (&read, &by_machine) {
        // Near the limit the machine counts more exactly.
        (Ok(_), Err(error)) if matches!(error.kind(), ErrorKind::Limit { .. }) => {}
        (Ok(read), Ok(by_machine)) => assert_eq!(format!("{read:?}"), format!("{by_machine:?}")),
        (Err(read), Err(by_machine)) => assert_eq!(read.to_string(), by_machine.to_string()),
        _ => panic!("{read:?}\n{by_machine:?}"),
    }
    read.ok()
}

fn comes_back<T: Serialize + DeserializeOwned + Debug>(input: &[u8]) {
    let Some(value) = agree::<T>(input) else { return };
    let streamed = pickle_parse::from_reader::<_, T>(input);
    match streamed {
        Ok(streamed) => assert_eq!(format!("{value:?}"), format!("{streamed:?}")),
        // In a slice, a frame may take in what stands behind the pickle.
        Err(error) => {
            assert!(matches!((error.kind(), error.opcode()), (ErrorKind::Truncated, Some(Opcode::Frame))), "{error}");
        }
    }
    for protocol in Protocol::ALL {
        for (structs, enums) in
            [(Structs::Dicts, Enums::Dicts), (Structs::Tuples, Enums::Tuples), (Structs::Instances("a".into()), Enums::Dicts)]
        {
            let options = Options::new().protocol(protocol).structs(structs).enums(enums);
            let pickle = options.to_vec(&value).expect("it can be written");
            let read: T = pickle_parse::from_slice(&pickle)
                .unwrap_or_else(|error| panic!("{error}: {value:?}: {}", pickle.escape_ascii()));
            assert_eq!(format!("{value:?}"), format!("{read:?}"), "{}", pickle.escape_ascii());
            assert_eq!(options.to_vec(&read).expect("it can be written"), pickle);
            let mut streamed = Vec::new();
            options.to_writer(&mut streamed, &value).expect("it can be written");
            assert_eq!(streamed, pickle);
        }
    }
}
