//! Pickles that real interpreters wrote: what they are read as comes out as the same bytes.
//!
//! `data/*.pickles` hold many pickles each, one behind the other: those of `cpython-*` are of the same objects at every protocol
//! (by the pickler written in C, then by the one in Python; what several write alike is kept once), those of `cloudpickle-*` are
//! of functions and classes by cloudpickle 3.1.2, and those of `*.optimized` are what `pickletools.optimize` of 3.13 makes of the
//! file of the same name. `cargo xtask corpus` makes them.

use std::{fs, path::Path};

use bytes::Bytes;
use pickle_emit::{GraphEncoder, OpWriter, graph_to_vec, optimize};
use pickle_graph::is_isomorphic;
use pickle_opcodes::{Op, Protocol};
use pickle_parse::{Loader, Ops};

fn data(name: &str) -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.pickles"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// The pickles of a file.
fn pickles(name: &str) -> Vec<Bytes> {
    let mut rest = data(name);
    let mut pickles = Vec::new();
    while !rest.is_empty() {
        let mut ops = Ops::new(&rest);
        assert!(ops.by_ref().all(|op| op.is_ok()), "{name}: pickle {}", pickles.len());
        let length = ops.offset();
        pickles.push(rest.split_to(length));
    }
    pickles
}

const ALL: [&str; 7] =
    ["cpython-2.7", "cpython-3.6", "cpython-3.7", "cpython-3.8", "cpython-3.10", "cpython-3.13", "cloudpickle-3.13"];

fn ops(pickle: &[u8]) -> impl Iterator<Item = Op<'_>> {
    Ops::new(pickle).map(|op| op.unwrap().1)
}

#[test]
fn ops_come_out_as_the_bytes_that_they_were_read_from() {
    for name in ALL {
        for pickle in pickles(name) {
            let mut writer = OpWriter::with_checks(Vec::new());
            for op in ops(&pickle) {
                writer.write(&op).unwrap();
            }
            assert_eq!(writer.into_sink(), pickle);
        }
    }
}

#[test]
fn graphs_come_out_as_the_bytes_that_they_were_read_from() {
    for name in ALL {
        for (i, pickle) in pickles(name).into_iter().enumerate() {
            let graph = pickle_parse::graph(pickle.clone()).unwrap();
            let written = graph_to_vec(&graph).unwrap();
            assert!(written == pickle, "{name}, pickle {i}: {} and {}", written.escape_ascii(), pickle.escape_ascii());
        }
    }
}

#[test]
fn optimize_writes_what_pickletools_optimize_writes() {
    for name in ["cpython-3.13", "cloudpickle-3.13"] {
        for (pickle, optimized) in pickles(name).iter().zip(pickles(&format!("{name}.optimized"))) {
            assert_eq!(optimize(ops(pickle)).unwrap(), optimized);
        }
    }
}

#[test]
fn optimized_pickles_stay_so() {
    for name in ["cpython-3.13.optimized", "cloudpickle-3.13.optimized"] {
        for (i, pickle) in pickles(name).into_iter().enumerate() {
            let graph = pickle_parse::graph(pickle.clone()).unwrap();
            let written = graph_to_vec(&graph).unwrap();
            assert!(is_isomorphic(&pickle_parse::graph(written.clone()).unwrap(), &graph), "{name}, pickle {i}");
            assert!(
                written.len() <= pickle.len(),
                "{name}, pickle {i}: {} and {}",
                written.escape_ascii(),
                pickle.escape_ascii()
            );
        }
    }
}

#[test]
fn a_pickle_at_another_protocol_is_read_as_what_it_was_written_from() {
    for name in ALL {
        for (i, pickle) in pickles(name).into_iter().enumerate() {
            let graph = pickle_parse::graph(pickle).unwrap();
            for protocol in Protocol::ALL {
                let written = GraphEncoder::new().protocol(protocol).encode(&graph).unwrap();
                let (read, length) = Loader::new().load_first(&written.clone().into()).unwrap();
                assert_eq!(length, written.len());
                assert_eq!(graph_to_vec(&read).unwrap(), written, "{name}, pickle {i}, protocol {protocol}");
                if protocol >= Protocol::V4 && graph.protocol() >= Protocol::V4 && graph.discarded().is_empty() {
                    assert_eq!(is_isomorphic(&read, &graph), !has_byte_array(&graph, protocol), "{name}, pickle {i}");
                }
            }
        }
    }
}

fn has_byte_array(graph: &pickle_graph::Graph, protocol: Protocol) -> bool {
    protocol < Protocol::V5 && graph.ids().any(|id| matches!(graph.node(id), pickle_graph::Node::ByteArray(_)))
}
