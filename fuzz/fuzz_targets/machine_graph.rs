//! Any bytes: building, walking, comparing, copying and printing a graph never fails otherwise than with an error, and streams give
//! the same graphs as slices.
#![no_main]

use std::io::BufReader;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pickle_graph::{Graph, is_isomorphic};
use pickle_opcodes::Opcode;
use pickle_parse::{ErrorKind, Loader, OpReader, Rules};

fuzz_target!(|input: &[u8]| {
    for rules in [Rules::PYTHON_3_13, Rules::PYTHON_3_15] {
        run(&Loader::new().rules(rules), input);
    }
});

fn run(loader: &Loader, input: &[u8]) {
    let from_slice = loader.load_first(&Bytes::copy_from_slice(input));
    let buffered = BufReader::with_capacity(1 + input.len() % 64, input);
    let from_stream = loader.read(&mut OpReader::new(buffered));
    let graph = match (from_slice, from_stream) {
        (Ok((graph, _)), Ok(Some(streamed))) => {
            assert!(is_isomorphic(&graph, &streamed));
            assert_eq!(graph.protocol(), streamed.protocol());
            graph
        }
        // That a frame is there is seen in a slice, and in a stream not before it is missed.
        (Err(error), Ok(Some(_))) => {
            assert!(matches!((error.kind(), error.opcode()), (ErrorKind::Truncated, Some(Opcode::Frame))), "{error}");
            return;
        }
        (Err(_), Ok(None) | Err(_)) => return,
        (Ok(_), Ok(None)) => panic!("the stream ended"),
        (Ok(_), Err(error)) => panic!("{error}"),
    };
    assert!(is_isomorphic(&graph, &graph));
    let nodes = graph.preorder(graph.root()).filter(|id| !id.is_constant()).count();
    assert_eq!(graph.postorder(graph.root()).filter(|id| !id.is_constant()).count(), nodes);
    assert!(nodes <= graph.len() && graph.len() <= 3 * input.len());
    assert!(graph.memory() <= 1024 + 256 * input.len());
    let mut copy = Graph::new();
    let root = copy.graft(&graph, graph.root());
    copy.set_root(root);
    assert!(is_isomorphic(&graph, &copy));
    let text = graph.to_string();
    assert!(text.ends_with('\n'));
}
