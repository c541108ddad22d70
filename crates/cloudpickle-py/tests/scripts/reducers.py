"""Objects that upstream has a reducer of its own for."""

import abc
import collections
import logging
import os
import sys
import tempfile
import types
import typing
import weakref

from zoo import case, finish

OFFSET = 5


class Key:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __hash__(self):
        return hash(self.n)


class Kept:
    pass


with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False, encoding="utf-8") as made:
    made.write("first line\nsecond \u20ac line\n")
text = open(made.name, encoding="utf-8")
text.readline()

kept = [Kept(), Kept()]
ordered = collections.OrderedDict([("b", 1), ("a", 2)])

module = types.ModuleType("made_module", "A module's doc.")
exec(
    "limit = 3\ndef twice(x):\n    return x * 2 + limit\n"
    "class Thing:\n    def go(self):\n        return twice(1)\nlist_of = [twice, Thing]\n",
    module.__dict__,
)
empty_module = types.ModuleType("empty_module")


def uses_module():
    return module.twice(10)


Unbounded = typing.TypeVar("Unbounded")
Bounded = typing.TypeVar("Bounded", bound=Key)

case(
    "a property",
    property(lambda self: self.n, None, None, "doc"),
    "copy.fget(types.SimpleNamespace(n=3)) == 3",
    "copy.fset is None",
    "copy.__doc__ == 'doc'",
)
case("a classmethod", classmethod(lambda cls: cls), "copy.__func__(3) == 3", "type(copy) is classmethod")
case("a staticmethod", staticmethod(lambda: OFFSET), "copy.__func__() == 5", "type(copy) is staticmethod")
case("a method", types.MethodType(lambda self, x: (self, x), "bound"), "copy(1) == ('bound', 1)", "copy.__self__ == 'bound'")
case("a logger", logging.getLogger("some.logger"), "copy is __import__('logging').getLogger('some.logger')")
case("the root logger", logging.getLogger(), "copy is __import__('logging').getLogger()")
case("a function that logs", lambda: logging.getLogger("x").name, "copy() == 'x'")
case(
    "memory views", [memoryview(b"abc"), memoryview(bytearray(b"abcdef"))[1:5:2], memoryview(b"")], "copy == [b'abc', b'bd', b'']"
)
case(
    "a mapping proxy",
    types.MappingProxyType({"a": [1]}),
    "copy == {'a': [1]} and type(copy) is types.MappingProxyType",
    "raises(TypeError, operator.setitem, copy, 'b', 1)",
)
case(
    "views of a dict",
    [{"a": 1, "b": 2}.keys(), {"a": 1, "b": 2}.values(), {"a": 1, "b": 2}.items()],
    "[list(v) for v in copy] == [['a', 'b'], [1, 2], [('a', 1), ('b', 2)]]",
    "[type(v).__name__ for v in copy] == ['dict_keys', 'dict_values', 'dict_items']",
)
case("views of an empty dict", [{}.keys(), {}.values(), {}.items()], "[list(v) for v in copy] == [[], [], []]")
case(
    "views of an OrderedDict",
    [ordered.keys(), ordered.values(), ordered.items()],
    "[list(v) for v in copy] == [['b', 'a'], [1, 2], [('b', 1), ('a', 2)]]",
    "[type(v) for v in copy] == [type(getattr(collections.OrderedDict(), n)()) for n in ('keys', 'values', 'items')]",
)
case("views with keys of main", {Key(1): Key(2)}.items(), "[(k.n, v.n) for k, v in copy] == [(1, 2)]")
case("a weak set", (kept, weakref.WeakSet([kept[0]])), "list(copy[1]) == [copy[0][0]]")
case("an empty weak set", weakref.WeakSet(), "len(copy) == 0")
case(
    "type variables",
    [Unbounded, Bounded],
    "[t.__name__ for t in copy] == ['Unbounded', 'Bounded']",
    "copy[1].__bound__(3).n == 3",
)
case("an importable type variable", typing.AnyStr, "copy is typing.AnyStr")
case(
    "a text file",
    text,
    "copy.read() == 'second \u20ac line\\n'",
    "copy.name.endswith('.txt')",
    "copy.getvalue().startswith('first')",
)
case("standard output and error", [sys.stdout, sys.stderr], "copy == [sys.stdout, sys.stderr]")
case(
    "a dynamic module",
    module,
    "copy.twice(2) == 7",
    "copy.Thing().go() == 5",
    "copy.__name__ == 'made_module'",
    'copy.__doc__ == "A module\'s doc."',
    "copy.list_of[0] is copy.twice",
    "'made_module' not in sys.modules",
)
case("an empty dynamic module", empty_module, "copy.__name__ == 'empty_module'")
case("a function that uses a dynamic module", uses_module, "copy() == 23")
case("a getset descriptor", types.FunctionType.__dict__["__code__"], "copy is types.FunctionType.__dict__['__code__']")
case("a member descriptor's class", types.MemberDescriptorType, "copy is types.MemberDescriptorType")
case("code", (lambda x: x + OFFSET).__code__, "copy.co_names == ('OFFSET',)", "types.FunctionType(copy, {'OFFSET': 5})(1) == 6")
case("cells", (lambda x: lambda: x)([1]).__closure__, "copy[0].cell_contents == [1]")
case(
    "abstract decorators",
    [abc.abstractproperty(lambda self: 1), abc.abstractclassmethod(lambda cls: 2), abc.abstractstaticmethod(lambda: 3)],
    "[type(c).__name__ for c in copy] == ['property', 'abstractclassmethod', 'abstractstaticmethod']",
)
os.unlink(made.name)
finish()
