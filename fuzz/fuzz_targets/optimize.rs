//! Any bytes: a pickle and what `optimize` makes of it are read as the same graph.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pickle_emit::optimize;
use pickle_graph::is_isomorphic;
use pickle_opcodes::Op;
use pickle_parse::Ops;

fuzz_target!(|input: &[u8]| {
    let Ok(ops) = Ops::new(input).map(|op| op.map(|(_, op)| op)).collect::<Result<Vec<Op<'_>>, _>>() else { return };
    let Ok(optimized) = optimize(ops) else { return };
    if let Ok(graph) = pickle_parse::graph(input.to_vec()) {
        let read = pickle_parse::graph(optimized.clone()).unwrap_or_else(|error| panic!("{}: {error}", optimized.escape_ascii()));
        assert!(is_isomorphic(&graph, &read), "{}", optimized.escape_ascii());
    }
});
