"""Pickles one object of every kind that cloudpickle has a reducer for, and writes down what the interpreter itself says of them.

Run it as `make.py` beside it is run. It writes `NAME.pkl`, a list of the objects, and `NAME.models`, a line for each of the objects
in the list, in its order: what it is, and its fields. A string of a field is written as by `ascii`, a function or a class by its
name, other objects by their type.
"""

import abc
import collections
import enum
import functools
import importlib
import io
import logging
import operator
import os
import pickle
import platform
import sys
import types
import typing
import weakref
import xml.dom

# The path of this file would be a global of every pickled function.
__file__ = "make_models.py"

try:
    import dataclasses
except ImportError:
    dataclasses = None


def shortened(path):
    """The end of a file's path, which is the same wherever the interpreter is installed."""
    return "/".join(path.split(os.sep)[-2:])


def relocated(code):
    """A code object, and those in it, with shortened paths."""
    consts = tuple(relocated(const) if isinstance(const, types.CodeType) else const for const in code.co_consts)
    if hasattr(code, "replace"):
        return code.replace(co_consts=consts, co_filename=shortened(code.co_filename))
    return types.CodeType(
        code.co_argcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize, code.co_flags, code.co_code, consts,
        code.co_names, code.co_varnames, shortened(code.co_filename), code.co_name, code.co_firstlineno, code.co_lnotab,
        code.co_freevars, code.co_cellvars)


def relocate(module):
    """Shortens the paths that go into the pickles of functions that a module's functions make."""
    for value in vars(module).values():
        if isinstance(value, types.FunctionType):
            value.__code__ = relocated(value.__code__)
    module.__file__ = shortened(module.__file__)
    if hasattr(module, "__path__"):
        module.__path__ = [module.__name__]


relocate(collections)


def function(a, b=2, *, c="x"):
    """Is a function."""
    return a


class Thing:
    """Is a class."""

    kind = "thing"

    def __init__(self, value=0):
        self.value = value

    def method(self):
        return self.value

    @staticmethod
    def static(x):
        return x

    @classmethod
    def made(cls):
        return cls()

    def get(self):
        return self.value

    def set(self, value):
        self.value = value

    def delete(self):
        self.value = None

    whole = property(get, set, delete, "The value.")
    bare = property()


class Abstract(abc.ABC):
    @abc.abstractmethod
    def required(self):
        pass


Abstract.register(Thing)


class Color(enum.Enum):
    RED = 1


def cells():
    full, empty = function, None
    del empty

    def inner():
        return full, empty  # noqa: F821

    return inner
    empty = 1


def dynamic_module():
    module = types.ModuleType("made_here", "Is a module.")
    module.number = 42
    module.function = function
    return module


def open_file():
    with open("file.txt", "w") as file:
        file.write("line one\nline two\n")
    file = open("file.txt")
    os.remove("file.txt")
    file.read(5)
    return file


T = typing.TypeVar("T")
Bound = typing.TypeVar("Bound", bound=Thing, covariant=True)
Chosen = typing.TypeVar("Chosen", int, str, contravariant=False)
Point = collections.namedtuple("Point", "x y")


def zoo():
    ordered = collections.OrderedDict([("k", 1), ("l", 2)])
    thing = Thing(3)
    made = [
        function,
        Thing,
        Abstract,
        Color,
        Point,
        function.__code__,
        xml.dom,
        dynamic_module(),
        thing.method,
        Thing.__dict__["static"],
        Thing.__dict__["made"],
        Thing.__dict__["whole"],
        Thing.__dict__["bare"],
        abc.abstractproperty(function),
        abc.abstractstaticmethod(function),
        abc.abstractclassmethod(function),
        T,
        Bound,
        Chosen,
        typing.AnyStr,
        {"k": 1, "l": 2}.keys(),
        {"k": 1, "l": 2}.values(),
        {"k": 1, "l": 2}.items(),
        ordered.keys(),
        ordered.values(),
        ordered.items(),
        types.MappingProxyType({"k": function}),
        weakref.WeakSet([Thing]),
        memoryview(b"seen"),
        logging.getLogger("a.logger"),
        logging.getLogger(),
        types.CodeType,
        types.GeneratorType,
        type(None),
        type(Ellipsis),
        type(NotImplemented),
        Ellipsis,
        NotImplemented,
        functools.partial(function, 1, c="y"),
        types.FunctionType.__dict__["__code__"],
        operator.itemgetter(1),
        sys.stdout,
        open_file(),
    ]
    made.extend(cells().__closure__)
    if dataclasses is not None:
        made.append(dataclasses._FIELD_CLASSVAR)
    return made


def is_plain(value, cloudpickle):
    """Whether an old release has no reducer for an object: a type variable is a global, a memoryview is bytes, a file is a StringIO."""
    if isinstance(value, typing.TypeVar):
        return not hasattr(cloudpickle.cloudpickle, "_typevar_reduce")
    if dataclasses is not None and isinstance(value, dataclasses._FIELD_BASE):
        return not hasattr(cloudpickle.cloudpickle, "_get_dataclass_field_type_sentinel")
    return isinstance(value, (memoryview, io.TextIOWrapper)) and value is not sys.stdout and hasattr(
        cloudpickle.CloudPickler, "save_memoryview")


def survives(value, cloudpickle, protocol):
    """Whether a release can pickle an object at all; none can do all of the zoo."""
    try:
        copy = pickle.loads(cloudpickle.dumps(value, protocol))
        # Release 0.5 makes new classes of these.
        return copy is value if value in (type(Ellipsis), type(NotImplemented)) else copy is not None
    except Exception:
        return False


def show(value):
    if isinstance(value, str):
        return ascii(value)
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return value.__name__
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(show(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + " ".join(show(key) + ":" + show(item) for key, item in value.items()) + "}"
    return "<" + type(value).__name__ + ">"


KINDS = [
    (types.FunctionType, "function", ["__name__", "__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__"]),
    (enum.EnumMeta, "enum", ["__name__", "__qualname__", "__module__"]),
    (types.CodeType, "code object", ["co_name", "co_argcount", "co_kwonlyargcount", "co_varnames", "co_filename", "co_firstlineno"]),
    (types.ModuleType, "module", ["__name__"]),
    (types.MethodType, "method", ["__func__", "__self__"]),
    (abc.abstractstaticmethod, "method descriptor", ["__func__"]),
    (abc.abstractclassmethod, "method descriptor", ["__func__"]),
    (staticmethod, "method descriptor", ["__func__"]),
    (classmethod, "method descriptor", ["__func__"]),
    (property, "property", ["fget", "fset", "fdel", "__doc__"]),
    (functools.partial, "partial", ["func", "args", "keywords"]),
    (logging.RootLogger, "logger", []),
    (logging.Logger, "logger", ["name"]),
]
TYPE_VAR = ["__name__", "__bound__", "__constraints__", "__covariant__", "__contravariant__"]
ODICT_VIEWS = tuple(type(view) for view in (collections.OrderedDict().keys(), collections.OrderedDict().values(),
                                            collections.OrderedDict().items()))
DICT_VIEWS = tuple(type(view) for view in ({}.keys(), {}.values(), {}.items()))
CELL = type(cells().__closure__[0])


def facts(original, value):
    """What a copy is, and its fields."""
    if isinstance(original, memoryview):
        return ["memoryview", "bytes=%r" % value]
    if original is sys.stdout or isinstance(original, types.GetSetDescriptorType):
        name = "stdout" if original is sys.stdout else value.__name__
        return ["attribute", "name=%r" % name]
    if isinstance(original, io.TextIOWrapper):
        return ["file", "contents=%s" % ascii(value.getvalue()), "position=%d" % value.tell()]
    if isinstance(value, typing.TypeVar):
        if value is typing.AnyStr:
            return ["attribute", "name='AnyStr'"]
        return ["type variable"] + ["%s=%s" % (name, show(getattr(value, name))) for name in TYPE_VAR]
    if value in (type(None), type(Ellipsis), type(NotImplemented), types.CodeType, types.GeneratorType):
        names = {type(None): "NoneType", type(Ellipsis): "EllipsisType", type(NotImplemented): "NotImplementedType",
                 types.CodeType: "CodeType", types.GeneratorType: "GeneratorType"}
        return ["builtin type", "name=%r" % names[value]]
    if isinstance(value, type) and not isinstance(value, enum.EnumMeta):
        bases = getattr(value, "__bases__")
        return ["class", "__name__=%s" % show(value.__name__), "__module__=%s" % show(value.__module__),
                "__doc__=%s" % show(value.__doc__), "__bases__=%s" % show(bases), "metaclass=%s" % type(value).__name__]
    if isinstance(value, weakref.WeakSet):
        return ["weak set", "items=%s" % show(list(value))]
    if isinstance(value, types.MappingProxyType):
        return ["mapping proxy", "dict=%s" % show(dict(value))]
    if isinstance(value, ODICT_VIEWS + DICT_VIEWS):
        shown = [part for item in value for part in item] if "items" in type(value).__name__ else list(value)
        return ["dict view", "kind=%s" % type(value).__name__, "shown=%s" % show(shown)]
    if isinstance(value, CELL):
        try:
            return ["cell", "cell_contents=%s" % show(value.cell_contents)]
        except ValueError:
            return ["cell", "empty"]
    if dataclasses is not None and isinstance(value, dataclasses._FIELD_BASE):
        return ["kind of field", "name=%s" % show(value.name)]
    for kind, name, fields in KINDS:
        if isinstance(value, kind):
            line = [name] + ["%s=%s" % (field, show(getattr(value, field))) for field in fields]
            if kind is types.ModuleType and value.__name__ == "made_here":
                line.append("attributes=" + " ".join(sorted(set(vars(value)) - {"__builtins__"})))
            if isinstance(value, (staticmethod, classmethod)):
                line.append("type=%s" % type(value).__name__)
            return line
    return ["none"]  # an object that is nothing of cloudpickle's


def by_identifier(cloudpickle):
    """A closure as Beam's copy pickles it where its code is to be found by an identifier, by a stand-in for Beam's finder."""
    def made(word, times=2, *, end="."):
        """Says a word."""
        return word * times + end + os.sep + str(seen)

    seen = [1]
    made.attribute = 3
    finder = types.ModuleType("apache_beam.internal.code_object_pickler")
    exec("def get_code_from_identifier(identifier): pass", finder.__dict__)
    sys.modules[finder.__name__] = finder
    params = cloudpickle.cloudpickle.GetCodeObjectParams(
        get_code_object_identifier=lambda function: "__main__.by_identifier.__code__.co_consts[made]",
        get_code_from_identifier=finder.get_code_from_identifier)
    config = cloudpickle.cloudpickle.CloudPickleConfig(get_code_object_params=params)
    return cloudpickle.dumps(made, config=config)


def main():
    protocol = int(sys.argv[1]) if len(sys.argv) > 1 else pickle.HIGHEST_PROTOCOL
    package = sys.argv[2] if len(sys.argv) > 2 else "cloudpickle"
    cloudpickle = importlib.import_module(package)
    for module in [module for name, module in sys.modules.items() if name.startswith(package)]:
        relocate(module)
    objects = [value for value in zoo() if survives(value, cloudpickle, protocol)]
    data = cloudpickle.dumps(objects, protocol)
    loaded = pickle.loads(data)
    name = "%s-%d.%d-%s-%s-protocol-%d-models" % (
        platform.python_implementation().lower(), sys.version_info[0], sys.version_info[1], package, cloudpickle.__version__,
        protocol)
    with open(name + ".pkl", "wb") as file:
        file.write(data)
    with open(name + ".models", "w") as file:
        for original, copy in zip(objects, loaded):
            line = ["none"] if is_plain(original, cloudpickle) else facts(original, copy)
            file.write("\t".join(line) + "\n")
    if package == "apache_beam.internal.cloudpickle":
        with open("by-identifier/beam.pkl", "wb") as file:
            file.write(by_identifier(cloudpickle))
    print(name, len(data), len(objects))


if main.__code__.co_filename == __file__:
    main()
else:
    # From 3.9 on, the interpreter gives code objects this file's absolute path.
    with open(__file__) as source:
        exec(compile(source.read(), __file__, "exec"))
