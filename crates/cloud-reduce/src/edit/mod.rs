//! Editing what cloudpickle means, in the graph that a pickle was read into. What is not edited stays as it is, and so do its bytes.

mod class;
mod function;

pub use class::ClassMut;
pub use function::FunctionMut;

use std::collections::HashMap;

use pickle_graph::{Graph, Node, NodeId, Step};

use crate::{Dialect, Error, Model, Models, Reconstructor, model::Callee};

/// Lets all that copies of cloudpickle wrote into a graph look as if another copy had: pickles that a Spark driver made load where
/// there is only cloudpickle, and the other way round. Gives the number of names that are others now.
///
/// Beam's state setters, which are partials that only Beam's own copy can call, become plain ones. [`Dialect::Other`] has no
/// module to name: nothing is changed then. What is named in a copy's module and is no reconstructor stays: it is a reference to
/// that very module.
///
/// ```
/// use cloud_reduce::{Dialect, dialects, switch_dialect};
///
/// let mut graph = pickle_parse::graph(std::fs::read("tests/data/lambda.pkl")?)?;
/// assert_eq!(switch_dialect(&mut graph, Dialect::PySpark), 3);
/// assert_eq!(dialects(&graph), [Dialect::PySpark]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// As [`Graph::push`] does.
pub fn switch_dialect(graph: &mut Graph, to: Dialect) -> usize {
    let setters: Vec<(NodeId, Reconstructor)> = graph
        .ids()
        .filter_map(|id| match (graph.node(id), Callee::of(graph, id)) {
            (Node::Reduce { .. }, Callee::Reconstructor(from, reconstructor)) if from != to => Some((id, reconstructor)),
            _ => None,
        })
        .collect();
    let mut changed = 0;
    for (id, reconstructor) in setters {
        if let Some(module) = to.module()
            && graph.replace(id, Node::Global { module: module.into(), name: reconstructor.name().into() }).is_ok()
        {
            changed += 1;
        }
    }
    graph.map_globals(|module, name| {
        let (from, _) = Reconstructor::from_global(module, name)?;
        let new = to.module_for(module).filter(|new| from != to && *new != module)?;
        changed += 1;
        Some((new.to_owned(), name.to_owned()))
    });
    changed
}

/// Where a class's attributes have the module's name.
const CLASS_KEYS: &[&str] = &["__module__"];

/// Renames a module and all that is in it: in the names of globals and of imported modules, in what functions, classes and enums
/// say of their `__module__`, and in the `__name__` and `__package__` of functions' globals. Gives the number of places.
///
/// ```
/// use cloud_reduce::{functions, rename_module};
///
/// let mut graph = pickle_parse::graph(std::fs::read("tests/data/lambda.pkl")?)?;
/// rename_module(&mut graph, "__main__", "jobs.daily")?;
/// assert_eq!(functions(&graph).next().unwrap()?.module.unwrap(), "jobs.daily");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Where a model of the graph is what no cloudpickle writes; nothing is renamed then.
///
/// # Panics
///
/// As [`Graph::push`] does.
pub fn rename_module(graph: &mut Graph, from: &str, to: &str) -> Result<usize, Error> {
    let renamed = |module: &str| -> Option<String> {
        let rest = module.strip_prefix(from)?;
        (rest.is_empty() || rest.starts_with('.')).then(|| format!("{to}{rest}"))
    };
    // Dicts, by what of them may be a module's name, and calls, by which argument is. Many functions share one dict of globals.
    let (mut dicts, mut calls) = (Vec::new(), Vec::new());
    let models = Models::new(graph);
    for model in models.iter() {
        match model? {
            Model::Function(function) => {
                dicts.push((function.base_globals.id(), &["__name__", "__package__"][..]));
                if let Some((slots, form)) = function::slots(graph, &function) {
                    dicts.push((slots, form.module_keys()));
                }
            }
            Model::IdentifiedFunction(function) => {
                dicts.push((function.parts.base_globals, &["__name__", "__package__"][..]));
                calls.push((function.id, 0));
                let states = models.graph().steps(function.id).filter_map(|step| match step {
                    Step::SetState { state, .. } => models.graph().node(state).as_tuple()?.get(1).copied(),
                    _ => None,
                });
                dicts.extend(states.map(|slots| (slots, CLASS_KEYS)));
            }
            Model::Class(class) => dicts.extend([class.type_kwargs.id(), class.attributes.id()].map(|id| (id, CLASS_KEYS))),
            Model::Enum(class) => {
                calls.push((class.id, 4));
                dicts.push((class.attributes.id(), CLASS_KEYS));
            }
            Model::Module(module) => calls.push((module.id, 0)),
            _ => {}
        }
    }
    dicts.sort_unstable();
    dicts.dedup();
    let mut places: Vec<(NodeId, usize)> = Vec::new();
    for (dict, keys) in dicts {
        let items = graph.node(dict).as_dict().unwrap_or_default().iter().enumerate();
        let named = items.filter(|(_, [key, _])| graph.node(*key).as_str().is_some_and(|key| keys.contains(&key)));
        places.extend(named.map(|(index, _)| (dict, 2 * index + 1)));
    }
    places.extend(calls.into_iter().filter_map(|(call, index)| match graph.node(call) {
        Node::Reduce { args, .. } => Some((args, index)),
        _ => None,
    }));
    places.sort_unstable();
    places.dedup();
    let mut texts: HashMap<String, NodeId> = HashMap::new();
    let mut changed = 0;
    for (container, index) in places {
        let Some(&old) = graph.items_mut(container).get(index) else { continue };
        let Some(new) = graph.node(old).as_str().and_then(renamed) else { continue };
        let new = *texts.entry(new).or_insert_with_key(|text| graph.push(Node::Str(text.into())));
        graph.items_mut(container)[index] = new;
        changed += 1;
    }
    graph.map_globals(|module, name| {
        let module = renamed(module)?;
        changed += 1;
        Some((module, name.to_owned()))
    });
    Ok(changed)
}

/// Takes the tracker ids from all classes, enums and type variables, so that loading makes new ones each time instead of finding
/// those that the process already has. Gives the number of ids.
pub fn drop_tracker_ids(graph: &mut Graph) -> usize {
    let ids: Vec<(NodeId, usize)> = graph.ids().filter_map(|id| tracker_place(graph, id)).collect();
    let mut dropped = 0;
    for (args, index) in ids {
        if let Some(id) = graph.items_mut(args).get_mut(index).filter(|id| **id != NodeId::NONE) {
            *id = NodeId::NONE;
            dropped += 1;
        }
    }
    dropped
}

/// The tuple of arguments that has a tracker id, and at which place, where a node is a call that takes one.
fn tracker_place(graph: &Graph, id: NodeId) -> Option<(NodeId, usize)> {
    let Node::Reduce { args, .. } = graph.node(id) else { return None };
    match Callee::of_call(graph, id)?.0 {
        Callee::Reconstructor(_, Reconstructor::MakeSkeletonClass) => Some((args, 4)),
        Callee::Reconstructor(_, Reconstructor::MakeSkeletonEnum | Reconstructor::MakeTypevar) => Some((args, 5)),
        _ => None,
    }
}
