"""Classes of `__main__` and their instances."""

import functools

import importable
from zoo import case, finish

SCALE = 2


class Empty:
    pass


class Documented:
    """A class's doc."""

    limit = 10
    table = {"a": [1]}

    def __init__(self, x=1):
        self.x = x

    def scaled(self, by=SCALE) -> int:
        """A method's doc."""
        return self.x * by * SCALE

    def me(self):
        return Documented, __class__  # noqa: F821

    def __eq__(self, other):
        return type(other) is type(self) and self.x == other.x

    def __hash__(self):
        return hash(self.x)

    def __repr__(self):
        return f"Documented({self.x})"


class Annotated:
    a: int
    b: "Annotated" = None
    c: "list[undefined]" = []  # noqa: F821


class WithProperties:
    def __init__(self):
        self._value = 1

    @property
    def value(self):
        """The value."""
        return self._value

    @value.setter
    def value(self, new):
        self._value = new * SCALE

    @value.deleter
    def value(self):
        self._value = None

    read_only = property(lambda self: "fixed", doc="Given doc.")


class WithMethods:
    count = 0

    @classmethod
    def make(cls, *args):
        made = cls()
        made.args = args
        return made

    @staticmethod
    def static(x, y=SCALE):
        return x * y

    @classmethod
    @functools.lru_cache(maxsize=None)  # noqa: B019
    def unused(cls):
        return 1

    del unused

    def __len__(self):
        return 3

    def __getitem__(self, i):
        return i * SCALE

    def __call__(self, *args):
        return args

    def __enter__(self):
        return "in"

    def __exit__(self, *exc_info):
        return True

    def __getattr__(self, name):
        if name.startswith("magic_"):
            return name[6:]
        raise AttributeError(name)

    lambda_method = lambda self: self.count  # noqa: E731


class Slotted:
    __slots__ = ("x", "y", "__weakref__")

    def __init__(self, x, y=None):
        self.x = x
        if y is not None:
            self.y = y


class OneSlot:
    __slots__ = "only"


class EmptySlots:
    __slots__ = ()


class SlottedAndDict(Slotted):
    def __init__(self, x):
        super().__init__(x)
        self.more = "more"


class ListedSlots:
    __slots__ = ["_hidden", "shown"]

    def __init__(self):
        self._hidden = "hidden"
        self.shown = "shown"

    def reveal(self):
        return self._hidden


class Outer:
    class Inner:
        value = "inner"

        class Innermost:
            def where(self):
                return type(self).__qualname__

    def make(self):
        return Outer.Inner()

    def local(self):
        class Local:
            owner = self

        return Local


class Node:
    """Refers to itself as instances and in attributes."""

    def __init__(self, value, *children):
        self.value = value
        self.children = list(children)
        self.parent = None
        for child in children:
            child.parent = self

    def total(self):
        return self.value + sum(child.total() for child in self.children)


Node.root = Node(0)
Node.kind = Node


def local_class(n):
    class Local:
        size = n

        def double(self):
            return n * SCALE

    return Local


def method_added(self):
    return self.x + SCALE


Documented.added = method_added
Dynamic = type("Dynamic", (), {"x": 5, "get": lambda self: self.x})
Renamed = type("Renamed", (object,), {"__module__": "some.where", "__qualname__": "A.B.Renamed", "v": 1})
Odd = type("not an identifier", (), {"strange name": 1, "\u20ac": 2})
cyclic = Node(1, Node(2), Node(3, Node(4)))

case(
    "Empty",
    Empty,
    "copy.__name__ == 'Empty'",
    "copy.__module__ == '__main__'",
    "type(copy()) is copy",
    "copy.__doc__ is None",
    "load() is copy",
)
case("an Empty", Empty(), "type(copy).__name__ == 'Empty'", "type(load()) is type(copy)", "vars(copy) == {}")
case(
    "Documented",
    Documented,
    'copy.__doc__ == "A class\'s doc."',
    "copy(3).scaled() == 12",
    "copy(3).scaled(1) == 6",
    "copy().me() == (copy, copy)",
    "copy(1) == copy(1) and copy(1) != copy(2)",
    "repr(copy(4)) == 'Documented(4)'",
    'copy.scaled.__doc__ == "A method\'s doc."',
    "copy.limit == 10 and copy.table == {'a': [1]}",
    "copy(1).added() == 3",
    "{copy(1): 1}[copy(1)] == 1",
    "copy.scaled.__annotations__ == {'return': int}",
    "copy.scaled.__qualname__ == 'Documented.scaled'",
)
case(
    "a Documented",
    Documented(7),
    "copy.x == 7",
    "copy.scaled() == 28",
    "copy == type(copy)(7)",
    "load() == copy",
    "isinstance(load(), type(copy))",
)
case("class and instances", [Documented, Documented(1), Documented(2)], "type(copy[1]) is copy[0] is type(copy[2])")
case(
    "Annotated",
    Annotated,
    "sys.version_info >= (3, 14) or copy.__annotations__ == {'a': int, 'b': 'Annotated', 'c': 'list[undefined]'}",
    "copy.b is None and copy.c == []",
)
case(
    "WithProperties",
    WithProperties,
    "copy().value == 1",
    "copy.value.__doc__ == 'The value.'",
    "copy.read_only.__doc__ == 'Given doc.'",
    "(o := copy(), setattr(o, 'value', 5), o.value)[-1] == 10",
    "(o := copy(), delattr(o, 'value'), o.value)[-1] is None",
    "raises(AttributeError, setattr, copy(), 'read_only', 1)",
    "copy().read_only == 'fixed'",
)
case(
    "WithMethods",
    WithMethods,
    "type(copy.make(1, 2)) is copy and copy.make(1, 2).args == (1, 2)",
    "copy.static(4) == 8",
    "copy().static(4) == 8",
    "len(copy()) == 3 and copy()[5] == 10 and copy()(1, 2) == (1, 2)",
    "copy().magic_word == 'word'",
    "raises(AttributeError, getattr, copy(), 'x')",
    "copy().lambda_method() == 0",
    "type(vars(copy)['static']) is staticmethod",
    "type(vars(copy)['make']) is classmethod",
)
case(
    "a bound method and its object",
    (lambda o: [o, o.make, o.static, o.lambda_method])(WithMethods()),
    "copy[3].__self__ is copy[0]",
    "copy[1].__self__ is type(copy[0])",
    "copy[2](2) == 4",
)
case(
    "Slotted",
    Slotted,
    "copy(1).x == 1",
    "raises(AttributeError, lambda: copy(1).y)",
    "copy.__slots__ == ('x', 'y', '__weakref__')",
    "weakref.ref(o := copy(1))() is o",
)
case("a Slotted", Slotted(1, [2]), "copy.x == 1 and copy.y == [2]")
case("a half-filled Slotted", Slotted(1), "copy.x == 1 and not hasattr(copy, 'y')")
case("OneSlot", OneSlot, "copy.__slots__ == 'only'", "(o := copy(), setattr(o, 'only', 1), o.only)[-1] == 1")
case("EmptySlots", EmptySlots, "copy.__slots__ == ()")
case("a SlottedAndDict", SlottedAndDict(3), "(copy.x, copy.more) == (3, 'more')")
case("a ListedSlots", ListedSlots(), "copy.reveal() == 'hidden'", "copy.shown == 'shown'")
case(
    "Outer",
    Outer,
    "copy.Inner.value == 'inner'",
    "copy.Inner.Innermost().where().endswith('Innermost')",
    "type(copy().make()) is copy.Inner",
)
case("Inner", Outer.Inner, "copy.value == 'inner'", "copy.__name__ == 'Inner'")
case("a local class of a method", Outer().local(), "type(copy.owner).__name__ == 'Outer'", "copy.__name__ == 'Local'")
case("Node", Node, "copy.kind is copy", "type(copy.root) is copy", "copy(1, copy(2)).total() == 3")
case("a tree", cyclic, "copy.total() == 10", "copy.children[1].children[0].parent.parent is copy")
case("local_class", local_class(4), "copy.size == 4", "copy().double() == 8")
case("an instance of a local class", local_class(5)(), "copy.double() == 10")
case(
    "two local classes of one name",
    [local_class(1), local_class(2)],
    "copy[0] is not copy[1]",
    "[c.size for c in copy] == [1, 2]",
)
case("Dynamic", Dynamic, "copy().get() == 5")
case("Renamed", Renamed, "(copy.__module__, copy.__name__, copy.v) == ('some.where', 'Renamed', 1)")
case("Odd", Odd, "copy.__name__ == 'not an identifier'", "getattr(copy, 'strange name') == 1", "getattr(copy, '\u20ac') == 2")
case("a function that makes instances", lambda x: Documented(x), "copy(2).scaled() == 8")
case("a method of an importable instance", importable.Square(3).area, "copy() == 9")
case(
    "a class that holds functions of main",
    type("Holder", (), {"f": staticmethod(lambda: SCALE), "g": [lambda: 1]}),
    "copy.f() == 2 and copy.g[0]() == 1",
)
finish()
