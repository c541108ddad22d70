//! What cloudpickle means: functions, classes, code objects and cells, read from pickles with no Python at all.
//!
//! `lambda.pkl` is what `cloudpickle.dumps(lambda x: x ** 2 + CONSTANT)` gave in a Python 3.13 in which `CONSTANT` was 42:
//!
//! ```
//! use cloud_reduce::Report;
//!
//! let report = Report::of(std::fs::read("tests/data/lambda.pkl")?);
//! for function in report.functions() {
//!     let function = function?;
//!     let needs = report.needs(&function);
//!     println!("{}, for {} {}", report.signature(&function), report.python()[0].0, report.python()[0].1);
//!     for (name, value) in function.globals.iter() {
//!         println!("  needs {name} = {}", report.show(value));
//!     }
//!     println!("  modules {:?}, built-ins {:?}, attributes {:?}", needs.modules, needs.builtins, needs.attributes);
//! }
//! # let function = report.functions().next().unwrap()?;
//! # assert_eq!(report.signature(&function), "<lambda>(x)");
//! # assert_eq!(format!("{} {}", report.python()[0].0, report.python()[0].1), "CPython 3.13");
//! # assert_eq!(report.needs(&function).globals, ["CONSTANT"]);
//! # assert_eq!(report.show(function.globals.get("CONSTANT").unwrap()), "42");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It prints `<lambda>(x), for CPython 3.13` and `needs CONSTANT = 42`, and that no modules, built-ins and attributes are needed.
//! Nothing is imported and nothing is called.
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
//! [`Error`] that says which part of what is wrong. [`Models`] finds all there are:
//!
//! | Python | pickled as a call of | model |
//! |---|---|---|
//! | functions | `_make_function`, `_make_skel_func`, `types.FunctionType` | [`Function`] |
//! | functions without their code (Beam) | `_make_function_from_identifier` | [`IdentifiedFunction`] |
//! | classes, enums | `_make_skeleton_class`, `_make_skeleton_enum`, the metaclass | [`Class`], [`Enum`] |
//! | code objects, cells | `types.CodeType`, `_make_cell`, `_make_empty_cell`, `types.CellType` | [`Code`], [`Cell`] |
//! | modules | `subimport`, `dynamic_subimport` | [`Module`] |
//! | bound methods | `types.MethodType` | [`Method`] |
//! | `classmethod`, `staticmethod`, `property`, those of `abc` too | the same | [`MethodDescriptor`], [`Property`] |
//! | `typing.TypeVar` | `_make_typevar` (`ParamSpec` and `TypeVarTuple` are globals) | [`TypeVar`] |
//! | views of dicts and `OrderedDict`s | `_make_dict_keys`, `_make_dict_values`, `_make_dict_items` | [`DictView`] |
//! | `types.MappingProxyType`, `weakref.WeakSet`, `memoryview` | the same, `bytes` | [`MappingProxy`], [`WeakSet`], [`MemoryView`] |
//! | text files | `_file_reconstructor` | [`TextFile`] |
//! | loggers, attributes of objects | `logging.getLogger`, `getattr` | [`Logger`], [`AttributeOf`] |
//! | types of the interpreter | `_builtin_type` | [`BuiltinType`] |
//! | what marks a dataclass's fields | `_get_dataclass_field_type_sentinel` | [`FieldKind`] |
//! | `functools.partial` | the same | [`Partial`] |
//! | PySpark's named tuples | `pyspark.serializers._restore` | [`NamedTuple`] |
//! | what only past releases wrote | other functions of cloudpickle | [`Call`] |
//!
//! # Dialects
//!
//! Copies of cloudpickle name their reconstructors in modules of their own: a [`Dialect`] is whose copy it is. Known are cloudpickle
//! itself, PySpark's, Ray's, joblib's, scikit-learn's, Beam's, srsly's and Modal's; other modules whose names end as copies' do are
//! [`Dialect::Other`]. Beam can be told to pickle functions by where their code is in a module: an [`IdentifiedFunction`] has no
//! code object. What it calls makes a function of any code that the process has, so no policy allows it unless told to.
//!
//! # Writing and editing
//!
//! [`FunctionMut`] and [`ClassMut`] edit what is in a graph, [`rename_module`], [`switch_dialect`] and [`drop_tracker_ids`] all of
//! it; what is not edited comes out as the bytes that it was read from. [`Writer`] builds functions, classes, calls and all other
//! models, in the form of cloudpickle 3:
//!
//! ```
//! use cloud_reduce::{Dialect, Writer};
//!
//! let mut graph = pickle_graph::Graph::new();
//! let mut writer = Writer::new(&mut graph, Dialect::Cloudpickle);
//! let sorted = writer.global("builtins", "sorted");
//! let (numbers, reverse) = (writer.value([2, 3, 1]), writer.value(true));
//! let call = writer.call(sorted, &[numbers], &[("reverse", reverse)]);
//! graph.set_root(call);
//! let pickle = pickle_emit::graph_to_vec(&graph)?; // pickle.loads(pickle) == [3, 2, 1]
//! # assert!(pickle.len() > 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
    FieldKind, Function, FunctionParts, IdentifiedFunction, Logger, MappingProxy, MemoryView, Method, MethodDescriptor,
    MethodKind, Model, Models, Module, NamedTuple, Names, Partial, Property, TextFile, TypeVar, Variables, WeakSet, classes,
    dialects, enums, functions, identified_functions,
};
pub use names::{Dialect, Reconstructor};
pub use policy::{Policy, Rule, RuleError, Use};
pub use report::{
    Action, CarriedCell, CarriedClass, CarriedEnum, CarriedFunction, CarriedIdentifiedFunction, CarriedMethod, Event, Finding,
    FindingKind, ListedInstruction, LoadingStep, Name, NamedTexts, Needs, Object, Report, SizeTree, Sizes, Summary,
};
#[cfg(feature = "files")]
pub use scan::{Member, has_pickle_name, scan_file, scan_file_within, scan_reader};
pub use scan::{Scan, ScanLimits, scan};
pub use version::{Implementation, PythonVersion};
pub use write::{ToNode, Writer};

/// The example on the project's page runs as a test of this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;
