//! The ready-made policies: what ordinary pickles of some libraries import and call.

use std::sync::LazyLock;

use super::{Policy, Rule, Use, What};
use crate::{Dialect, Reconstructor};

/// Rules, by their texts.
type Rules = &'static [&'static str];

/// What the standard library's own data is made of. Nothing in it calls what it is given, but `functools.partial`, which does
/// so only when it is called itself, and `copyreg`'s, whose classes are looked at.
#[rustfmt::skip]
const PLAIN: Rules = &[
    "builtins.bool", "builtins.bytearray", "builtins.bytes", "builtins.complex", "builtins.dict", "builtins.float",
    "builtins.frozenset", "builtins.int", "builtins.list", "builtins.object", "builtins.range", "builtins.set",
    "builtins.slice", "builtins.str", "builtins.tuple", "builtins.Ellipsis", "builtins.NotImplemented",
    "_codecs.encode",
    // Calls of these are judged by what they find.
    "import:builtins.getattr", "import:_operator.getitem", "import:operator.getitem",
    "array.array", "array._array_reconstructor",
    "new:collections.ChainMap", "collections.Counter", "collections.OrderedDict", "new:collections.UserDict",
    "new:collections.UserList", "new:collections.UserString", "collections.defaultdict", "collections.deque",
    "copyreg.__newobj__", "copyreg.__newobj_ex__", "copyreg._reconstructor",
    "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.timezone",
    "decimal.Decimal", "_decimal.Decimal", "fractions.Fraction",
    "functools.partial",
    "ipaddress.IPv4Address", "ipaddress.IPv4Interface", "ipaddress.IPv4Network", "ipaddress.IPv6Address",
    "ipaddress.IPv6Interface", "ipaddress.IPv6Network",
    "pathlib.Path", "pathlib.PosixPath", "pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath",
    "pathlib.WindowsPath", "pathlib._local.Path", "pathlib._local.PosixPath", "pathlib._local.PurePath",
    "pathlib._local.PurePosixPath", "pathlib._local.PureWindowsPath", "pathlib._local.WindowsPath",
    "random.Random", "re._compile", "types.SimpleNamespace", "uuid.SafeUUID", "new:uuid.UUID",
    "import:zoneinfo.ZoneInfo", "import:zoneinfo._zoneinfo.ZoneInfo", "zoneinfo:ZoneInfo._unpickle",
    "zoneinfo._zoneinfo:ZoneInfo._unpickle",
];

/// The built-in exceptions.
#[rustfmt::skip]
const EXCEPTIONS: Rules = &[
    "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "BaseExceptionGroup", "BlockingIOError",
    "BrokenPipeError", "BufferError", "BytesWarning", "ChildProcessError", "ConnectionAbortedError", "ConnectionError",
    "ConnectionRefusedError", "ConnectionResetError", "DeprecationWarning", "EOFError", "EncodingWarning", "Exception",
    "ExceptionGroup", "FileExistsError", "FileNotFoundError", "FloatingPointError", "FutureWarning", "GeneratorExit",
    "ImportError", "ImportWarning", "IndentationError", "IndexError", "InterruptedError", "IsADirectoryError", "KeyError",
    "KeyboardInterrupt", "LookupError", "MemoryError", "ModuleNotFoundError", "NameError", "NotADirectoryError",
    "NotImplementedError", "OSError", "OverflowError", "PendingDeprecationWarning", "PermissionError", "ProcessLookupError",
    "RecursionError", "ReferenceError", "ResourceWarning", "RuntimeError", "RuntimeWarning", "StopAsyncIteration",
    "StopIteration", "SyntaxError", "SyntaxWarning", "SystemError", "SystemExit", "TabError", "TimeoutError", "TypeError",
    "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError", "UnicodeTranslateError",
    "UnicodeWarning", "UserWarning", "ValueError", "Warning", "ZeroDivisionError",
];

/// What cloudpickle's reducers name beside its own reconstructors, and what the functions and classes that it carries are often
/// made of.
#[rustfmt::skip]
const CLOUDPICKLE: Rules = &[
    "builtins.classmethod", "builtins.property", "builtins.staticmethod", "builtins.type", "import:builtins.super",
    "_io.StringIO", "_weakrefset.WeakSet", "weakref.WeakSet",
    "abc.abstractclassmethod", "abc.abstractproperty", "abc.abstractstaticmethod", "new:abc.ABC", "abc.ABCMeta",
    "import:abc.abstractmethod",
    "import:collections.abc.*", "import:typing.*", "typing.GenericMeta", "typing._ProtocolMeta", "typing.TypeVar", "typing.NewType", "import:typing_extensions.*",
    "new:dataclasses.Field", "new:dataclasses._DataclassParams",
    "new:dataclasses._FIELD_BASE", "import:dataclasses.*",
    "new:enum.Enum", "new:enum.EnumMeta", "new:enum.EnumType", "new:enum.Flag", "new:enum.IntEnum", "new:enum.IntFlag",
    "new:enum.StrEnum", "import:enum.*",
    "logging.getLogger", "new:logging.Logger", "new:logging.RootLogger",
    "types.CellType", "types.CodeType", "types.FunctionType", "types.LambdaType", "types.MappingProxyType", "types.MethodType",
    "types.ModuleType", "types.GenericAlias", "import:types.*",
    // What PyPy calls `classmethod`.
    "types.ClassMethodDescriptorType",
    // The fields of named tuples.
    "_collections._tuplegetter", "collections._tuplegetter", "_operator.itemgetter", "operator.itemgetter",
    "functools.lru_cache", "functools._lru_cache_wrapper",
    // What the projects that have a copy of cloudpickle add to it: named tuples of PySpark, and Beam's locks, absl's flags and
    // protobuf's enums, which are looked for in modules that are imported.
    "pyspark.serializers._restore", "pyspark.cloudpickle._load_namedtuple",
    "_thread.RLock", "_thread.lock", "_thread.allocate_lock",
    "apache_beam.internal.cloudpickle_pickler._create_absl_flags",
    "apache_beam.internal.cloudpickle_pickler._reconstruct_enum_descriptor",
];

#[rustfmt::skip]
const NUMPY: Rules = &[
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
    "numpy.core._internal._convert_to_stringdtype_kwargs", "numpy._core._internal._convert_to_stringdtype_kwargs",
    "numpy.ma.core._mareconstruct", "new:numpy.ma.core.MaskedArray", "new:numpy.ma.MaskedArray",
    "numpy.dtype", "numpy.ndarray", "new:numpy.matrix", "new:numpy.recarray", "new:numpy.record",
    "new:numpy.rec.recarray", "new:numpy.rec.record", "new:numpy.char.chararray", "new:numpy.rec.format_parser",
    "numpy.bool", "numpy.bool_", "numpy.bytes_", "numpy.clongdouble", "numpy.complex128", "numpy.complex64", "numpy.datetime64",
    "numpy.float16", "numpy.float32", "numpy.float64", "numpy.int16", "numpy.int32", "numpy.int64", "numpy.int8",
    "numpy.longdouble", "numpy.str_", "numpy.timedelta64", "numpy.uint16", "numpy.uint32", "numpy.uint64", "numpy.uint8",
    "new:numpy.dtypes.*", "numpy.dtypes.StringDType",
    "numpy.random._pickle.__bit_generator_ctor", "numpy.random._pickle.__generator_ctor",
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64", "numpy.random._pcg64.PCG64DXSM",
    "numpy.random._philox.Philox", "numpy.random._sfc64.SFC64", "numpy.random._generator.Generator",
    "numpy.random.mtrand.RandomState", "numpy.random.bit_generator.SeedSequence",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
    "new:numpy.polynomial.polynomial.Polynomial", "new:numpy.polynomial.chebyshev.Chebyshev",
    "new:numpy.polynomial.hermite.Hermite", "new:numpy.polynomial.hermite_e.HermiteE",
    "new:numpy.polynomial.laguerre.Laguerre", "new:numpy.polynomial.legendre.Legendre",
    "new:numpy.poly1d", "new:numpy.lib.polynomial.poly1d", "new:numpy.lib._polynomial_impl.poly1d", "import:numpy.*",
    "import:numpy.core._ufunc_reconstruct", "import:numpy._core._ufunc_reconstruct",
];

/// What state dicts, tensors, optimizer states and modules of PyTorch are made of.
#[rustfmt::skip]
const TORCH: Rules = &[
    "torch._utils._rebuild_device_tensor_from_numpy", "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._utils._rebuild_nested_tensor", "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_qtensor", "torch._utils._rebuild_sparse_csr_tensor", "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
    "torch._tensor._rebuild_from_type_v2", "torch._utils._rebuild_wrapper_subclass",
    "torch.storage._load_from_bytes",
    "torch.BFloat16Storage", "torch.BoolStorage", "torch.ByteStorage", "torch.CharStorage", "torch.ComplexDoubleStorage",
    "torch.ComplexFloatStorage", "torch.DoubleStorage", "torch.FloatStorage", "torch.HalfStorage", "torch.IntStorage",
    "torch.LongStorage", "torch.QInt32Storage", "torch.QInt8Storage", "torch.QUInt2x4Storage", "torch.QUInt4x2Storage",
    "torch.QUInt8Storage", "torch.ShortStorage", "torch.UntypedStorage", "torch.storage.TypedStorage",
    "torch.storage.UntypedStorage", "torch.cuda.FloatStorage", "torch.cuda.HalfStorage", "torch.cuda.LongStorage",
    "torch.Size", "torch.device", "new:torch.Tensor", "torch.serialization._get_layout", "torch.torch_version.TorchVersion",
    "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer", "torch.Generator",
    "import:torch.bfloat16", "import:torch.bool", "import:torch.complex128", "import:torch.complex32", "import:torch.complex64",
    "import:torch.float16", "import:torch.float32", "import:torch.float64", "import:torch.float8_e4m3fn",
    "import:torch.float8_e5m2", "import:torch.int16", "import:torch.int32", "import:torch.int64", "import:torch.int8",
    "import:torch.qint32", "import:torch.qint8", "import:torch.quint8", "import:torch.uint16", "import:torch.uint32",
    "import:torch.uint64", "import:torch.uint8", "import:torch.per_tensor_affine", "import:torch.per_channel_affine",
    "import:torch.channels_last", "import:torch.contiguous_format", "import:torch.preserve_format", "import:torch.strided",
    "new:torch.nn.**", "new:torch.optim.**", "new:torchvision.models.**",
];

/// What estimators of scikit-learn are made of. Those written in Cython are called; all others are made by `__new__`.
#[rustfmt::skip]
const SKLEARN: Rules = &[
    "new:sklearn.**",
    "sklearn._loss._loss.*", "sklearn.linear_model._sgd_fast.*", "sklearn.metrics._dist_metrics.newObj",
    "sklearn.neighbors._ball_tree.newObj", "sklearn.neighbors._kd_tree.newObj", "sklearn.neighbors._quad_tree._QuadTree",
    "sklearn.tree._criterion.*", "sklearn.tree._splitter.*", "sklearn.tree._tree.Tree",
    "sklearn.utils.Bunch", "sklearn.utils._bunch.Bunch",
    "new:joblib.numpy_pickle.NumpyArrayWrapper", "new:sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper",
    "new:scipy.interpolate._bsplines.BSpline", "new:scipy.interpolate._bsplines._BSpline", "new:scipy.interpolate._interpolate.interp1d",
    "new:scipy.interpolate._interpolate.PPoly", "new:scipy.interpolate.interpolate.interp1d",
    "new:scipy.interpolate.interpolate.PPoly", "new:scipy.interpolate._cubic.CubicSpline",
    "new:scipy.interpolate._cubic.PchipInterpolator", "import:scipy.special.*",
    "import:scipy._lib.array_api_compat.numpy._aliases.asarray",
];

/// The formats of scipy's sparse matrices, by which their classes and modules are called.
const SPARSE: [&str; 7] = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"];

/// The ready-made policies, each made when it is first asked for: those of [`Policy::NAMES`] but the first.
static READY: [LazyLock<Policy>; 6] = [
    LazyLock::new(|| ready(&[PLAIN])),
    LazyLock::new(|| {
        let mut policy = ready(&[PLAIN, CLOUDPICKLE]);
        for module in Dialect::KNOWN.into_iter().flat_map(Dialect::modules) {
            Reconstructor::ALL.iter().for_each(|reconstructor| policy.allow(call(module, reconstructor.name())));
        }
        // What `_get_object_new` and its like give.
        for class in ["dict", "frozenset", "list", "object", "set", "tuple"] {
            policy.allow(call("builtins", &format!("{class}.__new__")));
        }
        policy
    }),
    LazyLock::new(|| ready(&[PLAIN, NUMPY])),
    LazyLock::new(|| with_persistent_ids(ready(&[PLAIN, NUMPY, TORCH]))),
    LazyLock::new(|| with_sparse(ready(&[PLAIN, NUMPY, SKLEARN]))),
    LazyLock::new(|| with_persistent_ids(with_sparse(ready(&[PLAIN, NUMPY, TORCH, SKLEARN])))),
];

/// What rules allow, and the built-in exceptions.
fn ready(sets: &[Rules]) -> Policy {
    let mut policy = Policy::nothing();
    // The test below sees that each is one.
    let rules = sets.iter().copied().flatten().filter_map(|rule| rule.parse::<Rule>().ok());
    rules.for_each(|rule| policy.allow(rule));
    EXCEPTIONS.iter().for_each(|name| policy.allow(call("builtins", name)));
    policy
}

fn with_persistent_ids(mut policy: Policy) -> Policy {
    policy.set_persistent_ids(true);
    policy
}

fn with_sparse(mut policy: Policy) -> Policy {
    for format in SPARSE {
        for (private, kind) in [("_", "matrix"), ("_", "array"), ("", "matrix")] {
            let (module, name) = (format!("scipy.sparse.{private}{format}").into(), format!("{format}_{kind}").into());
            policy.allow(Rule { what: What::Name { module, name }, most: Use::New });
        }
    }
    policy
}

/// The rule by which an object may be called.
fn call(module: &str, name: &str) -> Rule {
    Rule { what: What::Name { module: module.into(), name: name.into() }, most: Use::Call }
}

impl Policy {
    /// The names by which [`named`](Policy::named) finds the ready-made policies.
    pub const NAMES: [&'static str; 7] = ["nothing", "plain", "cloudpickle", "numpy", "torch", "sklearn", "models"];

    /// The ready-made policy of a name of [`NAMES`](Policy::NAMES).
    #[must_use]
    pub fn named(name: &str) -> Option<Policy> {
        Some(match name {
            "nothing" => Policy::nothing(),
            "plain" => Policy::plain(),
            "cloudpickle" => Policy::cloudpickle(),
            "numpy" => Policy::numpy(),
            "torch" => Policy::torch(),
            "sklearn" => Policy::sklearn(),
            "models" => Policy::models(),
            _ => return None,
        })
    }

    /// Data of built-in types and of the standard library: dates, decimals, paths, exceptions, counters, ...
    #[must_use]
    pub fn plain() -> Policy {
        READY[0].clone()
    }

    /// What cloudpickle itself imports and calls, in any [`Dialect`], and [`plain`](Policy::plain) data. What the functions and
    /// classes that it carries need beside is for you to allow; to run them while loading is not allowed.
    #[must_use]
    pub fn cloudpickle() -> Policy {
        READY[1].clone()
    }

    /// Arrays, scalars, dtypes and random generators of numpy, and [`plain`](Policy::plain) data.
    #[must_use]
    pub fn numpy() -> Policy {
        READY[2].clone()
    }

    /// Tensors, state dicts, optimizers and modules of PyTorch, and all of [`numpy`](Policy::numpy). Persistent ids, by which
    /// PyTorch names its storages, are allowed.
    #[must_use]
    pub fn torch() -> Policy {
        READY[3].clone()
    }

    /// Estimators of scikit-learn, and all of [`numpy`](Policy::numpy). Distributions of `scipy.stats`, as they are given to
    /// `RandomizedSearchCV`, are not among them: their state is text that they execute.
    #[must_use]
    pub fn sklearn() -> Policy {
        READY[4].clone()
    }

    /// What ordinary models are made of: all of [`numpy`](Policy::numpy), [`torch`](Policy::torch) and
    /// [`sklearn`](Policy::sklearn).
    #[must_use]
    pub fn models() -> Policy {
        READY[5].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ready_made_rule_is_one() {
        for rule in [PLAIN, CLOUDPICKLE, NUMPY, TORCH, SKLEARN].concat() {
            assert!(rule.parse::<Rule>().is_ok(), "{rule}");
        }
        for name in Policy::NAMES {
            assert!(Policy::named(name).is_some(), "{name}");
        }
        assert!(Policy::named("all").is_none());
    }

    #[test]
    fn no_ready_made_policy_allows_what_runs_code_of_others() {
        for name in Policy::NAMES {
            let policy = Policy::named(name).unwrap();
            assert!(!policy.carried_code(), "{name}");
            for (module, qualname) in [
                ("os", "system"),
                ("posix", "system"),
                ("builtins", "eval"),
                ("builtins", "exec"),
                ("builtins", "compile"),
                ("builtins", "getattr"),
                ("builtins", "__import__"),
                ("builtins", "map"),
                ("importlib", "import_module"),
                ("pickle", "loads"),
                ("numpy", "load"),
                ("numpy.testing._private.utils", "runstring"),
                ("torch", "load"),
                ("torch.hub", "load"),
                ("operator", "attrgetter"),
                ("functools", "reduce"),
                ("typing", "get_type_hints"),
                ("sklearn.utils", "check_array"),
                ("sklearn.neighbors._ball_tree", "BallTree"),
            ] {
                assert!(!policy.allows(module, qualname, Use::Call), "{name} allows {module}.{qualname}");
            }
        }
    }
}
