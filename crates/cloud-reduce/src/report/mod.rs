//! [`Report`]: what a pickle is and does, read without running it.

mod callables;
mod expansion;
mod finding;
mod hooks;
mod joblib;
mod judge;
mod listing;
mod meaning;
mod needs;
mod resolve;
mod shown;
mod sizes;
mod summary;
mod trace;
mod tree;

use std::sync::OnceLock;

use bytes::Bytes;
use pickle_graph::{Graph, Node, NodeId};
use pickle_opcodes::Protocol;
use pickle_parse::Error;

pub use finding::{Finding, FindingKind};
pub(crate) use judge::findings;
pub use listing::ListedInstruction;
use needs::CodeNames;
pub use needs::Needs;
pub use resolve::{Name, Object};
pub use sizes::Sizes;
pub use summary::{
    CarriedCell, CarriedClass, CarriedEnum, CarriedFunction, CarriedIdentifiedFunction, CarriedMethod, LoadingStep, NamedTexts,
    Summary,
};
pub(crate) use trace::Trace;
pub use trace::{Action, Event};
pub use tree::SizeTree;

use crate::{
    Class, Code, Enum, Function, IdentifiedFunction, Implementation, Policy, PythonVersion, ScanLimits, classes, enums,
    functions, identified_functions, scan::Budget,
};

/// What a pickle is and does: what loading it would import, call and set, in order; what it carries by value and what that needs;
/// where its bytes go; and what of it a [`Policy`] does not allow. Nothing is imported and nothing is called.
///
/// `lambda.pkl` is what `cloudpickle.dumps(lambda x: x ** 2 + CONSTANT)` gave:
///
/// ```
/// use cloud_reduce::{Policy, Report};
///
/// let report = Report::of(std::fs::read("tests/data/lambda.pkl")?);
/// let function = report.functions().next().unwrap()?;
/// assert_eq!(report.needs(&function).globals, ["CONSTANT"]);
/// assert_eq!(report.python()[0].1.to_string(), "3.13");
/// assert_eq!(report.findings(&Policy::cloudpickle()), []);
///
/// let calls: Vec<_> = report.actions().filter(|line| line.contains("calls")).collect();
/// assert_eq!(calls[0], "calls cloudpickle.cloudpickle._builtin_type('CodeType')");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A pickle that is broken is reported as far as it goes: loading it does what stands before the error.
#[derive(Debug)]
pub struct Report {
    trace: Trace,
    sizes: Sizes,
    start: u64,
    python: OnceLock<Vec<(Implementation, PythonVersion)>>,
    names: OnceLock<CodeNames>,
}

impl Report {
    /// Reads the pickle that `data` begins with, the one that `pickle.loads` loads. What stands behind it is not looked at:
    /// [`all`](Report::all) is for data that holds several. It takes time and memory in proportion to the data.
    #[must_use]
    pub fn of(data: impl Into<Bytes>) -> Report {
        Self::at(&data.into(), 0)
    }

    /// Reads the pickles that stand in data one behind the other, as a file has them that a `Pickler` wrote to several times.
    ///
    /// ```
    /// use cloud_reduce::{Policy, Report};
    ///
    /// let reports: Vec<Report> = Report::all(&b"K\x01.cos\nsystem\n)R. and no pickle"[..]).collect();
    /// assert_eq!(reports.iter().map(|report| (report.start(), report.length())).collect::<Vec<_>>(), [(0, 3), (3, 14)]);
    /// assert_eq!(reports[1].findings(&Policy::plain())[0].to_string(), "calls os.system() at byte 12");
    /// ```
    ///
    /// There is always a first one, broken as it may be. A later one that is broken is the last; where it does nothing before its
    /// error and does not begin with `PROTO` either, what is there counts as no pickle, and is left out. Offsets are from the
    /// start of each pickle.
    pub fn all(data: impl Into<Bytes>) -> impl Iterator<Item = Report> {
        let data = data.into();
        let mut position = Some(0);
        std::iter::from_fn(move || {
            let start = position.take().filter(|&start| start == 0 || start < data.len())?;
            let rest = data.slice(start..);
            let report = Self::at(&rest, start as u64);
            match report.error() {
                None => position = Some(start + report.length()),
                Some(_) if start > 0 && report.events().is_empty() && !begins_with_proto(&rest) => return None,
                Some(_) => {}
            }
            Some(report)
        })
    }

    /// Reads the pickle that `data` begins with, which stands at an offset of other data.
    fn at(data: &Bytes, start: u64) -> Report {
        let trace = Trace::run_with_sizes(data);
        let sizes = Sizes::new(&trace.graph, &trace.own_bytes, trace.length);
        Report { trace, sizes, start, python: OnceLock::new(), names: OnceLock::new() }
    }

    /// The objects. Names of Python 2 have become those of Python 3. Of a broken pickle the root is `None`.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.trace.graph
    }

    /// The protocol of the pickle.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.trace.graph.protocol()
    }

    /// Where the pickle begins in the data that [`all`](Report::all) was given, in bytes.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// How many bytes the pickle has, through `STOP`; of a broken one, how many stand before the op that cannot be executed.
    #[must_use]
    pub fn length(&self) -> usize {
        self.trace.length
    }

    /// Why the pickle cannot be executed to its end.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.trace.error.as_ref()
    }

    /// What loading does beside making plain data, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.trace.events
    }

    /// The events in words, in order: `imports os.system`, `calls os.system('echo hello')`, ...
    pub fn actions(&self) -> impl Iterator<Item = String> {
        self.events().iter().map(|event| self.describe(event))
    }

    /// An event in words.
    #[must_use]
    pub fn describe(&self, event: &Event) -> String {
        let graph = self.graph();
        let arguments = |args: NodeId| shown::arguments(graph, graph.node(args).as_tuple().unwrap_or_default());
        let object = |id| shown::object(graph, id);
        match (event.action, graph.node(event.node)) {
            (Action::Import, Node::Extension(code)) => format!("imports by extension code {code}"),
            (Action::Import, _) => format!("imports {}", object(event.node)),
            (Action::ImportComputed, Node::Reduce { args, .. }) => format!("imports by the names {}", arguments(args)),
            (Action::Call, Node::Reduce { callable, args }) => format!("calls {}({})", object(callable), arguments(args)),
            (Action::Call, Node::Inst { class, args } | Node::Obj { class, args }) => {
                format!("calls {}({})", object(class), shown::arguments(graph, args))
            }
            (Action::New, Node::NewObj { class, .. } | Node::NewObjEx { class, .. }) => format!("makes {}", object(class)),
            (Action::Persistent, _) => "asks for a persistent id".to_owned(),
            (Action::SetState { state }, _) => format!("sets the state of {}: {}", object(event.node), object(state)),
            (Action::AddItems { method }, _) => format!("gives items to {} by {method}", object(event.node)),
            (Action::ImportComputed | Action::Call | Action::New, _) => format!("makes {}", object(event.node)),
        }
    }

    /// What a policy does not allow, in the order in which loading does it. An error is the last.
    #[must_use]
    pub fn findings(&self, policy: &Policy) -> Vec<Finding> {
        findings(&self.trace, policy, 0, &Budget::new(&ScanLimits::DEFAULT, self.length() as u64))
    }

    /// The functions that it carries by value; each is an error where its parts are what no cloudpickle writes.
    pub fn functions(&self) -> impl Iterator<Item = Result<Function<'_>, crate::Error>> {
        functions(self.graph())
    }

    /// The functions that it carries without their code.
    pub fn identified_functions(&self) -> impl Iterator<Item = Result<IdentifiedFunction<'_>, crate::Error>> {
        identified_functions(self.graph())
    }

    /// The classes that it carries by value.
    pub fn classes(&self) -> impl Iterator<Item = Result<Class<'_>, crate::Error>> {
        classes(self.graph())
    }

    /// The enums that it carries by value.
    pub fn enums(&self) -> impl Iterator<Item = Result<Enum<'_>, crate::Error>> {
        enums(self.graph())
    }

    /// What a function needs where it runs, besides what the pickle holds. The bytecode of each code object is read once, however
    /// many functions have it.
    #[must_use]
    pub fn needs(&self, function: &Function<'_>) -> Needs {
        let names = self.names.get_or_init(|| CodeNames::of(self.graph(), self.python()));
        Needs::of(self.graph(), function, names)
    }

    /// The signature of a function, as `def` has it: `f(a, /, b=1, *, c: int = 2) -> str`.
    #[must_use]
    pub fn signature(&self, function: &Function<'_>) -> String {
        listing::signature(self.graph(), function)
    }

    /// The bytecode of a code object, as `dis` shows it; nothing where no known version of Python may have made the pickle.
    #[must_use]
    pub fn instructions(&self, code: &Code<'_>) -> Vec<ListedInstruction> {
        listing::instructions(self.graph(), code, self.python())
    }

    /// The versions of Python that may have made all the code objects of the pickle, the oldest first; nothing where there are
    /// none.
    #[must_use]
    pub fn python(&self) -> &[(Implementation, PythonVersion)] {
        self.python.get_or_init(|| versions(self.graph()))
    }

    /// How many bytes each object takes.
    #[must_use]
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Where the bytes go: each object that takes at least `least` bytes with what it holds, by its path from the pickled object.
    #[must_use]
    pub fn size_tree(&self, least: u64) -> SizeTree {
        SizeTree::of(self.graph(), &self.sizes, least)
    }

    /// All of it in plain values; its findings are what the policy does not allow.
    #[must_use]
    pub fn summary(&self, policy: &Policy) -> Summary {
        Summary::of(self, policy)
    }

    /// A short text for an object: its value where that is short, or what it is.
    #[must_use]
    pub fn show(&self, id: NodeId) -> String {
        shown::value(self.graph(), id)
    }
}

/// Whether data begins as pickles of protocols from 2 on do.
pub(crate) fn begins_with_proto(data: &[u8]) -> bool {
    matches!(data, [0x80, 0..=5, ..])
}

/// The versions of Python that may have made all the code objects of a graph.
fn versions(graph: &Graph) -> Vec<(Implementation, PythonVersion)> {
    /// Whoever made the first of them made all.
    const ENOUGH: usize = 100;
    let mut left: Option<Vec<_>> = None;
    for code in graph.ids().filter_map(|id| Code::read(graph, id).ok()).take(ENOUGH) {
        let versions: Vec<_> = code.shape(|shape| shape.versions().collect());
        left = Some(match left {
            None => versions,
            Some(left) => left.into_iter().filter(|version| versions.contains(version)).collect(),
        });
    }
    left.unwrap_or_default()
}
