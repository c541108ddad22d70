//! Pickles of real interpreters, and what CPython 3.13 says of them; `data/make.py` made both.

use std::{fs, io::BufReader, path::PathBuf};

use bytes::Bytes;
use pickle_graph::Pickler;
use pickle_opcodes::{GlobalName, Op, Protocol};
use pickle_parse::{Dis, Loader, OpReader, Ops, dis, graph};

fn data(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(name: &str) -> String {
    String::from_utf8(data(name)).unwrap()
}

/// One pickle of a protocol's file.
struct Golden {
    /// The value and its writers.
    name: String,
    offset: usize,
    pickle: Bytes,
    /// What `pickletools.dis` printed, and behind `! ` what it raised.
    listing: String,
}

fn golden(protocol: Protocol) -> Vec<Golden> {
    let pickles = Bytes::from(data(&format!("p{protocol}.pkl")));
    let listings = text(&format!("p{protocol}.txt"));
    let mut offset = 0;
    let mut golden = Vec::new();
    for part in listings.split("# ").skip(1) {
        let (name, listing) = part.split_once('\n').unwrap();
        let mut ops = Ops::new(&pickles[offset..]);
        assert!(ops.by_ref().all(|op| op.is_ok()), "{name}");
        let pickle = pickles.slice(offset..offset + ops.offset());
        golden.push(Golden { name: name.to_owned(), offset, pickle, listing: listing.to_owned() });
        offset += ops.offset();
    }
    assert_eq!(offset, pickles.len());
    golden
}

fn all() -> impl Iterator<Item = (Protocol, Golden)> {
    Protocol::ALL.into_iter().flat_map(|protocol| golden(protocol).into_iter().map(move |golden| (protocol, golden)))
}

#[test]
fn listings_are_those_of_pickletools() {
    for (protocol, golden) in all() {
        let mut out = Vec::new();
        let listed = Dis::new().offset(golden.offset as u64).write(&golden.pickle, &mut out);
        let mut listing = String::from_utf8(out).unwrap();
        match listed {
            Ok(length) => assert_eq!(length, golden.pickle.len()),
            Err(error) => listing.push_str(&format!("! {}\n", error.kind())),
        }
        assert_eq!(listing, golden.listing, "protocol {protocol}: {}", golden.name);

        let mut out = Vec::new();
        let mut reader = OpReader::new(BufReader::with_capacity(7, &golden.pickle[..]));
        let listed = Dis::new().offset(golden.offset as u64).write_next(&mut reader, &mut out);
        let mut listing = String::from_utf8(out).unwrap();
        if let Err(error) = listed {
            listing.push_str(&format!("! {}\n", error.kind()));
        }
        assert_eq!(listing, golden.listing, "streamed, protocol {protocol}: {}", golden.name);
    }
}

#[test]
fn graphs_know_which_protocol_and_pickler_they_are_of() {
    for (protocol, golden) in all() {
        let (graph, length) = Loader::new().load_first(&golden.pickle).unwrap();
        assert_eq!(length, golden.pickle.len(), "{}", golden.name);
        // At some values, a pickle of protocol 0 or 1 is the same.
        assert!(graph.protocol() == protocol || graph.protocol() == Protocol::V0, "protocol {protocol}: {}", golden.name);
        let pickler = graph.pickler();
        if !golden.name.contains("2.7") {
            assert!(!matches!(pickler, Pickler::Pickle2 | Pickler::CPickle), "protocol {protocol}: {} {pickler:?}", golden.name);
        } else if golden.name.ends_with("(cPickle of 2.7)") {
            assert_eq!(pickler, Pickler::CPickle, "protocol {protocol}: {}", golden.name);
        }
    }
}

#[test]
fn a_stream_has_the_ops_of_its_pickles() {
    for protocol in Protocol::ALL {
        let mut reader = OpReader::new(BufReader::with_capacity(100, fs::File::open(file(protocol)).unwrap()));
        let mut graphs = OpReader::new(BufReader::with_capacity(3, fs::File::open(file(protocol)).unwrap()));
        for golden in golden(protocol) {
            for op in Ops::new(&golden.pickle) {
                let (offset, op) = op.unwrap();
                let (offset_in_stream, op_in_stream) = reader.next_op().unwrap().unwrap();
                assert_eq!(offset_in_stream as usize, golden.offset + offset);
                // As text, since NaN is not equal to itself.
                assert_eq!(format!("{op_in_stream:?}"), format!("{op:?}"), "{}", golden.name);
            }
            let from_stream = Loader::new().read(&mut graphs).unwrap().unwrap();
            let from_slice = graph(golden.pickle.clone()).unwrap();
            assert_eq!(graphs.offset() as usize, golden.offset + golden.pickle.len());
            assert_eq!(from_stream.to_string(), from_slice.to_string(), "{}", golden.name);
            assert_eq!(from_stream.protocol(), from_slice.protocol(), "{}", golden.name);
        }
        assert_eq!(reader.next_op().unwrap(), None);
        assert!(Loader::new().read(&mut graphs).unwrap().is_none());
    }
}

fn file(protocol: Protocol) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/p{protocol}.pkl"))
}

#[test]
fn ops_lose_nothing_of_the_bytes() {
    for (_, golden) in all() {
        let mut written = Vec::new();
        for op in Ops::new(&golden.pickle) {
            write_op(&mut written, &op.unwrap().1);
        }
        assert_eq!(written, golden.pickle, "{}", golden.name);
    }
}

/// Writes an op the plain way, from nothing but what it holds.
fn write_op(out: &mut Vec<u8>, op: &Op<'_>) {
    out.push(op.opcode().byte());
    let counted = |out: &mut Vec<u8>, size: usize, bytes: &[u8]| {
        out.extend_from_slice(&bytes.len().to_le_bytes()[..size]);
        out.extend_from_slice(bytes);
    };
    match *op {
        Op::Int(text) | Op::Long(text) | Op::Float(text) | Op::String(text) | Op::Unicode(text) | Op::PersId(text) => {
            out.extend_from_slice(&[text, b"\n"].concat());
        }
        Op::Get(text) | Op::Put(text) => out.extend_from_slice(&[text, b"\n"].concat()),
        Op::Global(GlobalName { module, name }) | Op::Inst(GlobalName { module, name }) => {
            out.extend_from_slice(&[module, b"\n", name, b"\n"].concat());
        }
        Op::BinInt(value) | Op::Ext4(value) => out.extend_from_slice(&value.to_le_bytes()),
        Op::BinInt2(value) | Op::Ext2(value) => out.extend_from_slice(&value.to_le_bytes()),
        Op::BinInt1(value) | Op::BinGet(value) | Op::BinPut(value) | Op::Ext1(value) | Op::Proto(value) => out.push(value),
        Op::LongBinGet(value) | Op::LongBinPut(value) => out.extend_from_slice(&value.to_le_bytes()),
        Op::Frame(value) => out.extend_from_slice(&value.to_le_bytes()),
        Op::BinFloat(value) => out.extend_from_slice(&value.to_be_bytes()),
        Op::Long1(bytes) | Op::ShortBinString(bytes) | Op::ShortBinBytes(bytes) | Op::ShortBinUnicode(bytes) => {
            counted(out, 1, bytes);
        }
        Op::Long4(bytes) | Op::BinString(bytes) | Op::BinBytes(bytes) | Op::BinUnicode(bytes) => counted(out, 4, bytes),
        Op::BinBytes8(bytes) | Op::ByteArray8(bytes) | Op::BinUnicode8(bytes) => counted(out, 8, bytes),
        _ => assert_eq!(op.opcode().arg(), None),
    }
}

#[test]
fn faults_are_told_in_the_words_of_cpython() {
    for line in text("faults.txt").lines() {
        let [fault, loads, listed] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let pickle = unescape(fault);

        let dis = dis(&pickle).map_or_else(|error| format!("{:?}: {}", error.kind().python_exception(), error.kind()), |_| ok());
        // Python tells what is no text apart from what is no number; all that is a fault of the listing to us.
        let listed = listed.replace("UnicodeDecodeError: ", "ValueError: ").replace("IndexError: ", "ValueError: ");
        assert_eq!(dis.replace('\n', "\\n"), listed, "dis of {fault}");
        let streamed = Dis::new().write_next(&mut OpReader::new(BufReader::with_capacity(3, &pickle[..])), &mut Vec::new());
        let streamed = streamed.map_or_else(|error| format!("{:?}: {}", error.kind().python_exception(), error.kind()), |_| ok());
        assert_eq!(streamed, dis, "streamed dis of {fault}");

        let graph = match graph(pickle) {
            Ok(_) => ok(),
            Err(error) => format!("{:?}: {}", error.kind().python_exception(), error.kind()),
        };
        assert_eq!(graph.replace('\n', "\\n"), loads, "graph of {fault}");
    }
}

fn ok() -> String {
    "ok".to_owned()
}

/// Undoes the escapes in which `faults.txt` writes bytes.
fn unescape(text: &str) -> Vec<u8> {
    pickle_parse::arg::string(format!("'{text}'").as_bytes()).unwrap().into_owned()
}
