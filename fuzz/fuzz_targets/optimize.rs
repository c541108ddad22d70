//! Any bytes: a pickle and what `optimize` makes of it are read as the same graph.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pickle_emit::optimize;
use pickle_graph::{Graph, Node, NodeId, is_isomorphic};
use pickle_opcodes::Op;
use pickle_parse::Ops;

fuzz_target!(|input: &[u8]| {
    let Ok(ops) = Ops::new(input).map(|op| op.map(|(_, op)| op)).collect::<Result<Vec<Op<'_>>, _>>() else { return };
    let Ok(optimized) = optimize(ops) else { return };
    if let Ok(graph) = pickle_parse::graph(input.to_vec()) {
        let read = pickle_parse::graph(optimized.clone()).unwrap_or_else(|error| panic!("{}: {error}", optimized.escape_ascii()));
        let same = same_nodes(&graph, &read) && (setter_calls_differ(&graph, &read) || is_isomorphic(&graph, &read));
        assert!(same, "{} is not what was read of {}", optimized.escape_ascii(), input.escape_ascii());
    }
});

/// Whether the same objects were made, in the same order.
fn same_nodes(graph: &Graph, read: &Graph) -> bool {
    graph.len() == read.len()
        && graph.ids().all(|id| match (graph.node(id), read.node(id)) {
            (Node::Float(a), Node::Float(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        })
}

/// Whether calls that are discarded in one graph are a state setter's in the other, which `optimize` makes of those whose arguments
/// are put in the memo for nothing: see `Graph::discard`.
fn setter_calls_differ(graph: &Graph, read: &Graph) -> bool {
    let is_setter_call = |id: NodeId| {
        matches!(graph.node(id), Node::Reduce { args, .. }
            if graph.is_memoized(args) == Some(true) && graph.node(args).as_tuple().is_some_and(|args| args.len() == 2))
    };
    graph.discarded().iter().any(|id| is_setter_call(*id) && !read.discarded().contains(id))
}
