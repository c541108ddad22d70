"""One small object of each kind that can be pickled: what is dumped and loaded a million times to see what that leaves behind."""
# ruff: noqa: E731

import abc
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import logging
import math
import operator
import pathlib
import re
import sys
import types
import typing
import uuid
import weakref
import xml.etree.ElementTree

import cloudpickle
import cloudpickle_rs
import importable
from zoo import case, finish

FACTOR = 3
T = typing.TypeVar("T")


# Functions


def adder(n):
    return lambda x: x + n


def with_empty_cell():
    if False:
        later = None
    return lambda: later


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def local_factorial():
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    return factorial


def annotated(a: int, b: "str" = "b", *args: T, key: typing.Optional[int] = None) -> list:
    """Documented."""
    return [a, b, args, key]


annotated.attribute = ["kept"]


def generator(n):
    yield from range(n)


async def coroutine(n):
    return n


async def asynchronous_generator(n):
    for i in range(n):
        yield i


def of_the_module():
    return "by value"


of_the_module.__module__ = "by_value"
by_value = sys.modules["by_value"] = types.ModuleType("by_value")
by_value.of_the_module = of_the_module
cloudpickle.register_pickle_by_value(by_value)
cloudpickle_rs.register_pickle_by_value(by_value)

case("a lambda", lambda x: x + 1, "copy(1) == 2")
case("a function with a global", lambda x: x * FACTOR, "copy(1) == 3")
case("a function with a module", lambda x: math.sqrt(x), "copy(4) == 2")
case("a function with a submodule", lambda: xml.etree.ElementTree.Element("a").tag, "copy() == 'a'")
case("a function with all that one can have", annotated, "copy(1) == [1, 'b', (), None] and copy.attribute == ['kept']")
case("a closure", adder(2), "copy(1) == 3")
case("closures that share a cell", importable.make_counter(), "copy[0]() == 1 == copy[1]()", shares=True)
case("a closure with an empty cell", with_empty_cell(), "raises(NameError, copy)")
case("a recursive function", factorial, "copy(4) == 24")
case("a recursive closure", local_factorial(), "copy(4) == 24")
case("a generator function", generator, "list(copy(2)) == [0, 1]")
case("a coroutine function", coroutine, "run(copy(2)) == 2")
case("an asynchronous generator function", asynchronous_generator, "run(collect(copy(2))) == [0, 1]")
case("a function of a module by value", of_the_module, "copy() == 'by value'")
case("a function by reference", importable.double, "copy(2) == 4")
case("a builtin function", len, "copy is len")
case("a partial", functools.partial(adder(2), 1), "copy() == 3")
case("a bound method", importable.Square(3).area, "copy() == 9")
case("a builtin method", [1, 2].count, "copy(1) == 1")
case("a static method", staticmethod(adder(2)), "copy.__func__(1) == 3")
case("a class method", classmethod(adder(2)), "copy.__func__(1) == 3")
case("a property", property(adder(2)), "copy.fget(1) == 3")
case("code", (lambda: 7).__code__, "eval(copy) == 7")
case("a cell", adder(2).__closure__[0], "copy.cell_contents == 2")
case("an empty cell", types.CellType(), "raises(ValueError, getattr, copy, 'cell_contents')")
case("a getset descriptor", types.FunctionType.__dict__["__code__"], "copy is types.FunctionType.__dict__['__code__']")
case("what gets an item", operator.itemgetter(1), "copy('ab') == 'b'")


# Classes


class Plain:
    kept = [1]

    def method(self):
        return self.kept


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1


class Meta(type):
    def __call__(cls):
        instance = super().__call__()
        instance.by = "meta"
        return instance


class WithMeta(metaclass=Meta):
    pass


class Abstract(abc.ABC):
    @abc.abstractmethod
    def method(self): ...


class Child(Plain):
    def method(self):
        return super().method() + [2]


class Told:
    told = []

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.name = "a child"


class Generic(typing.Generic[T]):
    item: T


class Shaped(typing.Protocol):
    def area(self) -> float: ...


class Movie(typing.TypedDict):
    title: str


class Pair(typing.NamedTuple):
    first: int
    second: int = 2


@dataclasses.dataclass
class Point:
    x: int
    y: list = dataclasses.field(default_factory=list)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Bits(enum.Flag):
    ONE = 1
    TWO = 2


class Descriptor:
    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner):
        return self if instance is None else self.name


class Described:
    field = Descriptor()

    @property
    def virtual(self):
        return 1

    @classmethod
    def make(cls):
        return cls()

    @staticmethod
    def unit():
        return 1


class Failed(Exception):
    pass


case("a class", Plain, "copy().method() == [1]")
case("a class by reference", importable.Shape, "copy.__name__ == 'Shape'")
case("a class with slots", Slotted, "copy().a == 1")
case("a class with a metaclass", WithMeta, "copy().by == 'meta'")
case("an abstract class", Abstract, "raises(TypeError, copy)")
case("a subclass", Child, "copy().method() == [1, 2]")
case("a class that is told of its subclasses", types.new_class("Heir", (Told,)), "copy.name == 'a child'")
case("a generic class", Generic, "copy.__parameters__[0].__name__ == 'T'")
case("a generic alias", Generic[int], "copy.__args__ == (int,)")
case("a protocol", Shaped, "copy._is_protocol")
case("a typed dict", Movie, "copy(title='t') == {'title': 't'}")
case("a named tuple's class", Pair, "copy(1) == (1, 2)")
case("a named tuple", Pair(1), "copy == (1, 2) and copy.second == 2")
case("a dataclass", Point, "copy(1).y == []")
case("a dataclass's instance", Point(1), "copy.x == 1")
case("an enum", Colour, "[member.name for member in copy] == ['RED', 'BLUE']")
case("a member of an enum", Colour.RED, "copy.value == 1")
case("an enum of ints", Level, "copy.LOW == 1")
case("a flag", Bits, "(copy.ONE | copy.TWO).value == 3")
case("a class with descriptors", Described, "copy.make().field == 'field' and copy.unit() == 1")
case("an exception's class", Failed, "issubclass(copy, Exception)")
case("an exception", Failed("why"), "copy.args == ('why',)")
case("a type variable", T, "copy.__name__ == 'T'")
case("builtin types", [type(None), type(...), types.FunctionType, dict], "copy[0] is type(None) and copy[3] is dict")
case("an instance", Plain(), "copy.method() == [1]")
case("an instance with slots", Slotted(), "copy.a == 1")


# What reduces itself


class Stateful:
    def __getstate__(self):
        return [1]

    def __setstate__(self, state):
        self.state = state


class NewArguments:
    def __new__(cls, a, *, b):
        self = super().__new__(cls)
        self.a = [a, b]
        return self

    def __getnewargs_ex__(self):
        return (1,), {"b": 2}


def set_state(instance, state):
    instance["state"] = state


class SixTuple:
    def __reduce__(self):
        return collections.OrderedDict, (), {"kept": 1}, None, iter([("key", "value")]), set_state


class Listed(list):
    pass




case("an instance with a state of its own", Stateful(), "copy.state == [1]")
case("an instance with arguments of __new__", NewArguments(1, b=2), "copy.a == [1, 2]")
case("a reduction of six", SixTuple(), "list(copy.items()) == [('key', 'value'), ('state', {'kept': 1})]")
case("a list's subclass", Listed([1, 2]), "copy == [1, 2]")
case("an instance by reference", importable.Square(2), "copy.area() == 4")


# What cloudpickle's reducers know

module = types.ModuleType("dynamic")
exec("def f(): return n\nn = 5", vars(module))
kept = Plain()
ordered = collections.OrderedDict(a=1)

case("a module", math, "copy is math")
case("a dynamic module", module, "copy.f() == 5")
case("a logger", logging.getLogger("a.logger"), "copy.name == 'a.logger'")
case("the root logger", logging.getLogger(), "copy.name == 'root'")
case("a text file", open(__file__, encoding="utf-8"), "copy.read(3) == chr(34) * 3")
case("a memory view", memoryview(b"view"), "copy == b'view'")
case("a proxy of a mapping", types.MappingProxyType({"a": 1}), "copy['a'] == 1")
case("keys", {"a": 1}.keys(), "list(copy) == ['a']")
case("values", {"a": 1}.values(), "list(copy) == [1]")
case("items", {"a": 1}.items(), "list(copy) == [('a', 1)]")
case("ordered keys", ordered.keys(), "list(copy) == ['a']")
case("ordered values", ordered.values(), "list(copy) == [1]")
case("ordered items", ordered.items(), "list(copy) == [('a', 1)]")
case("a weak set", (kept, weakref.WeakSet([kept])), "list(copy[1]) == [copy[0]]")


# Data

cyclic = [1]
cyclic.append(cyclic)

case("singletons", [None, True, False, ..., NotImplemented], "copy == [None, True, False, ..., NotImplemented]")
case("ints", [0, 300, 70_000, -1, 1 << 40, 1 << 100], "copy[-1] == 1 << 100")
case("floats", [1.5, -0.0, 2 + 3j], "copy == [1.5, 0, 2 + 3j]")
case("strings", ["", "text", "\xe9", "\u2028", "\U0001f600", "\udcff", "x" * 300], "copy[4] == chr(0x1f600)")
case("bytes", [b"", b"bytes", b"x" * 300, bytearray(b"array")], "copy[3] == b'array'")
case("large bytes", b"x" * 70_000, "len(copy) == 70_000")
case("tuples", [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "copy[4] == (1, 2, 3, 4)")
case("a list that holds itself", cyclic, "copy[1] is copy")
case("a dict", {"a": 1, 2: [3]}, "copy == {'a': 1, 2: [3]}")
case("sets", [{1}, frozenset([2])], "copy == [{1}, {2}]")
case("ranges and slices", [range(3), slice(1, 2)], "copy == [range(3), slice(1, 2)]")
case("dates", datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc), "copy.year == 2024")
case("numbers", [decimal.Decimal("1.5"), fractions.Fraction(1, 3)], "copy[0] == 1.5")
case("a queue", collections.deque([1]), "list(copy) == [1]")
case("subclasses of dict", [collections.Counter("aa"), collections.defaultdict(list, a=[1])], "copy == [{'a': 2}, {'a': [1]}]")
case("an array", array.array("i", [1, 2]), "list(copy) == [1, 2]")
case("a path", pathlib.PurePosixPath("/a/b"), "copy.name == 'b'")
case("a pattern", re.compile("a+"), "copy.match('aa')")
case("a UUID", uuid.UUID(int=5), "copy.int == 5")
case("a stream of bytes", io.BytesIO(b"bytes"), "copy.read() == b'bytes'")
case("a task", (adder(2), (1,), {}), "copy[0](*copy[1], **copy[2]) == 3")

finish()
