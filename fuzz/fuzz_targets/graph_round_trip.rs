//! Any bytes: a graph that can be read is written, at each protocol, as a pickle that can be read, and what is read from that is
//! written as the same pickle again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pickle_emit::GraphEncoder;
use pickle_graph::is_isomorphic;
use pickle_opcodes::Protocol;

fuzz_target!(|input: &[u8]| {
    let Ok(graph) = pickle_parse::graph(input.to_vec()) else { return };
    for protocol in Protocol::ALL {
        let encoder = GraphEncoder::new().protocol(protocol).pickler(graph.pickler());
        let Ok(pickle) = encoder.encode(&graph) else { continue };
        let read = pickle_parse::graph(pickle.clone()).unwrap_or_else(|error| panic!("{}: {error}", pickle.escape_ascii()));
        let again = encoder.encode(&read).unwrap();
        let read_again = pickle_parse::graph(again.clone()).unwrap();
        assert!(is_isomorphic(&read, &read_again), "{} and {}", pickle.escape_ascii(), again.escape_ascii());
    }
});
