//! What cloudpickle means: functions, classes, code objects and cells, read from pickles with no Python at all.
//!
//! `lambda.pkl` is what `cloudpickle.dumps(lambda x: x ** 2 + CONSTANT)` gave in a Python 3.13 in which `CONSTANT` was 42:
//!
//! ```
//! let pickle = std::fs::read("tests/data/lambda.pkl")?;
//! let graph = pickle_parse::graph(pickle)?;
//! for function in cloud_reduce::functions(&graph) {
//!     let function = function?;
//!     println!("{}, of {} argument", function.name, function.code.argcount());
//!     for (name, value) in function.globals.iter() {
//!         println!("  needs {name}: {}", graph.tree(value));
//!     }
//! }
//! # let function = cloud_reduce::functions(&graph).next().unwrap()?;
//! # assert_eq!((function.name.to_string(), function.code.argcount()), ("<lambda>".into(), 1));
//! # let globals: Vec<_> = function.globals.iter().map(|(name, value)| (name.to_string(), graph.node(value).as_int())).collect();
//! # assert_eq!(globals, [("CONSTANT".to_string(), Some(42))]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It prints `<lambda>, of 1 argument` and `needs CONSTANT: 42`. Nothing is imported and nothing is called.
//!
//! # The facts
//!
//! Every fact of the format of cloudpickle 3.1, and of the past releases whose pickles can still be read, is stated here once, for
//! picklers of live objects and for programs that read pickles:
//!
//! | module | what it states |
//! |---|---|
//! | [`names`] | the reconstructors that pickles name, since which release and until which, and the modules that carry them |
//! | [`function`] | the arguments and the state of a function, in order |
//! | [`class`] | the arguments of a class and of an enum, and which attributes are not pickled |
//! | [`code`] | the arguments of a code object in each version of Python, its opcodes, its tables, and the globals that it names |
//!
//! # Reports and policies
//!
//! [`Report`] tells of any pickle what loading it would import, call and set, what it carries and needs, and where its bytes go.
//! [`scan`] looks for what a [`Policy`] does not allow:
//!
//! ```
//! use cloud_reduce::{Policy, scan};
//!
//! // getattr(importlib.import_module('os'), 'system')('id')
//! let pickle = b"cbuiltins\ngetattr\n(cimportlib\nimport_module\n(Vos\ntRVsystem\ntR(Vid\ntR.";
//! for finding in scan(&pickle[..], &Policy::cloudpickle()).findings {
//!     println!("{finding}");
//! }
//! # let found = scan(&pickle[..], &Policy::cloudpickle()).findings;
//! # assert_eq!(found.last().unwrap().to_string(), "calls os.system('id') at byte 67");
//! ```
//!
//! # The models
//!
//! [`functions`], [`classes`] and [`enums`] find what a graph holds by value, wherever it is; [`Function`], [`Class`], [`Enum`],
//! [`Code`] and [`Cell`] read a single node. They borrow from the graph, hold [`NodeId`](pickle_graph::NodeId)s for whatever can
//! be any object, and cost no more than a look at their arguments. A pickle can claim anything: what no cloudpickle writes is an
//! [`Error`] that says which part of what is wrong.

pub mod class;
pub mod code;
mod edit;
mod error;
pub mod function;
mod model;
pub mod names;
mod policy;
mod report;
mod scan;
mod version;
mod write;

pub use edit::{ClassMut, FunctionMut, drop_tracker_ids, rename_module, switch_dialect};
pub use error::{Error, ErrorKind};
pub use model::{
    AttributeOf, Attributes, BuiltinType, Call, Captured, Cell, Class, ClassParts, Code, DictView, DictViewKind, Enum, EnumParts,
    FieldKind, Function, FunctionParts, Logger, MappingProxy, MemoryView, Method, MethodDescriptor, MethodKind, Model, Models,
    Module, NamedTuple, Names, Partial, Property, TextFile, TypeVar, Variables, WeakSet, classes, dialects, enums, functions,
};
pub use names::{Dialect, Reconstructor};
pub use policy::{Policy, Rule, RuleError, Use};
pub use report::{Action, Event, Finding, FindingKind, ListedInstruction, Name, Needs, Object, Report, SizeTree, Sizes};
#[cfg(feature = "files")]
pub use scan::{Member, has_pickle_name, scan_file};
pub use scan::{Scan, scan};
pub use version::{Implementation, PythonVersion};
pub use write::{ToNode, Writer};

/// The example on the project's page runs as a test of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;
