//! What graphs are made of which pickles.

use std::io::BufReader;

use pickle_graph::{Names, Node, NodeId, Pickler, Step};
use pickle_opcodes::{Opcode, Protocol};

use super::*;
use crate::ErrorKind;

fn load(pickle: &'static [u8]) -> Graph {
    graph(pickle).unwrap()
}

fn root(graph: &Graph) -> Node<'_> {
    graph.node(graph.root())
}

#[test]
fn large_payloads_are_shared_with_the_input_and_not_copied() {
    let input = Bytes::from([&b"\x8e\x00\x00\x10\0\0\0\0\0"[..], &[7; 1 << 20], b"."].concat());
    let graph = graph(input.clone()).unwrap();
    let bytes = root(&graph).as_bytes().unwrap();
    assert_eq!(bytes.as_ptr(), input[9..].as_ptr());
    assert!(graph.memory() < 1000);
}

#[test]
fn shared_and_recursive_objects_are_one_node() {
    let graph = load(b"](]]q\x00h\x00h\x00\x86e.");
    let [a, b, pair] = *root(&graph).as_list().unwrap() else { panic!() };
    assert_ne!(a, b);
    assert_eq!(graph.node(pair), Node::Tuple(&[b, b]));
    let graph = load(b"}q\x00K\x01h\x00s.");
    assert_eq!(root(&graph).as_dict().map(|items| items[0][1]), Some(graph.root()));
}

#[test]
fn objects_are_how_they_are_made_and_what_is_done_to_them() {
    for (pickle, kind) in [
        (&b"cm\nC\n(K\x01tR."[..], "reduce"),
        (b"cm\nC\n)\x81.", "newobj"),
        (b"cm\nC\n)}\x92.", "newobj_ex"),
        (b"(K\x01im\nC\n.", "inst"),
        (b"(cm\nC\nK\x01o.", "obj"),
        (b"\x82\x05.", "extension"),
        (b"Pid\n.", "persistent_id"),
        (b"K\x01Q.", "persistent_id"),
        (b"\x97\x98.", "buffer"),
        (b"\x8c\x01m\x8c\x01C\x93.", "global"),
        (b"S'it\\'s'\n.", "string"),
    ] {
        assert_eq!(root(&load(pickle)).kind(), kind, "{}", pickle.escape_ascii());
    }
    let graph = load(b"cm\nC\n)\x81K\x01a}b(K\x02K\x03u.");
    let steps: Vec<_> = graph.steps(graph.root()).collect();
    let [Step::Append(one), Step::Build(state), Step::SetItems(items)] = steps[..] else { panic!("{steps:?}") };
    assert_eq!((one.len(), graph.node(state), items.len()), (1, Node::Dict(&[]), 1));
}

#[test]
fn what_is_thrown_away_but_has_effects_is_kept() {
    let graph = load(b"cos\nsystem\n(K\x01tR0N.");
    assert_eq!(graph.root(), NodeId::NONE);
    assert_eq!(graph.discarded().iter().map(|&id| graph.node(id).kind()).collect::<Vec<_>>(), ["reduce"]);
    // Left on the stack at STOP.
    assert_eq!(load(b"cos\nsystem\n(K\x01tRN.").discarded().len(), 1);
}

/// CPython has no such arguments in the memo. What takes them out of it, as `pickletools.optimize` does, makes a step of the call.
#[test]
fn a_state_setters_call_is_a_step_unless_its_arguments_are_in_the_memo() {
    let step = load(b"cm\nC\n)R\x94cm\nset\nh\0K\x01\x86R0.");
    assert!(matches!(step.steps(step.root()).collect::<Vec<_>>()[..], [Step::SetState { .. }]));
    assert!(step.discarded().is_empty());
    let discarded = load(b"cm\nC\n)R\x94cm\nset\nh\0K\x01\x86\x94R0.");
    assert_eq!((discarded.steps(discarded.root()).count(), discarded.discarded().len()), (0, 1));
}

#[test]
fn buffers_are_counted_where_their_number_is_known() {
    let pickle = &b"\x97\x97\x98\x86."[..];
    let graph = load(pickle);
    let [first, second] = *root(&graph).as_tuple().unwrap() else { panic!() };
    assert_eq!(graph.node(first), Node::Buffer { index: 0, readonly: false });
    assert_eq!(graph.node(second), Node::Buffer { index: 1, readonly: true });
    assert!(Loader::new().buffers(2).load(pickle).is_ok());
    let error = Loader::new().buffers(1).load(pickle).unwrap_err();
    assert_eq!(error.to_string(), "not enough out-of-band buffers (NEXT_BUFFER at byte 1)");
    let error = Loader::new().buffers(0).load(pickle).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NoBuffers);
}

#[test]
fn strings_of_python_2_become_what_was_chosen() {
    let pickle = &b"U\x02a\xe9."[..];
    for (strings, expected) in
        [(Strings::Keep, "string 'a\\xe9'\n"), (Strings::Latin1, "'aé'\n"), (Strings::Bytes, "b'a\\xe9'\n")]
    {
        assert_eq!(Loader::new().strings(strings).load(pickle).unwrap().to_string(), expected);
    }
    for (strings, expected) in [
        (Strings::Ascii, "'ascii' codec can't decode byte 0xe9 in position 1: ordinal not in range(128)"),
        (Strings::Utf8, "'utf-8' codec can't decode byte 0xe9 in position 1: unexpected end of data"),
    ] {
        let error = Loader::new().strings(strings).load(pickle).unwrap_err();
        assert_eq!(error.to_string(), format!("{expected} (SHORT_BINSTRING at byte 0)"));
    }
    assert_eq!(Loader::new().strings(Strings::Utf8).load(&b"U\x02\xc3\xa9."[..]).unwrap().to_string(), "'é'\n");
}

#[test]
fn names_of_python_2_become_those_of_python_3_on_request_and_at_old_protocols_only() {
    for (pickle, expected) in [
        (&b"c__builtin__\nxrange\n."[..], "global builtins.range\n"),
        (b"\x80\x02U\x0b__builtin__U\x06xrange\x93.", "global builtins.range\n"),
        (b"\x80\x03c__builtin__\nxrange\n.", "global __builtin__.xrange\n"),
        (b"(i__builtin__\nxrange\n.", "inst\n  class: global builtins.range\n  args\n"),
    ] {
        let graph = Loader::new().python3_names(true).strings(Strings::Ascii).load(pickle).unwrap();
        assert_eq!((graph.to_string().as_str(), graph.names()), (expected, Names::Python3));
    }
    assert_eq!(load(b"c__builtin__\nxrange\n.").to_string(), "global __builtin__.xrange\n");
    for (pickle, names) in [
        (&b"cm\nC\n."[..], Names::Python2),
        (b"cbuiltins\nint\n.", Names::Python2),
        (b"\x80\x02cm\nC\n.", Names::Python2),
        (b"\x80\x03cm\nC\n.", Names::Python3),
    ] {
        assert_eq!(load(pickle).names(), names, "{}", pickle.escape_ascii());
    }
}

#[test]
fn the_protocol_and_the_pickler_are_told_from_what_shows_of_them() {
    for (pickle, protocol, pickler) in [
        (&b"N."[..], Protocol::V0, Pickler::CPython3_7),
        (b"(lp0\nI1\na.", Protocol::V0, Pickler::CPython3_7),
        (b"(lp0\nL1L\na.", Protocol::V0, Pickler::CPython3_6),
        (b"(lp1\nI1\na.", Protocol::V0, Pickler::CPickle),
        (b"S'a'\np0\n.", Protocol::V0, Pickler::Pickle2),
        (b"I2147483648\n.", Protocol::V0, Pickler::CPickle),
        (b"V\x00\np0\n.", Protocol::V0, Pickler::CPython3_6),
        (b"(I1\nL2L\ntp0\n.", Protocol::V0, Pickler::Pickle2),
        (b"F0.10000000000000001\n.", Protocol::V0, Pickler::CPickle),
        (b"F0.1\n.", Protocol::V0, Pickler::CPython3_7),
        (b"]q\x00.", Protocol::V1, Pickler::CPython3_7),
        (b"L1L\nq\x00.", Protocol::V1, Pickler::Pickle2),
        (b"]q\x01.", Protocol::V1, Pickler::CPickle),
        (b"\x80\x02]q\x01U\x01aq\x02a.", Protocol::V2, Pickler::CPickle),
        (b"\x80\x03K\x01.", Protocol::V3, Pickler::CPython3_7),
        (b"\x80\x05K\x01.", Protocol::V5, Pickler::CPython3_7),
        (b"\x80\x04\x95\x02\0\0\0\0\0\0\0N.", Protocol::V4, Pickler::CPython3_6),
    ] {
        let graph = load(pickle);
        assert_eq!((graph.protocol(), graph.pickler()), (protocol, pickler), "{}", pickle.escape_ascii());
    }
    let batches = |items: &[u8]| {
        let pickle = [b"\x80\x04](", &b"N".repeat(1000)[..], b"e", items, b"."].concat();
        graph(pickle).unwrap().pickler()
    };
    assert_eq!(batches(b"(Ne"), Pickler::CPython3_7);
    assert_eq!(batches(b"Na"), Pickler::CPython3_15);
    let sets = |items: &[u8]| {
        let pickle = [b"\x80\x04\x8f(", &b"N".repeat(1000)[..], b"\x90", items, b"."].concat();
        graph(pickle).unwrap().pickler()
    };
    assert_eq!(sets(b"(\x90"), Pickler::CPython3_7);
    assert_eq!(sets(b"(N\x90"), Pickler::CPython3_7);
    assert_eq!(sets(b""), Pickler::CPython3_15);
    // Of all that is large, only what stands in a frame tells.
    let large = |frame: u64, behind: usize| {
        let frame = frame.to_le_bytes();
        let text = [&b"B\0\0\x01\0"[..], &[0; 1 << 16]].concat();
        let pickle = [&b"\x80\x04\x95"[..], &frame, &b"N0".repeat(behind), &text, b"."].concat();
        graph(pickle).unwrap().pickler()
    };
    assert_eq!(large((1 << 16) + 6, 0), Pickler::CPython3_6);
    assert_eq!(large(4, 2), Pickler::CPython3_7);
}

#[test]
fn integers_know_how_they_were_written() {
    use pickle_graph::IntForm;
    for (pickle, value, form) in [
        (&b"J\0\0\0\x7f."[..], 0x7f00_0000, IntForm::Shortest),
        (b"L5L\n.", 5, IntForm::Long),
        (b"\x8a\x01\x05.", 5, IntForm::Long),
        (b"\x8a\x00.", 0, IntForm::Long),
        (b"I4294967296\n.", 1 << 32, IntForm::Int),
        (b"\x8a\x05\0\0\0\0\x01.", 1 << 32, IntForm::Shortest),
    ] {
        let graph = load(pickle);
        assert_eq!((root(&graph).as_int(), graph.int_form(graph.root())), (Some(value), form), "{}", pickle.escape_ascii());
    }
    assert!(matches!(root(&load(b"I99999999999999999999\n.")), Node::BigInt(_)));
}

#[test]
fn streams_give_what_slices_give_whatever_their_buffers() {
    let pickles: [&[u8]; 14] = [
        b"\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x94\x8c\x06answer\x94K\x2as.",
        b"(lp0\nF0.10000000000000001\naV\r\np1\naI5\naL5L\na.",
        b"]q\x01(I5\nK\x05e.",
        b"(I5\nVx\ry\nt.",
        b"(K\x01F0.10000000000000001\nt.",
        b"F0.10000000000000001\n\x80\x02N.",
        b"\x80\x02X\x03\0\0\0abcq\0\x85.",
        b"N",
        b"]K\x01K\x02",
        b"K\x05K\x01aN.",
        b"](K\x01K\x02\xffe.",
        b"]X\xff\0\0\0abc",
        b"]Vabc",
        b"]Iabc\nN.",
    ];
    for pickle in pickles {
        let expected = graph(pickle);
        for capacity in [1, 2, 3, 7, 64, 1000] {
            for arg_bytes in [u64::MAX, 20] {
                let limits = Limits { arg_bytes, ..Limits::DEFAULT };
                let mut reader = OpReader::with_limits(BufReader::with_capacity(capacity, pickle), limits);
                match (&expected, Loader::new().read(&mut reader)) {
                    (Ok(expected), Ok(Some(graph))) => {
                        assert_eq!(graph.to_string(), expected.to_string());
                        assert_eq!((graph.pickler(), graph.protocol()), (expected.pickler(), expected.protocol()));
                        assert!(Loader::new().read(&mut reader).unwrap().is_none());
                    }
                    (Err(expected), Err(error)) => match error.kind() {
                        ErrorKind::ArgTooLong { bytes: 255, limit: 20 } => {}
                        _ => assert_eq!(error.to_string(), expected.to_string()),
                    },
                    _ => unreachable!("{}", pickle.escape_ascii()),
                }
            }
        }
    }
}

#[test]
fn a_stream_goes_on_behind_the_op_at_fault() {
    for capacity in [1, 4, 100] {
        let mut reader = OpReader::new(BufReader::with_capacity(capacity, &b"NK\x05aK\x07."[..]));
        let error = Loader::new().read(&mut reader).unwrap_err();
        assert_eq!((error.offset(), error.opcode()), (3, Some(Opcode::Append)));
        assert_eq!(Loader::new().read(&mut reader).unwrap().unwrap().to_string(), "7\n");
    }
}
