//! Calls: of any object with any arguments, as what is loaded or as a task to run later.

use pickle_graph::{Node, NodeId};

use super::Writer;

impl Writer<'_> {
    /// What `callable(*args, **kwargs)` returns, when it is loaded: with keyword arguments a call of a
    /// [`partial`](Writer::partial), since a pickle's own calls have none.
    ///
    /// ```
    /// use cloud_reduce::{Dialect, Writer};
    /// use pickle_graph::Graph;
    /// use pickle_opcodes::Protocol;
    ///
    /// let mut graph = Graph::new();
    /// graph.set_protocol(Protocol::V2);
    /// let mut writer = Writer::new(&mut graph, Dialect::Cloudpickle);
    /// let print = writer.global("builtins", "print");
    /// let (text, end) = (writer.value("squares"), writer.value("!"));
    /// let call = writer.call(print, &[text], &[("end", end)]);
    /// graph.set_root(call);
    /// // pickle.loads(pickle) prints "squares!".
    /// let pickle = pickle_emit::graph_to_vec(&graph)?;
    /// # assert_eq!(pickle.len(), 102);
    /// # Ok::<(), pickle_emit::Error>(())
    /// ```
    pub fn call(&mut self, callable: NodeId, args: &[NodeId], kwargs: &[(&str, NodeId)]) -> NodeId {
        if kwargs.is_empty() {
            return self.reduce(callable, args);
        }
        let partial = self.partial(callable, args, kwargs);
        self.reduce(partial, &[])
    }

    /// A `functools.partial` of an object with some of its arguments.
    pub fn partial(&mut self, function: NodeId, args: &[NodeId], kwargs: &[(&str, NodeId)]) -> NodeId {
        let callable = self.global("functools", "partial");
        let partial = self.reduce(callable, &[function]);
        let (args, kwargs) = (self.tuple(args), self.keywords(kwargs));
        let state = self.tuple(&[function, args, kwargs, NodeId::NONE]);
        self.graph.build(partial, state);
        partial
    }

    /// A call that is not made when it is loaded: a tuple of a function, the tuple of its arguments and the dict of its keyword
    /// arguments, which the reader calls as `function(*args, **kwargs)`.
    pub fn task(&mut self, function: NodeId, args: &[NodeId], kwargs: &[(&str, NodeId)]) -> NodeId {
        let (args, kwargs) = (self.tuple(args), self.keywords(kwargs));
        self.tuple(&[function, args, kwargs])
    }

    fn keywords(&mut self, kwargs: &[(&str, NodeId)]) -> NodeId {
        let items: Vec<[NodeId; 2]> = kwargs.iter().map(|&(name, value)| [self.text(name), value]).collect();
        self.graph.push(Node::Dict(&items))
    }
}
