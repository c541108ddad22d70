//! Graphs as a user of the crate makes, compares, prints and edits them.

use bytes::Bytes;
use num_bigint::BigInt;
use pickle_graph::{ErrorKind, Graph, IntForm, Node, NodeId, Pickler, Step, Str, is_isomorphic};

/// One node of every kind, with children where it has some, in a tuple.
fn one_of_each(graph: &mut Graph) -> NodeId {
    let big = BigInt::from(u64::MAX) << 64;
    let text = graph.push(Node::Str("text".into()));
    let global = graph.push(Node::Global { module: "os.path".into(), name: "join".into() });
    let args = graph.push(Node::Tuple(&[text]));
    let kwargs = graph.push(Node::Dict(&[[text, global]]));
    let object = graph.push(Node::NewObj { class: global, args });
    graph.extend(object, &[text, args]);
    graph.set_item(object, text, args);
    graph.build(object, kwargs);
    graph.set_state(object, global, kwargs);
    let nodes = [
        Node::None,
        Node::Bool(true),
        Node::Int(1),
        Node::Int(i64::MIN),
        Node::BigInt(&big),
        Node::Float(-0.0),
        Node::Str("".into()),
        Node::String(b"\xff"),
        Node::Bytes(b"b"),
        Node::ByteArray(b"a"),
        Node::List(&[text, text]),
        Node::Tuple(&[]),
        Node::Tuple(&[text, object]),
        Node::Dict(&[[text, text], [text, object]]),
        Node::Set(&[text]),
        Node::FrozenSet(&[text]),
        Node::Global { module: "m".into(), name: "n".into() },
        Node::Extension(7),
        Node::Reduce { callable: global, args },
        Node::NewObj { class: global, args },
        Node::NewObjEx { class: global, args, kwargs },
        Node::Inst { class: global, args: &[text] },
        Node::Obj { class: global, args: &[] },
        Node::PersistentId("p".into()),
        Node::BinPersistentId(text),
        Node::Buffer { index: 3, readonly: true },
    ];
    let ids: Vec<NodeId> = nodes
        .into_iter()
        .map(|node| {
            let id = graph.push(node);
            assert_eq!(graph.node(id), node);
            id
        })
        .collect();
    graph.push(Node::Tuple(&ids))
}

#[test]
fn a_graft_is_isomorphic_to_what_it_was_taken_from() {
    let mut graph = Graph::new();
    let root = one_of_each(&mut graph);
    graph.set_root(root);
    let mut other = Graph::with_source(Bytes::from_static(b"unrelated"));
    other.push(Node::List(&[]));
    let root = other.graft(&graph, graph.root());
    other.set_root(root);
    assert!(is_isomorphic(&graph, &other));
    assert_eq!(graph.to_string(), other.to_string());
}

#[test]
fn graphs_that_differ_anywhere_are_not_isomorphic() {
    let make = |change: &dyn Fn(&mut Graph, NodeId)| {
        let mut graph = Graph::new();
        let root = one_of_each(&mut graph);
        graph.set_root(root);
        change(&mut graph, root);
        graph
    };
    let same = make(&|_, _| {});
    assert!(is_isomorphic(&same, &make(&|_, _| {})));
    let count = same.node(same.root()).as_tuple().unwrap().len();
    for at in 0..count {
        let other = make(&|graph, root| graph.items_mut(root)[at] = NodeId::FALSE);
        assert!(!is_isomorphic(&same, &other), "item {at}");
        let id = same.node(same.root()).as_tuple().unwrap()[at];
        if same.node(id).has_identity() {
            let other = make(&|graph, _| graph.build(id, NodeId::NONE));
            assert!(!is_isomorphic(&same, &other), "step of item {at}");
        }
    }
}

#[test]
fn sharing_is_part_of_the_structure_but_not_for_numbers() {
    let pair = |node: Node<'_>, shared: bool| {
        let mut graph = Graph::new();
        let first = graph.push(node);
        let second = if shared { first } else { graph.push(node) };
        let root = graph.push(Node::List(&[first, second]));
        graph.set_root(root);
        graph
    };
    for (node, expected) in [
        (Node::Str("s".into()), false),
        (Node::List(&[]), false),
        (Node::Float(f64::NAN), true),
        (Node::Int(1 << 40), true),
        (Node::Tuple(&[]), true),
    ] {
        assert_eq!(is_isomorphic(&pair(node, true), &pair(node, false)), expected, "{node:?}");
        assert_eq!(is_isomorphic(&pair(node, false), &pair(node, true)), expected, "{node:?}");
    }
}

#[test]
fn cycles_of_different_lengths_are_not_isomorphic() {
    let cycle = |length: usize| {
        let mut graph = Graph::new();
        let first = graph.push(Node::List(&[]));
        let last = (1..length).fold(first, |inner, _| graph.push(Node::List(&[inner])));
        graph.append(first, last);
        graph.set_root(last);
        graph
    };
    for a in 1..5 {
        for b in 1..5 {
            assert_eq!(is_isomorphic(&cycle(a), &cycle(b)), a == b, "{a} {b}");
        }
    }
}

#[test]
fn a_million_nested_lists_are_printed_compared_copied_and_dropped() {
    let mut graph = Graph::new();
    let root = (0..1_000_000).fold(NodeId::NONE, |inner, _| graph.push(Node::List(&[inner])));
    graph.set_root(root);
    assert!(graph.to_string().ends_with("list ...\n"));
    let mut copy = Graph::new();
    let root = copy.graft(&graph, graph.root());
    copy.set_root(root);
    assert!(is_isomorphic(&graph, &copy));
}

#[test]
fn text_in_the_source_is_not_copied_and_other_text_is() {
    let source = Bytes::from_static(b"0123456789");
    let mut graph = Graph::with_source(source.clone());
    let inside = graph.push(Node::Bytes(&source[2..5]));
    let outside = graph.push(Node::Bytes(&source.to_vec()[2..5]));
    let shared = graph.push_shared_bytes(source.slice(2..5));
    let address = source[2..].as_ptr();
    for (id, expected) in [(inside, true), (outside, false), (shared, true)] {
        assert_eq!(graph.node(id), Node::Bytes(b"234"));
        assert_eq!(graph.node(id).as_bytes().unwrap().as_ptr() == address, expected);
        assert_eq!(graph.shared_bytes(id).unwrap().as_ptr() == address, expected);
    }
}

#[test]
fn ints_remember_how_they_were_written_where_it_is_not_the_shortest_way() {
    let mut graph = Graph::new();
    let mut long = |bytes: &[u8]| graph.push_long(bytes);
    let longs = [long(&[]), long(&[5]), long(&[0xff; 3]), long(&[0, 0, 0, 0, 1]), long(&[0xff; 9]), long(&[1; 9])];
    let ints = [0, 5, -1, i64::from(i32::MIN), 1 << 40].map(|value| graph.push_int(value));
    let forms = |ids: &[NodeId]| ids.iter().map(|&id| graph.int_form(id)).collect::<Vec<_>>();
    let values = |ids: &[NodeId]| ids.iter().map(|&id| graph.node(id).as_int()).collect::<Vec<_>>();
    use IntForm::{Int, Long, Shortest};
    assert_eq!(forms(&longs), [Long, Long, Long, Shortest, Shortest, Shortest]);
    assert_eq!(values(&longs), [Some(0), Some(5), Some(-1), Some(1 << 32), Some(-1), None]);
    assert_eq!(forms(&ints), [Shortest, Shortest, Shortest, Shortest, Int]);
}

#[test]
fn names_on_the_stack_are_those_of_a_global() {
    let mut graph = Graph::new();
    let module = graph.push(Node::Str("os".into()));
    let name = graph.push(Node::String(b"system"));
    let global = graph.push_stack_global(module, name).unwrap();
    assert_eq!(graph.node(global).as_global(), Some(("os", "system")));
    assert_eq!(graph.global_strings(global), Some((module, name)));
    graph.map_globals(|_, name| Some(("posix".into(), name.into())));
    assert_eq!(graph.node(global).as_global(), Some(("posix", "system")));
    assert_eq!(graph.global_strings(global), None);
    let bytes = graph.push(Node::Bytes(b"os"));
    for (module, name) in [(bytes, name), (name, NodeId::NONE), (global, name)] {
        assert_eq!(graph.push_stack_global(module, name), None);
    }
}

#[test]
fn replacing_changes_every_holder_and_constants_cannot_be_replaced() {
    let mut graph = Graph::new();
    let old = graph.push(Node::List(&[]));
    let pair = graph.push(Node::Tuple(&[old, old, NodeId::NONE]));
    graph.set_root(pair);
    graph.build(old, NodeId::TRUE);
    graph.replace(old, Node::Int(5)).unwrap();
    assert_eq!(graph.to_string(), "tuple\n  5\n  5\n  None\n");
    assert_eq!(graph.steps(old).count(), 0);
    assert_eq!(graph.replace(NodeId::NONE, Node::Int(5)).unwrap_err().kind(), ErrorKind::Constant);
    let new = graph.push(Node::Str("new".into()));
    graph.replace_references(old, new);
    graph.replace_references(NodeId::NONE, old);
    assert_eq!(graph.to_string(), "tuple\n  'new'\n  'new'\n  5\n");
}

#[test]
fn a_dict_finds_the_last_of_its_equal_keys() {
    let mut graph = Graph::new();
    let key = graph.push(Node::Str("k".into()));
    let dict = graph.push(Node::Dict(&[[key, NodeId::TRUE], [key, NodeId::FALSE]]));
    assert_eq!(graph.get(dict, "k"), Some(NodeId::FALSE));
    graph.insert(dict, "k", NodeId::NONE);
    graph.insert(dict, "l", NodeId::TRUE);
    assert_eq!(graph.get(dict, "k"), Some(NodeId::NONE));
    assert_eq!(graph.get(dict, "l"), Some(NodeId::TRUE));
    assert_eq!(graph.node(dict).as_dict().unwrap().len(), 3);
    assert_eq!(graph.get(key, "k"), None);
}

#[test]
fn numbers_take_no_steps_however_a_pickle_tries() {
    let mut graph = Graph::new();
    let float = graph.push(Node::Float(1.5));
    for id in [float, NodeId::NONE, NodeId::EMPTY_TUPLE] {
        graph.build(id, float);
        graph.append(id, id);
        assert_eq!(graph.steps(id).count(), 0);
    }
    assert_eq!(graph.discarded(), [float; 4]);
    graph.set_root(float);
    assert!(is_isomorphic(&graph, &graph.clone()));
}

#[test]
fn trees_show_all_kinds_on_their_own_lines() {
    let mut graph = Graph::new();
    let root = one_of_each(&mut graph);
    let lost = graph.push(Node::Global { module: "os\n".into(), name: "system".into() });
    graph.set_root(root);
    graph.discard(lost);
    let expected = "\
tuple
  None
  True
  1
  -9223372036854775808
  340282366920938463444927863358058659840
  -0.0
  ''
  string '\\xff'
  b'b'
  bytearray b'a'
  list
    'text'
    'text'
  ()
  tuple
    'text'
    &1 newobj
      class: global os.path.join
      args: &2 tuple
        'text'
      appended
        'text'
        *2
      set
        'text': *2
      build: &3 dict
        'text': global os.path.join
      setter: global os.path.join
      state: *3
  dict
    'text': 'text'
    'text': *1
  set
    'text'
  frozenset
    'text'
  global m.n
  extension 7
  reduce
    callable: global os.path.join
    args: *2
  newobj
    class: global os.path.join
    args: *2
  newobj_ex
    class: global os.path.join
    args: *2
    kwargs: *3
  inst
    class: global os.path.join
    args
      'text'
  obj
    class: global os.path.join
    args
  persistent_id 'p'
  persistent_id
    id: 'text'
  buffer 3 readonly
discarded: global os\\u{a}.system
";
    assert_eq!(graph.to_string(), expected);
    let short = graph.tree(root).max_depth(1).max_items(11).max_text(0).share_leaves(true).to_string();
    assert!(short.contains("\n  ''... (1 bytes)\n") || short.contains("\n  b''... (1 bytes)\n"), "{short}");
    assert!(short.ends_with("\n  list ...\n  ... 15 more\n"), "{short}");
}

#[test]
fn leaves_are_marked_on_request() {
    let mut graph = Graph::new();
    let key = graph.push(Node::Str(Str::new("k")));
    let dict = graph.push(Node::Dict(&[[key, key]]));
    assert_eq!(graph.tree(dict).to_string(), "dict\n  'k': 'k'\n");
    assert_eq!(graph.tree(dict).share_leaves(true).to_string(), "dict\n  &1 'k': *1\n");
}

#[test]
fn steps_keep_their_order_and_equal_kinds_join() {
    let mut graph = Graph::new();
    let class = graph.push(Node::Extension(1));
    let object = graph.push(Node::Obj { class, args: &[] });
    for value in 0..3 {
        let id = graph.push(Node::Int(value));
        graph.append(object, id);
    }
    graph.build(object, NodeId::NONE);
    graph.append(object, NodeId::NONE);
    let items = [0, 1, 2].map(|value| graph.push(Node::Int(value)));
    let expected = [Step::Append(&items), Step::Build(NodeId::NONE), Step::Append(&[NodeId::NONE])];
    assert!(graph.steps(object).eq(expected));
}

#[test]
fn what_a_pickle_put_in_the_memo_is_known_of_the_nodes_that_were_read() {
    let mut graph = Graph::new();
    let [a, b] = [graph.push(Node::Str("a".into())), graph.push(Node::Str("b".into()))];
    assert_eq!(graph.is_memoized(a), None);
    graph.set_memoized(a);
    graph.set_pickler(Pickler::CPickle);
    let later = graph.push(Node::Str("c".into()));
    assert_eq!([a, b, later].map(|id| graph.is_memoized(id)), [Some(true), Some(false), None]);
}
