//! [`Summary`]: what a report tells, in plain values.

use pickle_graph::{NodeId, Str};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Finding, Needs, Object, Report, SizeTree, shown};
use crate::{Attributes, Class, Dialect, Enum, Function, IdentifiedFunction, MethodDescriptor, MethodKind, Policy, Property};

/// What a [`Report`] tells, in plain values that need neither it nor its graph: objects as short texts, as Python writes them. With
/// the feature `serde` it can be serialized; `pkl inspect --json` and, from Python, `cloudpickle_rs.inspect` give it.
///
/// ```
/// use cloud_reduce::{Policy, Report};
///
/// let summary = Report::of(std::fs::read("tests/data/lambda.pkl")?).summary(&Policy::cloudpickle());
/// let [function] = &summary.functions[..] else { panic!() };
/// assert_eq!((&*function.signature, &*function.file, function.line), ("<lambda>(x)", "make.py", 283));
/// assert_eq!(function.globals.get("CONSTANT"), Some("42"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Its texts have at most [`TEXT_PER_BYTE`](Summary::TEXT_PER_BYTE) bytes for each byte of the pickle, so that one in which many
/// functions share what is long does not become many times as long.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Summary {
    /// The protocol of the pickle.
    pub protocol: u8,
    /// How many bytes the pickle has: [`Report::length`].
    pub bytes: usize,
    /// The versions of Python that may have made it, the oldest first: `CPython 3.13`.
    pub python: Vec<String>,
    /// Why it cannot be executed to its end.
    pub error: Option<String>,
    /// What loading it does beside making plain data, in order.
    pub loading: Vec<LoadingStep>,
    /// The functions that it carries by value.
    pub functions: Vec<CarriedFunction>,
    /// The functions that it carries without their code.
    pub identified_functions: Vec<CarriedIdentifiedFunction>,
    /// The classes that it carries by value, but enums.
    pub classes: Vec<CarriedClass>,
    /// The enums that it carries by value.
    pub enums: Vec<CarriedEnum>,
    /// What is wrong with functions, classes and enums that no cloudpickle writes.
    pub unread: Vec<String>,
    /// Whether texts of what it carries are left out, for there are more than there may be.
    pub is_cut: bool,
    /// Where its bytes go: what takes a hundredth of them or more.
    pub sizes: SizeTree,
    /// What the policy does not allow.
    pub findings: Vec<Finding>,
}

/// Something that loading a pickle does.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LoadingStep {
    /// Where, in bytes from the start of the pickle.
    pub offset: u64,
    /// What: [`Report::describe`].
    pub text: String,
}

/// A function that a pickle carries by value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CarriedFunction {
    /// `__name__`.
    pub name: String,
    /// `__qualname__`.
    pub qualname: Option<String>,
    /// `__module__`.
    pub module: Option<String>,
    /// What `def` has of it: [`Report::signature`].
    pub signature: String,
    /// `__doc__`.
    pub doc: Option<String>,
    /// `__defaults__`: of the last positional parameters.
    pub defaults: Vec<String>,
    /// `__kwdefaults__`: of keyword-only parameters.
    pub kwdefaults: NamedTexts,
    /// `__annotations__`.
    pub annotations: NamedTexts,
    /// Its own attributes, its `__dict__`.
    pub attributes: NamedTexts,
    /// The globals that the pickle has of those that its code names.
    pub globals: NamedTexts,
    /// The variables that it has from the function around it.
    pub cells: Vec<CarriedCell>,
    /// The modules that are imported for it since they are below a package that it refers to.
    pub submodules: Vec<String>,
    /// What it takes from where it runs.
    pub needs: Needs,
    /// `co_filename`: the source file.
    pub file: String,
    /// `co_firstlineno`: where it begins there.
    pub line: i32,
    /// How many bytes it takes with all that it holds and nothing before it held.
    pub bytes: u64,
    /// The module of whose cloudpickle wrote it, where that is a known one.
    pub written_by: Option<&'static str>,
}

/// A function that a pickle carries but for its code, which is found by an identifier where it is loaded: Beam's.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CarriedIdentifiedFunction {
    /// `__name__`.
    pub name: String,
    /// `__qualname__`.
    pub qualname: String,
    /// `__module__`.
    pub module: Option<String>,
    /// What finds the code.
    pub finder: String,
    /// Where the code is: [`IdentifiedFunction::identifier`].
    pub identifier: String,
    /// `__defaults__`: of the last positional parameters.
    pub defaults: Vec<String>,
    /// The globals that the pickle has of those that its code names.
    pub globals: NamedTexts,
    /// How many bytes it takes with all that it holds and nothing before it held.
    pub bytes: u64,
    /// The module of whose cloudpickle wrote it, where that is a known one.
    pub written_by: Option<&'static str>,
}

/// A variable that a function has from the function around it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CarriedCell {
    /// The variable's name.
    pub name: String,
    /// What is in the cell, unless it is empty.
    pub value: Option<String>,
    /// The number of the cell, which functions that share it have in common; `None` where a pickle has only what is in it.
    pub cell: Option<usize>,
}

/// A class that a pickle carries by value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CarriedClass {
    /// `__name__`.
    pub name: String,
    /// `__qualname__`, where the pickle has it.
    pub qualname: Option<String>,
    /// `__module__`.
    pub module: Option<String>,
    /// What makes it.
    pub metaclass: String,
    /// Its bases, or what `__orig_bases__` has.
    pub bases: Vec<String>,
    /// `__doc__`.
    pub doc: Option<String>,
    /// What of its attributes is called: by name, what each is.
    pub methods: Vec<CarriedMethod>,
    /// All its attributes, methods among them.
    pub attributes: NamedTexts,
    /// By which a process knows it again.
    pub tracker_id: Option<String>,
    /// How many bytes it takes with all that it holds and nothing before it held.
    pub bytes: u64,
    /// The module of whose cloudpickle wrote it, where that is a known one.
    pub written_by: Option<&'static str>,
}

/// An enum that a pickle carries by value.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CarriedEnum {
    /// `__name__`.
    pub name: String,
    /// `__qualname__`.
    pub qualname: Option<String>,
    /// `__module__`.
    pub module: Option<String>,
    /// Its bases, the last of which is an enum.
    pub bases: Vec<String>,
    /// Its members and their values, without aliases.
    pub members: NamedTexts,
    /// What of its attributes is called.
    pub methods: Vec<CarriedMethod>,
    /// Its other attributes, methods among them.
    pub attributes: NamedTexts,
    /// By which a process knows it again.
    pub tracker_id: Option<String>,
    /// How many bytes it takes with all that it holds and nothing before it held.
    pub bytes: u64,
    /// The module of whose cloudpickle wrote it, where that is a known one.
    pub written_by: Option<&'static str>,
}

/// An attribute of a class that is called.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CarriedMethod {
    /// The attribute's name.
    pub name: String,
    /// `method`, `classmethod`, `staticmethod` or `property`.
    pub kind: &'static str,
}

/// Short texts for objects, each by a name; serialized as a map.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NamedTexts(Vec<(String, String)>);

impl NamedTexts {
    /// The text of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(found, text)| (found == name).then_some(text))
    }

    /// Names and texts, in the pickle's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (&**name, &**text))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for NamedTexts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Summary {
    /// How many bytes of text there may be for each byte of the pickle. What cloudpickle writes comes to one or two.
    pub const TEXT_PER_BYTE: usize = 32;

    pub(super) fn of(report: &Report, policy: &Policy) -> Summary {
        let mut telling = Telling {
            report,
            room: report.length().saturating_mul(Self::TEXT_PER_BYTE),
            is_cut: false,
            functions: FxHashSet::default(),
        };
        let mut unread = Vec::new();
        let functions: Vec<Function<'_>> = read(report.functions(), &mut unread);
        telling.functions = functions.iter().flat_map(|function| [Some(function.id), function.fill]).flatten().collect();
        let functions = functions.iter().map(|function| telling.function(function)).collect();
        let identified = read(report.identified_functions(), &mut unread);
        let identified_functions = identified.iter().map(|function| telling.identified_function(function)).collect();
        let classes = read(report.classes(), &mut unread).iter().map(|class| telling.class(class)).collect();
        let enums = read(report.enums(), &mut unread).iter().map(|class| telling.enumeration(class)).collect();
        Summary {
            protocol: report.protocol().version(),
            bytes: report.length(),
            python: report.python().iter().map(|(implementation, version)| format!("{implementation} {version}")).collect(),
            error: report.error().map(ToString::to_string),
            loading: report
                .events()
                .iter()
                .map(|event| LoadingStep { offset: event.offset, text: report.describe(event) })
                .collect(),
            functions,
            identified_functions,
            classes,
            enums,
            unread,
            is_cut: telling.is_cut,
            sizes: report.size_tree(report.sizes().pickle().div_ceil(100)),
            findings: report.findings(policy),
        }
    }
}

/// What could be read of models; the errors of the others are noted.
fn read<T>(models: impl Iterator<Item = Result<T, crate::Error>>, unread: &mut Vec<String>) -> Vec<T> {
    models.filter_map(|model| model.map_err(|error| unread.push(error.to_string())).ok()).collect()
}

/// Makes a summary, as long as there is room.
struct Telling<'r> {
    report: &'r Report,
    /// How many bytes of text there may still be.
    room: usize,
    is_cut: bool,
    /// The functions that the pickle carries, by all nodes that are one.
    functions: FxHashSet<NodeId>,
}

impl Telling<'_> {
    /// Whether there is room for a text of so many bytes, which is taken then. An empty one takes room too.
    fn has_room(&mut self, len: usize) -> bool {
        match self.room.checked_sub(len.saturating_add(1)) {
            Some(room) => self.room = room,
            None => (self.room, self.is_cut) = (0, true),
        }
        !self.is_cut
    }

    fn text(&mut self, text: Str<'_>) -> String {
        if self.has_room(text.len()) { text.to_string() } else { String::new() }
    }

    fn optional(&mut self, text: Option<Str<'_>>) -> Option<String> {
        text.map(|text| self.text(text))
    }

    /// Short texts for objects.
    fn shown(&mut self, objects: &[NodeId], show: impl Fn(NodeId) -> String) -> Vec<String> {
        let mut texts = Vec::new();
        for &object in objects {
            let text = show(object);
            if !self.has_room(text.len()) {
                break;
            }
            texts.push(text);
        }
        texts
    }

    /// Short texts for what names name. Of a name that is there twice, the last counts, as in Python.
    fn named(&mut self, attributes: Attributes<'_>, show: impl Fn(NodeId) -> String) -> NamedTexts {
        let mut texts: Vec<(String, String)> = Vec::new();
        let mut places = FxHashMap::default();
        for (name, value) in attributes.iter() {
            let text = show(value);
            if !self.has_room(name.len() + text.len()) {
                break;
            }
            let place = *places.entry(name).or_insert(texts.len());
            match texts.get_mut(place) {
                Some((_, known)) => *known = text,
                None => texts.push((name.to_string(), text)),
            }
        }
        NamedTexts(texts)
    }

    fn needs(&mut self, function: &Function<'_>) -> Needs {
        if self.is_cut {
            return Needs::default();
        }
        let needs = self.report.needs(function);
        let names = [&needs.modules, &needs.globals, &needs.builtins, &needs.attributes];
        let len = names.into_iter().flatten().map(String::len).sum();
        if self.has_room(len) { needs } else { Needs::default() }
    }

    fn function(&mut self, function: &Function<'_>) -> CarriedFunction {
        let report = self.report;
        let (show, expression) = (|id| report.show(id), |id| shown::expression(report.graph(), id));
        let mut cells = Vec::new();
        for captured in function.closure().flatten() {
            let value = captured.cell.contents.map(show);
            if !self.has_room(captured.name.len() + value.as_ref().map_or(0, String::len)) {
                break;
            }
            cells.push(CarriedCell { name: captured.name.to_string(), value, cell: captured.cell.id.and_then(NodeId::index) });
        }
        let mut signature = String::new();
        if !self.is_cut {
            signature = report.signature(function);
            if !self.has_room(signature.len()) {
                signature.clear();
            }
        }
        CarriedFunction {
            name: self.text(function.name),
            qualname: self.optional(function.qualname),
            module: self.optional(function.module),
            signature,
            doc: function.doc.map(|doc| self.doc(doc)),
            defaults: self.shown(function.defaults, show),
            kwdefaults: self.named(function.kwdefaults, show),
            annotations: self.named(function.annotations, expression),
            attributes: self.named(function.dict, show),
            globals: self.named(function.globals, show),
            cells,
            submodules: self.shown(function.submodules, |id| match Object::of(report.graph(), id) {
                Object::Module(name) => name.into_owned(),
                _ => report.show(id),
            }),
            needs: self.needs(function),
            file: self.text(function.code.filename()),
            line: function.code.firstlineno(),
            bytes: report.sizes().total(function.id),
            written_by: function.dialect.and_then(Dialect::module),
        }
    }

    fn identified_function(&mut self, function: &IdentifiedFunction<'_>) -> CarriedIdentifiedFunction {
        let report = self.report;
        let show = |id| report.show(id);
        CarriedIdentifiedFunction {
            name: self.text(function.name),
            qualname: self.text(function.qualname),
            module: self.optional(function.module),
            finder: shown::expression(report.graph(), function.finder),
            identifier: self.text(function.identifier),
            defaults: self.shown(function.defaults, show),
            globals: self.named(function.globals, show),
            bytes: report.sizes().total(function.id),
            written_by: function.dialect.module(),
        }
    }

    /// The documentation: its text, or what else it is.
    fn doc(&mut self, doc: NodeId) -> String {
        match self.report.graph().node(doc) {
            pickle_graph::Node::Str(text) => self.text(text),
            _ => self.report.show(doc),
        }
    }

    fn class(&mut self, class: &Class<'_>) -> CarriedClass {
        let report = self.report;
        let expression = |id| shown::expression(report.graph(), id);
        CarriedClass {
            name: self.text(class.name),
            qualname: class.attributes.get("__qualname__").and_then(|id| self.str(id)),
            module: class.module().and_then(|id| self.str(id)),
            metaclass: expression(class.metaclass),
            bases: self.shown(class.bases, expression),
            doc: class.doc().map(|doc| self.doc(doc)),
            methods: self.methods(class.attributes),
            attributes: self.named(class.attributes, |id| report.show(id)),
            tracker_id: self.optional(class.tracker_id),
            bytes: report.sizes().total(class.id),
            written_by: class.dialect.module(),
        }
    }

    fn enumeration(&mut self, class: &Enum<'_>) -> CarriedEnum {
        let report = self.report;
        let (show, expression) = (|id| report.show(id), |id| shown::expression(report.graph(), id));
        CarriedEnum {
            name: self.text(class.name),
            qualname: self.optional(class.qualname),
            module: self.optional(class.module),
            bases: self.shown(class.bases, expression),
            members: self.named(class.members, show),
            methods: self.methods(class.attributes),
            attributes: self.named(class.attributes, show),
            tracker_id: self.optional(class.tracker_id),
            bytes: report.sizes().total(class.id),
            written_by: class.dialect.module(),
        }
    }

    /// The text of an object that should be a string.
    fn str(&mut self, id: NodeId) -> Option<String> {
        match self.report.graph().node(id) {
            pickle_graph::Node::Str(text) => Some(self.text(text)),
            _ => None,
        }
    }

    fn methods(&mut self, attributes: Attributes<'_>) -> Vec<CarriedMethod> {
        let graph = self.report.graph();
        let mut methods = Vec::new();
        for (name, value) in attributes.iter() {
            let kind = match MethodDescriptor::read(graph, value) {
                Ok(MethodDescriptor { kind: MethodKind::Class, .. }) => "classmethod",
                Ok(MethodDescriptor { kind: MethodKind::Static, .. }) => "staticmethod",
                Err(_) if self.functions.contains(&value) => "method",
                Err(_) if Property::read(graph, value).is_ok() => "property",
                Err(_) => continue,
            };
            if !self.has_room(name.len()) {
                break;
            }
            methods.push(CarriedMethod { name: name.to_string(), kind });
        }
        methods
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_functions_share_does_not_make_a_summary_long() {
        // Functions of one code object and one state, whose globals have a thousand names.
        let lambda = std::fs::read("tests/data/lambda.pkl").unwrap();
        let graph = pickle_parse::graph(lambda).unwrap();
        let mut graph = graph;
        let (function, parts) = {
            let function = crate::functions(&graph).next().unwrap().unwrap();
            (function.id, function.parts().unwrap())
        };
        let long = "x".repeat(1000);
        for number in 0..1000 {
            graph.insert(parts.globals, &format!("{long}{number}"), NodeId::NONE);
        }
        let pickle_graph::Node::Reduce { callable, args } = graph.node(function) else { panic!() };
        let list = graph.push(pickle_graph::Node::List(&[]));
        let Some(pickle_graph::Step::SetState { setter, state }) = graph.steps(function).next() else { panic!() };
        for _ in 0..200 {
            let copy = graph.push(pickle_graph::Node::Reduce { callable, args });
            graph.set_state(copy, setter, state);
            graph.append(list, copy);
        }
        graph.set_root(list);
        let report = Report::of(pickle_emit::graph_to_vec(&graph).unwrap());
        let summary = report.summary(&Policy::cloudpickle());
        assert_eq!(summary.functions.len(), 200);
        let texts =
            |function: &CarriedFunction| function.globals.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>();
        assert!(summary.functions.iter().map(texts).sum::<usize>() <= report.length() * Summary::TEXT_PER_BYTE);
        assert!(summary.is_cut && summary.functions[0].globals.iter().len() == 1001);
    }
}
