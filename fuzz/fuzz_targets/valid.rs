//! Arbitrary graphs: what is written of one at any protocol is read as the same graph, and written as the same bytes.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use num_bigint::BigInt;
use pickle_emit::{ErrorKind, GraphEncoder};
use pickle_graph::{Graph, Node, NodeId, Pickler, Str, is_isomorphic};
use pickle_opcodes::Protocol;

fuzz_target!(|input: &[u8]| {
    let Ok(graph) = arbitrary_graph(&mut Unstructured::new(input)) else { return };
    let encoder = GraphEncoder::new().fix_imports(false);
    let pickle = match encoder.encode(&graph) {
        Ok(pickle) => pickle,
        Err(error) if matches!(error.kind(), ErrorKind::Cycle { .. } | ErrorKind::TooManyCycles { .. }) => return,
        Err(error) => panic!("{error}\n{graph:?}"),
    };
    let read = pickle_parse::graph(pickle.clone()).unwrap_or_else(|error| panic!("{}: {error}", pickle.escape_ascii()));
    assert!(is_isomorphic(&graph, &read), "{graph:?}{}\n{read:?}", pickle.escape_ascii());
    // What was thrown away for objects that hold themselves is not always told apart.
    if read.pickler() == Pickler::default() && read.protocol() == graph.protocol() && read.discarded().is_empty() {
        assert_eq!(encoder.encode(&read).unwrap(), pickle, "{}", pickle.escape_ascii());
    }
});

/// A graph at an arbitrary protocol, of nodes that this protocol has opcodes for.
fn arbitrary_graph(u: &mut Unstructured<'_>) -> Result<Graph> {
    let mut graph = Graph::new();
    let protocol = *u.choose(&Protocol::ALL)?;
    graph.set_protocol(protocol);
    let class = graph.push(Node::Global { module: "m".into(), name: "C".into() });
    let mut made = Made { nodes: vec![class, NodeId::NONE], objects: vec![class], fillable: vec![] };
    for _ in 0..u.int_in_range(0..=40)? {
        push_node(u, &mut graph, &mut made, protocol)?;
        if u.ratio(1, 3)? {
            change_node(u, &mut graph, &made, protocol)?;
        }
    }
    graph.set_root(*u.choose(&made.nodes)?);
    Ok(graph)
}

struct Made {
    /// What anything can hold.
    nodes: Vec<NodeId>,
    /// What can be called, and be given a state.
    objects: Vec<NodeId>,
    /// Lists, dicts and sets.
    fillable: Vec<NodeId>,
}

impl Made {
    fn items(&self, u: &mut Unstructured<'_>) -> Result<Vec<NodeId>> {
        (0..u.int_in_range(0..=4)?).map(|_| u.choose(&self.nodes).copied()).collect()
    }

    fn pairs(&self, u: &mut Unstructured<'_>) -> Result<Vec<[NodeId; 2]>> {
        (0..u.int_in_range(0..=3)?).map(|_| Ok([*u.choose(&self.nodes)?, *u.choose(&self.nodes)?])).collect()
    }
}

fn push_node(u: &mut Unstructured<'_>, graph: &mut Graph, made: &mut Made, protocol: Protocol) -> Result<()> {
    let at_least = |needs: Protocol| protocol >= needs;
    let id = match u.int_in_range(0..=21)? {
        0 => graph.push(Node::Bool(u.arbitrary()?)),
        1 => graph.push(Node::Int(u.arbitrary::<i64>()? >> u.int_in_range(0..=63)?)),
        2 => graph.push(Node::BigInt(&BigInt::from_signed_bytes_le(u.bytes(u.len().min(40))?))),
        // The text of protocol 0 has only one NaN.
        3 => match u.arbitrary::<f64>()? {
            value if value.is_nan() && protocol == Protocol::V0 => graph.push(Node::Float(f64::NAN)),
            value => graph.push(Node::Float(value)),
        },
        4 | 5 => graph.push(Node::Str(Str::new(u.arbitrary()?))),
        6 => graph.push(Node::Str(Str::from_bytes(b"\xed\xa0\xbd\xed\xb8\x80 \xed\xb2\x80").unwrap_or_default())),
        7 if at_least(Protocol::V3) => graph.push(Node::Bytes(u.arbitrary()?)),
        8 if at_least(Protocol::V5) => graph.push(Node::ByteArray(u.arbitrary()?)),
        9 => graph.push(Node::String(u.arbitrary()?)),
        10 => graph.push(Node::List(&made.items(u)?)),
        11 => graph.push(Node::Tuple(&made.items(u)?)),
        12 => graph.push(Node::Dict(&made.pairs(u)?)),
        13 if at_least(Protocol::V4) => graph.push(Node::Set(&made.items(u)?)),
        14 if at_least(Protocol::V4) => graph.push(Node::FrozenSet(&made.items(u)?)),
        15 => {
            let module = *u.choose(&["m", "a.b", "builtins"])?;
            let name = *u.choose(&["C", "A.B", "n"])?;
            graph.push(Node::Global { module: module.into(), name: name.into() })
        }
        16 => {
            let args = graph.push(Node::Tuple(&made.items(u)?));
            graph.push(Node::Reduce { callable: *u.choose(&made.objects)?, args })
        }
        17 if at_least(Protocol::V2) => {
            let args = graph.push(Node::Tuple(&made.items(u)?));
            graph.push(Node::NewObj { class: *u.choose(&made.objects)?, args })
        }
        18 if at_least(Protocol::V4) => {
            let args = graph.push(Node::Tuple(&made.items(u)?));
            let kwargs = graph.push(Node::Dict(&made.pairs(u)?));
            graph.push(Node::NewObjEx { class: *u.choose(&made.objects)?, args, kwargs })
        }
        19 if at_least(Protocol::V1) => {
            let class = *u.choose(&made.objects)?;
            graph.push(Node::Obj { class, args: &made.items(u)? })
        }
        20 => {
            // Not put in the memo, and so held once: a pickle tells nothing of their being shared.
            let id = match u.int_in_range(0..=2)? {
                0 if at_least(Protocol::V5) => graph.push(Node::Extension(u.int_in_range(1..=i32::MAX)?)),
                1 if protocol == Protocol::V0 => graph.push(Node::PersistentId("some id".into())),
                _ => graph.push(Node::BinPersistentId(*u.choose(&made.nodes)?)),
            };
            graph.push(Node::List(&[id]))
        }
        _ => NodeId::NONE,
    };
    made.nodes.push(id);
    match graph.node(id) {
        Node::List(_) | Node::Dict(_) | Node::Set(_) => made.fillable.push(id),
        Node::Reduce { .. } | Node::NewObj { .. } | Node::NewObjEx { .. } | Node::Obj { .. } | Node::Global { .. } => {
            made.objects.push(id);
        }
        _ => {}
    }
    Ok(())
}

fn change_node(u: &mut Unstructured<'_>, graph: &mut Graph, made: &Made, protocol: Protocol) -> Result<()> {
    if u.arbitrary()? && !made.fillable.is_empty() {
        let id = *u.choose(&made.fillable)?;
        match graph.node(id) {
            Node::List(_) => graph.extend(id, &made.items(u)?),
            Node::Dict(_) => graph.set_items(id, &made.pairs(u)?),
            _ => graph.add_items(id, &made.items(u)?),
        }
        return Ok(());
    }
    let id = *u.choose(&made.objects)?;
    let some = *u.choose(&made.nodes)?;
    match u.int_in_range(0..=4)? {
        0 => graph.append(id, some),
        1 => graph.set_item(id, some, some),
        2 if protocol >= Protocol::V4 => graph.add_items(id, &[some]),
        3 if !matches!(graph.node(id), Node::Global { .. }) => graph.set_state(id, *u.choose(&made.objects)?, some),
        _ => graph.build(id, some),
    }
    Ok(())
}
