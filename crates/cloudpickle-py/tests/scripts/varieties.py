"""One object of each sort that the other scripts have none of."""

from __future__ import annotations

import abc
import collections
import collections.abc
import contextlib
import dataclasses
import enum
import functools
import io
import logging
import operator
import sys
import types
import typing
import weakref

from zoo import case, finish

T = typing.TypeVar("T")
Number = typing.TypeVar("Number", int, float)
Bounded = typing.TypeVar("Bounded", bound="Shaped", covariant=True)


class Shaped(typing.Protocol):
    def area(self) -> float: ...


@typing.runtime_checkable
class Sized(typing.Protocol[T]):
    name: str

    def size(self) -> int:
        return 1


class Box(typing.Generic[T]):
    item: T

    def __init__(self, item: T):
        self.item = item

    def get(self) -> T:
        return self.item


class IntBox(Box[int]):
    pass


class Movie(typing.TypedDict, total=False):
    title: str
    year: int


class Row(typing.NamedTuple):
    a: int
    b: str = "b"

    def both(self):
        return self.a, self.b


class Permission(enum.IntFlag):
    R = 4
    W = 2
    X = 1
    RWX = 7


class Switch(enum.Flag):
    A = enum.auto()
    B = enum.auto()
    BOTH = A | B


class Named(str, enum.Enum):
    FIRST = "first"
    SECOND = "second"
    ALIAS = "first"

    def shout(self):
        return self.value.upper()

    @property
    def length(self):
        return len(self.value)

    @classmethod
    def default(cls):
        return cls.SECOND


class Numbered(enum.Enum):
    def _generate_next_value_(name, start, count, last_values):
        return name.lower()

    ONE = enum.auto()
    TWO = enum.auto()


@enum.unique
class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2

    def __str__(self):
        return f"level {self.value}"


class Registered:
    registry = {}

    def __init_subclass__(cls, /, key=None, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.key = key


class Sub(Registered, key="sub"):
    pass


class OrderedMeta(type):
    @classmethod
    def __prepare__(mcs, name, bases, **kwargs):
        return collections.OrderedDict(made_by="meta")

    def __new__(mcs, name, bases, namespace, **kwargs):
        return super().__new__(mcs, name, bases, dict(namespace))

    def __init__(cls, name, bases, namespace, **kwargs):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args, **kwargs):
        made = super().__call__(*args, **kwargs)
        made.called = True
        return made


class WithMeta(metaclass=OrderedMeta, option=1):
    x = 1


class Abstract(abc.ABC):
    @property
    @abc.abstractmethod
    def value(self): ...

    @classmethod
    @abc.abstractmethod
    def make(cls): ...

    @staticmethod
    @abc.abstractmethod
    def do(): ...


class Concrete(Abstract):
    value = 3

    @classmethod
    def make(cls):
        return cls()

    @staticmethod
    def do():
        return "done"


class Virtual:
    pass


Abstract.register(Virtual)


class Slotted:
    __slots__ = ("x", "__weakref__", "_Slotted__private")

    def __init__(self, x):
        self.x = x
        self.__private = x + 1

    def private(self):
        return self.__private


class SlottedChild(Slotted):
    __slots__ = {"y": "documented"}


class OneSlot:
    __slots__ = "only"


class Descriptor:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.name, None)

    def __set__(self, instance, value):
        setattr(instance, self.name, value)


class Described:
    field = Descriptor()

    @property
    def prop(self):
        """A property."""
        return getattr(self, "_prop", 1)

    @prop.setter
    def prop(self, value):
        self._prop = value

    @prop.deleter
    def prop(self):
        del self._prop


class Outer:
    class Inner:
        class Innermost:
            depth = 3

        def outer(self):
            return Outer

    make = staticmethod(lambda: Outer.Inner())


@dataclasses.dataclass
class Data:
    x: int
    y: list = dataclasses.field(default_factory=list, repr=False, compare=False)
    z: typing.ClassVar[int] = 5
    w: dataclasses.InitVar[int] = 3

    def __post_init__(self, w):
        self.y.append(w)


@dataclasses.dataclass(frozen=True, order=True, unsafe_hash=True)
class Frozen:
    x: int = 1
    y: str = "y"


@functools.total_ordering
class Total:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n

    __hash__ = None


class Failed(Exception):
    def __init__(self, code, *, detail=None):
        super().__init__(code)
        self.code, self.detail = code, detail

    def __reduce__(self):
        return functools.partial(Failed, detail=self.detail), (self.code,)


class Mapping(collections.abc.MutableMapping):
    def __init__(self, *args):
        self.data = dict(*args)

    def __getitem__(self, key):
        return self.data[key]

    def __setitem__(self, key, value):
        self.data[key] = value

    def __delitem__(self, key):
        del self.data[key]

    def __iter__(self):
        return iter(self.data)

    def __len__(self):
        return len(self.data)


class ListChild(list):
    def total(self):
        return sum(self)


class DictChild(dict):
    def __missing__(self, key):
        return key


class StrChild(str):
    __slots__ = ()


class IntChild(int):
    def twice(self):
        return self * 2


class NewArgs:
    def __new__(cls, a, *, b):
        self = super().__new__(cls)
        self.sum = a + b
        return self

    def __getnewargs_ex__(self):
        return (self.sum,), {"b": 0}


class Stateful:
    def __init__(self):
        self.kept, self.dropped = 1, lambda: 0

    def __getstate__(self):
        return {"kept": self.kept}

    def __setstate__(self, state):
        self.__dict__.update(state, restored=True)


class Callable:
    def __call__(self, x):
        return x + 1


class Hashed:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __hash__(self):
        return hash(self.n)


def annotated(a: int, b: typing.Optional[T] = None, *args: str, c: Box[int] = None, **kwargs: Movie) -> list[int]:
    """Documented."""
    return [a, len(args)]


def keyword_only(*, a, b=2):
    return a, b


def positional_only(a, /, b):
    return a, b


def variadic(*args, **kwargs):
    return args, kwargs


def with_attributes():
    return with_attributes.calls


with_attributes.calls = [1]
with_attributes.nested = {"f": positional_only}


def walrus(data):
    return (n := len(data)), n + 1


def trying():
    try:
        raise Failed(3, detail="d")
    except Failed as error:
        return error.code
    finally:
        pass


def importing():
    import json.decoder

    return json.decoder.JSONDecoder().decode("[1]")


def comprehending(n):
    return [{(x, y) for y in range(x)} for x in range(n) if x % 2], {x: y for x, y in zip("ab", range(2))}


def global_writer():
    global WRITTEN
    WRITTEN = 5
    return WRITTEN


@contextlib.contextmanager
def managing(log):
    log.append("in")
    yield log
    log.append("out")


def decorator(prefix):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return prefix + function(*args, **kwargs)

        return wrapper

    return decorate


@decorator("> ")
@decorator("- ")
def decorated(text):
    """Decorated."""
    return text


async def coroutine(x):
    return x


async def generating(n):
    for i in range(n):
        yield i


def generator(n):
    got = yield n
    yield from range(got or 0)


module = types.ModuleType("made_here", "A module.")
exec("import math\nX = 2\ndef area(r):\n    return math.pi * r ** X", vars(module))

hashed = {Hashed(1): "one"}
shared = [1, 2]
weak_items = [Data(1), Data(2)]
cyclic = {"self": None}
cyclic["self"] = cyclic

case("Shaped", Shaped, "copy.__name__ == 'Shaped'", "getattr(copy, '_is_protocol')")
case("Sized", Sized, "isinstance(type('S', (), {'name': 1, 'size': 2})(), copy)")
case("Box", Box, "copy[int](3).get() == 3", "copy.__parameters__[0].__name__ == 'T'")
case("Box[int]", Box[int], "copy(3).get() == 3", "copy.__args__ == (int,)")
case("IntBox", IntBox, "copy(4).get() == 4", "copy.__orig_bases__[0].__args__ == (int,)")
case("IntBox(1)", IntBox(1), "copy.item == 1")
case("T", T, "copy.__name__ == 'T'")
case("Number", Number, "copy.__constraints__ == (int, float)")
case("Bounded", Bounded, "copy.__covariant__ and copy.__name__ == 'Bounded'")
case("the same T twice", [T, Box[T], T], "copy[0] is copy[2]")
case("Movie", Movie, "copy(title='t') == {'title': 't'}", "not copy.__total__")
case("Row", Row, "copy(1).both() == (1, 'b')", "copy._fields == ('a', 'b')")
case("Row(1)", Row(1), "copy == (1, 'b')", "copy.b == 'b'")
case("a named tuple class", collections.namedtuple("Local", "x y", defaults=[2]), "copy(1) == (1, 2)")
case("Permission", Permission, "copy.R | copy.W == 6", "copy(7) == copy.RWX")
case("Permission.R|W", Permission.R | Permission.W, "copy == 6 and type(copy).__name__ == 'Permission'")
case("Switch", Switch, "copy.BOTH == copy.A | copy.B")
case("~Switch.A", ~Switch.A, "copy == type(copy).B")
case("Named", Named, "copy.FIRST.shout() == 'FIRST'", "copy.ALIAS is copy.FIRST", "copy.default().length == 6")
case("Named members", list(Named), "[m.value for m in copy] == ['first', 'second']")
case("Numbered", Numbered, "copy.TWO.value == 'two'")
case("Level", Level, "str(copy.HIGH) == 'level 2'", "copy(1) < copy(2)")
case("{Level.LOW: 1}", {Level.LOW: 1}, "list(copy.values()) == [1]")
case("a functional enum", enum.Enum("Made", "A B"), "copy.B.value == 2")
case("Sub", Sub, "copy.key is None or copy.key == 'sub'", "copy.__base__.__name__ == 'Registered'")
case("WithMeta", WithMeta, "copy().called and copy.x == 1 and copy.made_by == 'meta'", "type(copy).__name__ == 'OrderedMeta'")
case("Abstract", Abstract, "raises(TypeError, copy)", "copy.__abstractmethods__ == {'value', 'make', 'do'}")
case("Concrete", Concrete, "copy.make().value == 3 and copy.do() == 'done'")
case("a virtual subclass", (Abstract, Virtual), "issubclass(copy[1], copy[0])")
case("Slotted(1)", Slotted(1), "copy.x == 1 and copy.private() == 2", "weakref.ref(copy)() is copy")
case("SlottedChild", SlottedChild, "copy(1).private() == 2")
case("OneSlot", OneSlot, "copy.__slots__ == 'only'")
case("Described", Described, "copy().prop == 1 and copy.prop.__doc__ == 'A property.'")
case("a property", Described.__dict__["prop"], "copy.fget.__name__ == 'prop' and copy.fdel is not None")
case("a Descriptor", Described.__dict__["field"], "copy.name == '_field'")
if sys.version_info < (3, 14):  # there the interpreter's own `partialmethod.__new__` refuses what its `__reduce__` says
    case("a partial method", functools.partialmethod(pow, 2), "copy.args == (2,)")
case("Outer", Outer, "copy.Inner.Innermost.depth == 3", "copy.make().outer() is copy")
case("Outer.Inner.Innermost()", Outer.Inner.Innermost(), "copy.depth == 3")
case("Data(1)", Data(1), "copy.x == 1 and copy.y == [3] and copy.z == 5")
case("Data", Data, "copy(2, w=4).y == [4]", "[f.name for f in dataclasses.fields(copy)] == ['x', 'y']")
case("Frozen", Frozen, "copy(1) < copy(2)", "raises(dataclasses.FrozenInstanceError, setattr, copy(), 'x', 1)")
case("Frozen()", Frozen(), "hash(copy) == hash(load())")
case("a field", dataclasses.fields(Data)[1], "copy.name == 'y' and copy.default_factory is list")
case("Total", Total, "copy(1) >= copy(1)", "raises(TypeError, hash, copy(1))")
case("Failed", Failed(3, detail="x"), "copy.code == 3 and copy.detail == 'x'")
case("an exception with a cause", ValueError("v", 1), "copy.args == ('v', 1)")
case("an OSError", OSError(2, "no", "file"), "copy.filename == 'file'")
case("Mapping", Mapping({"a": 1}), "dict(copy) == {'a': 1}")
case("ListChild", ListChild([1, 2]), "copy.total() == 3")
case("DictChild", DictChild(a=1), "copy['b'] == 'b' and copy['a'] == 1")
case("StrChild", StrChild("text"), "copy == 'text' and type(copy) is not str")
case("IntChild", IntChild(5), "copy.twice() == 10")
case("NewArgs", NewArgs(1, b=2), "copy.sum == 3")
case("Stateful", Stateful(), "copy.kept == 1 and copy.restored", "not hasattr(copy, 'dropped')")
case("Callable()", Callable(), "copy(1) == 2")
case("a method of it", Callable().__call__, "copy(1) == 2")
case("Hashed keys", hashed, "[v for v in copy.values()] == ['one']")
case("annotated", annotated, "copy(1, 2, 3) == [1, 1]", "copy.__doc__ == 'Documented.'", "copy.__annotations__['a'] == 'int'")
case("keyword_only", keyword_only, "copy(a=1) == (1, 2)")
case("positional_only", positional_only, "copy(1, b=2) == (1, 2)")
case("variadic", variadic, "copy(1, k=2) == ((1,), {'k': 2})")
case("with_attributes", with_attributes, "copy() == [1]", "copy.nested['f'](1, 2) == (1, 2)")
case("walrus", walrus, "copy('abc') == (3, 4)")
case("trying", trying, "copy() == 3")
case("importing", importing, "copy() == [1]")
case("comprehending", comprehending, "copy(2)[1] == {'a': 0, 'b': 1}")
case("global_writer", global_writer, "copy() == 5", "copy.__globals__['WRITTEN'] == 5")
case("managing", managing, "(log := []) == [] and copy(log).__enter__() is log and log == ['in']")
case("decorated", decorated, "copy('x') == '> - x'", "copy.__wrapped__.__wrapped__('y') == 'y'", "copy.__doc__ == 'Decorated.'")
case("coroutine", coroutine, "run(copy(2)) == 2")
case("generating", generating, "run(collect(copy(3))) == [0, 1, 2]")
case("generator", generator, "(g := copy(1)) and next(g) == 1 and g.send(2) == 0")
case("a module", module, "copy.area(1) > 3.14 and copy.__doc__ == 'A module.' and copy.X == 2")
case("its function", module.area, "copy(1) > 3.14")
case("a partial", functools.partial(annotated, 1, c=None), "copy(2, 3) == [1, 1]")
case("a partial of a partial", functools.partial(functools.partial(variadic, 1), k=2), "copy() == ((1,), {'k': 2})")
case("a logger", logging.getLogger("zoo.logger"), "copy.name == 'zoo.logger'")
case("the root logger", logging.getLogger(), "copy.name == 'root'")
case("a handler-less adapter", logging.LoggerAdapter(logging.getLogger("zoo"), {"k": 1}), "copy.extra == {'k': 1}")
case("dict keys", {"a": 1, "b": 2}.keys(), "list(copy) == ['a', 'b']")
case("dict values", {"a": 1, "b": 2}.values(), "list(copy) == [1, 2]")
case("dict items", {"a": 1, "b": 2}.items(), "list(copy) == [('a', 1), ('b', 2)]")
case("OrderedDict views", [getattr(collections.OrderedDict(a=1), v)() for v in ("keys", "values", "items")], "list(copy[2]) == [('a', 1)]")
case("a mapping proxy", types.MappingProxyType({"a": shared, "b": shared}), "copy['a'] is copy['b']")
case("a weak set", weakref.WeakSet([Outer, Total]), "len(copy) <= 2")
case("a memory view", memoryview(b"bytes")[1:3], "copy == b'yt'")
case("a memory view of ints", memoryview(bytearray(range(8))).cast("I"), "bytes(copy) == bytes(range(8))")
case("a cell", types.CellType(3), "copy.cell_contents == 3")
case("a cell of a cell", types.CellType(types.CellType(walrus)), "copy.cell_contents.cell_contents('a') == (1, 2)")
case("a code object", walrus.__code__, "copy.co_name == 'walrus'")
case("a replaced code object", walrus.__code__.replace(co_name="other"), "copy.co_name == 'other'")
case("a getset descriptor", types.FunctionType.__dict__["__code__"], "copy.__name__ == '__code__'")
case("a slot wrapper", int.__add__, "copy(1, 2) == 3")
case("a method descriptor", str.join, "copy('-', 'ab') == 'a-b'")
case("a bound builtin", "-".join, "copy('ab') == 'a-b'")
case("a builtin", len, "copy('ab') == 2")
case("builtin types", [type(None), type(...), type(NotImplemented), types.FunctionType, types.GeneratorType], "copy[0] is type(None)")
case("operators", [operator.itemgetter(1, 2), operator.attrgetter("a.b"), operator.methodcaller("f", 1, k=2)], "copy[0]('abc') == ('b', 'c')")
case("a chain map", collections.ChainMap({"a": 1}, {"b": walrus}), "copy['b']('a') == (1, 2)")
case("a default dict", collections.defaultdict(lambda: 5, a=1), "copy['x'] == 5")
case("a counter and a deque", (collections.Counter("aab"), collections.deque([1, 2], maxlen=3)), "copy[0]['a'] == 2 and copy[1].maxlen == 3")
case("a simple namespace", types.SimpleNamespace(f=walrus, x=1), "copy.f('a') == (1, 2)")
case("a StringIO", io.StringIO("text"), "copy.read() == 'text'")
case("a BytesIO", io.BytesIO(b"bytes"), "copy.read() == b'bytes'")
case("a generic alias", [list[int], dict[str, list[T]], typing.List[int], typing.Callable[[int], str]], "copy[0] == list[int]")
case("special forms", [typing.Any, typing.Optional[int], typing.Union[int, str], typing.ClassVar[int], typing.Literal[1, "a"]], "copy[1].__args__[0] is int")
case("a cyclic dict", cyclic, "copy['self'] is copy")
case("range and slice", [range(1, 9, 2), slice(1, None, 2), ..., NotImplemented, 3 + 4j], "copy[0][1] == 3")
case("a type made by type()", type("Made", (Box, dict), {"x": 1, "f": lambda self: self.x}), "copy({}).f() == 1")
case("a static and a class method", (staticmethod(walrus), classmethod(variadic)), "copy[0].__func__('a') == (1, 2)")
case("lambdas in data", {"f": lambda x: x + 1, "g": [lambda: 2]}, "copy['f'](1) == 2 and copy['g'][0]() == 2")
case("a lambda with defaults", lambda x, y=[1], *, z={"k": 1}: (x, y, z), "copy(0) == (0, [1], {'k': 1})")
case("the same class thrice", [Data, Data(1), Data(2)], "type(copy[1]) is copy[0] is type(copy[2])")
finish()
