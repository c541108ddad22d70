"""What other modules define: it goes by its name."""

import collections
import datetime
import decimal
import fractions
import functools
import math
import operator
import os.path
import pathlib
import random
import re
import types
import uuid

import importable
import importable.inner.leaf
from importable.inner import call
from zoo import case, finish

case("a function", importable.double, "copy(2) == 4", "copy is __import__('importable').double")
case("a class", importable.Shape, "copy is __import__('importable').Shape")
case("a nested class", importable.Shape.Corner, "copy is __import__('importable').Shape.Corner")
case("a twice nested class", importable.Shape.Corner.Tip, "copy is __import__('importable').Shape.Corner.Tip")
case("a method of a class", importable.Shape.area, "copy is __import__('importable').Shape.area")
case("a method of a nested class", importable.Shape.Corner.sharp, "copy is __import__('importable').Shape.Corner.sharp")
case("a static method", importable.Shape.unit, "copy() == 1")
case("a class method", importable.Shape.make, "copy('x').name == 'x'", "copy.__self__ is __import__('importable').Shape")
case("a bound method", importable.Square(3).area, "copy() == 9")
case("an instance", importable.Square(2), "copy == __import__('importable').Square(2)")
case("a nested class's instance", importable.Shape.Corner(60), "copy.sharp()")
case("a named tuple", importable.Pair(1, 2), "copy == (1, 2) and type(copy) is __import__('importable').Pair")
case("a dataclass's instance", importable.Record(1, "one", ["t"]), "copy == __import__('importable').Record(1, 'one', ['t'])")
case(
    "an enumeration", [importable.Colour, importable.Colour.RED], "copy[1] is copy[0].RED is __import__('importable').Colour.RED"
)
case("a flag", importable.Bits.ONE | importable.Bits.TWO, "copy == 3")
case("an object that is pickled as a name", importable.SINGLETON, "copy is __import__('importable').SINGLETON")
case("a module", importable, "copy is __import__('importable')")
case("a submodule", importable.inner.leaf, "copy.LEAF == 'leaf'", "copy.__name__ == 'importable.inner.leaf'")
case(
    "modules of the standard library",
    [math, os, os.path, collections.abc],
    "copy == [math, __import__('os'), __import__('os').path, collections.abc]",
)
case("a function of a subpackage", call, "copy(len, 'ab') == 2")
case("builtins", [len, print, abs, isinstance, open], "copy == [len, print, abs, isinstance, open]")
case(
    "builtin types",
    [int, str, dict, type, object, list, bytes, bytearray, memoryview, property, range, slice, complex, frozenset, super],
    "copy == [int, str, dict, type, object, list, bytes, bytearray, memoryview, property, range, slice, complex, frozenset, "
    "super]",
)
case(
    "types of singletons", [type(None), type(...), type(NotImplemented)], "copy == [type(None), type(...), type(NotImplemented)]"
)
case("singletons", [None, True, False, ..., NotImplemented], "copy == [None, True, False, ..., NotImplemented]")
case(
    "types of `types`",
    [
        types.FunctionType,
        types.CodeType,
        types.ModuleType,
        types.GeneratorType,
        types.MethodType,
        types.CellType,
        types.MappingProxyType,
        types.BuiltinFunctionType,
        types.TracebackType,
        types.SimpleNamespace,
        types.WrapperDescriptorType,
    ],
    "copy[0] is types.FunctionType",
    "copy == [types.FunctionType, types.CodeType, types.ModuleType, types.GeneratorType, types.MethodType, types.CellType, "
    "types.MappingProxyType, types.BuiltinFunctionType, types.TracebackType, types.SimpleNamespace, types.WrapperDescriptorType]",
)
case("functions of C modules", [math.sqrt, operator.add, functools.reduce, os.getcwd], "copy[0](9) == 3.0 and copy[1](1, 2) == 3")
case(
    "unbound methods of builtin types",
    [str.upper, list.append, dict.fromkeys, int.from_bytes, object.__init__],
    "copy[0]('a') == 'A' and copy[3](b'a', 'big') == 97",
)
case(
    "bound methods of builtins",
    ["text".upper, [3, 1].index, {"a": 1}.get],
    "copy[0]() == 'TEXT' and copy[1](1) == 1 and copy[2]('a') == 1",
)
case(
    "exceptions",
    [
        ValueError("v", 1),
        KeyError("k"),
        OSError(2, "no", "file"),
        StopIteration(3),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "why"),
    ],
    "[type(e).__name__ for e in copy] == ['ValueError', 'KeyError', 'FileNotFoundError', 'StopIteration', 'UnicodeDecodeError']",
    "copy[0].args == ('v', 1)",
    "copy[2].filename == 'file'",
)
case(
    "exception types",
    [ValueError, BaseException, StopIteration, UnicodeDecodeError],
    "copy == [ValueError, BaseException, StopIteration, UnicodeDecodeError]",
)
case(
    "dates",
    [
        datetime.date(2020, 2, 29),
        datetime.datetime(2020, 1, 1, 12, 30, tzinfo=datetime.timezone.utc),
        datetime.timedelta(days=-1, seconds=5),
        datetime.time(1, 2, 3, 4),
    ],
    "[str(d) for d in copy] == ['2020-02-29', '2020-01-01 12:30:00+00:00', '-1 day, 0:00:05', '01:02:03.000004']",
)
case(
    "numbers",
    [decimal.Decimal("1.10"), fractions.Fraction(1, 3), 1 + 2j, complex(0, -0.0)],
    "[str(n) for n in copy[:2]] == ['1.10', '1/3']",
    "copy[2] == 1 + 2j",
    "math.copysign(1, copy[3].imag) == -1",
)
case("ranges and slices", [range(1, 10, 2), slice(1, None, 3)], "copy == [range(1, 10, 2), slice(1, None, 3)]")
case(
    "containers",
    [
        collections.OrderedDict(b=1, a=2),
        collections.defaultdict(list, a=[1]),
        collections.Counter("aab"),
        collections.deque([1, 2], 3),
        collections.ChainMap({"a": 1}, {"b": 2}),
        collections.UserDict(a=1),
        collections.UserList([1]),
        collections.UserString("s"),
    ],
    "list(copy[0]) == ['b', 'a'] and copy[1]['z'] == [] and copy[2]['a'] == 2 and copy[3].maxlen == 3",
    "copy[4]['b'] == 2 and copy[5]['a'] == 1 and copy[6][0] == 1 and copy[7] == 's'",
)
case(
    "a regular expression", re.compile(r"(\w+)@(\w+)", re.I), "copy.match('Me@Home').groups() == ('Me', 'Home')", "copy.flags & 2"
)
case("paths", [pathlib.PurePosixPath("/a/b.txt"), pathlib.Path("c")], "copy[0].suffix == '.txt'")
case("a UUID", uuid.UUID(int=5), "copy.int == 5")
case("a random generator", random.Random(3), "copy.random() == load().random()")
case("a simple namespace", types.SimpleNamespace(a=1, b=[2]), "copy.a == 1 and copy.b == [2]")
case(
    "a generic alias",
    [list[int], dict[str, list[int]], tuple[int, ...]],
    "copy == [list[int], dict[str, list[int]], tuple[int, ...]]",
)
case(
    "iterators of lists",
    [iter([1, 2, 3]), iter((1, 2)), iter(range(3)), iter("ab")],
    "[list(i) for i in copy] == [[1, 2, 3], [1, 2], [0, 1, 2], ['a', 'b']]",
)
case("partials of importable functions", functools.partial(importable.double, 4), "copy() == 8")
case("the same function twice", [importable.double, importable.double], "copy[0] is copy[1]")
finish()
