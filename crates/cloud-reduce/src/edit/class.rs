//! [`ClassMut`]: a class or an enum that is edited in its graph.

use pickle_graph::{Graph, Node, NodeId};

use super::{function::remove, tracker_place};
use crate::{Class, Enum, Error, ErrorKind, ToNode};

/// A class or an enum in a graph, to be edited there. Whatever refers to it goes on to.
///
/// ```
/// use cloud_reduce::{ClassMut, classes};
///
/// let name = "tests/data/cpython-3.13-cloudpickle-3.1.2-protocol-5.pkl";
/// let mut graph = pickle_parse::graph(std::fs::read(name)?)?;
/// let id = classes(&graph).next().unwrap()?.id;
/// let mut class = ClassMut::new(&mut graph, id)?;
/// class.set_attribute("number", 2)?;
/// class.set_tracker_id(None);
/// assert_eq!(classes(&graph).next().unwrap()?.tracker_id, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// All of its methods as [`Graph::push`] does.
#[derive(Debug)]
pub struct ClassMut<'g> {
    graph: &'g mut Graph,
    id: NodeId,
    /// The dict of its attributes, or `None`'s id.
    attributes: NodeId,
}

impl<'g> ClassMut<'g> {
    /// The class or the enum that a node is.
    ///
    /// # Errors
    ///
    /// Those of [`Class::read`].
    pub fn new(graph: &'g mut Graph, id: NodeId) -> Result<ClassMut<'g>, Error> {
        let (id, attributes) = match Enum::read(graph, id) {
            Ok(class) => (class.id, class.attributes.id()),
            Err(error) if !matches!(error.kind(), ErrorKind::NotThis { .. }) => return Err(error),
            Err(_) => {
                let class = Class::read(graph, id)?;
                (class.id, class.attributes.id())
            }
        };
        Ok(ClassMut { graph, id, attributes })
    }

    /// The class's node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The graph, in which new values can be made.
    #[must_use]
    pub fn graph(&mut self) -> &mut Graph {
        self.graph
    }

    /// Sets an attribute: a method, a class variable, `__doc__`, ...
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Missing`] where the pickle gives the class no attributes at all.
    pub fn set_attribute(&mut self, name: &str, value: impl ToNode) -> Result<(), Error> {
        if self.attributes == NodeId::NONE {
            return Err(Error::new(ErrorKind::Missing, Class::MODEL, self.id, "attributes"));
        }
        let value = value.to_node(self.graph);
        self.graph.insert(self.attributes, name, value);
        Ok(())
    }

    /// Takes an attribute away. Whether there was one.
    pub fn remove_attribute(&mut self, name: &str) -> bool {
        remove(self.graph, self.attributes, name)
    }

    /// Sets by which id a process knows the class again; none makes it anew each time that it is loaded. Releases before 1.1 have
    /// no such ids: nothing is set then.
    pub fn set_tracker_id(&mut self, id: Option<&str>) {
        let Some((args, index)) = tracker_place(self.graph, self.id) else { return };
        let id = id.map_or(NodeId::NONE, |id| self.graph.push(Node::Str(id.into())));
        if let Some(place) = self.graph.items_mut(args).get_mut(index) {
            *place = id;
        }
    }
}
