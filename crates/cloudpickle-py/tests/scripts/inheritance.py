"""Bases, metaclasses, abstract classes, generics, protocols and the hooks of class creation."""

import abc
import collections.abc
import sys
import typing

import importable
from zoo import case, finish

registered = []


class Animal:
    legs = 4

    def speak(self):
        return "..."

    def describe(self):
        return f"{type(self).__name__} says {self.speak()}"


class Dog(Animal):
    def speak(self):
        return "woof"


class Puppy(Dog):
    def speak(self):
        return super().speak() + "!"


class Swimmer:
    def speak(self):
        return "blub " + super().speak()


class SeaDog(Swimmer, Dog):
    pass


class FromImportable(importable.Square):
    def area(self):
        return super().area() + 1


class MyList(list):
    def total(self):
        return sum(self)


class MyDict(dict):
    def __missing__(self, key):
        return f"no {key}"


class MyInt(int):
    def doubled(self):
        return MyInt(self * 2)


class MyStr(str):
    extra = "extra"


class MyTuple(tuple):
    def first(self):
        return self[0]


class MySet(set):
    pass


class MyError(ValueError):
    def __init__(self, message, code=0):
        super().__init__(message)
        self.code = code


class Meta(type):
    def __new__(mcs, name, bases, namespace, **kwargs):
        made = super().__new__(mcs, name, bases, namespace)
        made.kwargs = kwargs
        return made

    def __init__(cls, name, bases, namespace, **kwargs):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args):
        made = super().__call__(*args)
        made.made = True
        return made

    @property
    def shout(cls):
        return cls.__name__.upper()

    def of_class(cls):
        return cls


class WithMeta(metaclass=Meta, flavour="sweet"):
    def __init__(self, x=0):
        self.x = x


class BelowMeta(WithMeta):
    pass


class WithImportableMeta(metaclass=importable.Meta):
    pass


class Prepared(type):
    @classmethod
    def __prepare__(mcs, name, bases, **kwargs):
        return {"prepared": True}


class FromPrepared(metaclass=Prepared):
    pass


class Plugin:
    plugins = []

    def __init_subclass__(cls, /, label="none", **kwargs):
        super().__init_subclass__(**kwargs)
        cls.label = label
        registered.append(cls.__name__)


class Labelled(Plugin, label="mine"):
    pass


class Abstract(abc.ABC):
    @abc.abstractmethod
    def run(self):
        """Must be there."""

    @property
    @abc.abstractmethod
    def size(self):
        """Must be there too."""

    @classmethod
    @abc.abstractmethod
    def make(cls):
        """And this."""

    def concrete(self):
        return self.run() + self.size


class Concrete(Abstract):
    size = 5

    def run(self):
        return 37

    @classmethod
    def make(cls):
        return cls()


class FromImportableAbstract(importable.Base):
    def run(self):
        return "ran"


@Abstract.register
class Virtual:
    pass


class Bag(collections.abc.Sequence):
    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Sized(abc.ABC):
    @classmethod
    def __subclasshook__(cls, other):
        return hasattr(other, "size_of_it")


T = typing.TypeVar("T")
N = typing.TypeVar("N", int, float)
K = typing.TypeVar("K", bound=Animal, covariant=True)


class Box(typing.Generic[T]):
    def __init__(self, item: T):
        self.item = item

    def get(self) -> T:
        return self.item


class IntBox(Box[int]):
    pass


class Pairing(typing.Generic[T, N]):
    first: T
    second: N


class Greets(typing.Protocol):
    def greet(self, name: str) -> str: ...


@typing.runtime_checkable
class Closes(typing.Protocol):
    def close(self) -> None: ...


class Greeter(Greets):
    def greet(self, name):
        return f"hi {name}"


Dog.friend = Puppy()
case(
    "Dog",
    Dog,
    "copy().describe() == 'Dog says woof'",
    "copy.legs == 4",
    "copy.__mro__[1].__name__ == 'Animal'",
    "isinstance(copy.friend, copy)",
)
case("Puppy", Puppy, "copy().speak() == 'woof!'", "[c.__name__ for c in copy.__mro__] == ['Puppy', 'Dog', 'Animal', 'object']")
case(
    "SeaDog",
    SeaDog,
    "copy().describe() == 'SeaDog says blub woof'",
    "[c.__name__ for c in copy.__mro__] == ['SeaDog', 'Swimmer', 'Dog', 'Animal', 'object']",
)
case(
    "a family",
    [Puppy(), Dog(), Animal, SeaDog()],
    "isinstance(copy[0], type(copy[1]))",
    "isinstance(copy[3], copy[2])",
    "type(copy[0]).__base__ is type(copy[1])",
)
case("FromImportable", FromImportable, "copy(3).area() == 10", "copy.__base__.__module__ == 'importable'")
case("a FromImportable", FromImportable(3), "copy.area() == 10", "(copy.edge, copy.name) == (3, 'square')")
case("a MyList", MyList([1, 2, 3]), "copy == [1, 2, 3]", "copy.total() == 6")
case("a MyDict", MyDict(a=1), "copy == {'a': 1}", "copy['b'] == 'no b'")
case("a MyInt", MyInt(21), "copy == 21 and copy.doubled() == 42")
case("a MyStr", MyStr("text"), "copy == 'text' and copy.extra == 'extra'", "type(copy) is not str")
case("a MyTuple", MyTuple((1, 2)), "copy == (1, 2) and copy.first() == 1")
case("a MySet", MySet({1}), "copy == {1}", "type(copy).__name__ == 'MySet'")
case("a MyError", MyError("bad", 3), "copy.args == ('bad',) and copy.code == 3", "isinstance(copy, ValueError)")
case("Meta", Meta, "type(copy) is type", "copy('New', (), {}, a=1).kwargs == {'a': 1}")
case(
    "WithMeta",
    WithMeta,
    "type(copy).__name__ == 'Meta'",
    "copy.shout == 'WITHMETA'",
    "copy(3).made and copy(3).x == 3",
    "copy.of_class() is copy",
)
case("a WithMeta", WithMeta(4), "copy.x == 4 and copy.made", "type(copy).shout == 'WITHMETA'")
case(
    "BelowMeta", BelowMeta, "copy.shout == 'BELOWMETA'", "copy.__base__.shout == 'WITHMETA'", "type(copy) is type(copy.__base__)"
)
case("WithImportableMeta", WithImportableMeta, "copy().made_by == 'Meta'", "type(copy).__module__ == 'importable'")
case("FromPrepared", FromPrepared, "copy.prepared")
case("Plugin", Plugin, "type('New', (copy,), {}, label='new').label == 'new'")
case("Labelled", Labelled, "copy.label == 'mine'", "copy.__base__.plugins == []")
case(
    "Abstract",
    Abstract,
    "raises(TypeError, copy)",
    "copy.__abstractmethods__ == {'run', 'size', 'make'}",
    "type(copy) is abc.ABCMeta",
)
case("Concrete", Concrete, "copy().concrete() == 42", "type(copy.make()) is copy", "not copy.__abstractmethods__")
case("a Concrete", Concrete(), "copy.concrete() == 42", "isinstance(copy, type(copy).__base__)")
case("FromImportableAbstract", FromImportableAbstract, "copy().run() == 'ran'", "issubclass(copy, __import__('importable').Base)")
case("Abstract and Virtual", [Abstract, Virtual], "issubclass(copy[1], copy[0])", "isinstance(copy[1](), copy[0])")
case("Bag", Bag, "list(copy(1, 2)) == [1, 2]", "2 in copy(1, 2)", "copy(5).index(5) == 0")
case("Sized", Sized, "isinstance(type('Has', (), {'size_of_it': 1})(), copy)", "not isinstance(1, copy)")
case("T", T, "copy.__name__ == 'T'", "load() is copy")
case("N", N, "copy.__constraints__ == (int, float)")
case("K", K, "copy.__bound__.__name__ == 'Animal'", "copy.__covariant__ and not copy.__contravariant__")
case(
    "Box",
    Box,
    "copy(3).get() == 3",
    "copy[int].__origin__ is copy",
    "copy.__parameters__[0].__name__ == 'T'",
    "copy.__orig_bases__[0].__origin__ is typing.Generic",
)
case("Box[int]", Box[int], "copy.__args__ == (int,)", "copy(4).get() == 4")
case("IntBox", IntBox, "copy(5).get() == 5", "copy.__orig_bases__[0].__args__ == (int,)")
case(
    "Pairing",
    Pairing,
    "[p.__name__ for p in copy.__parameters__] == ['T', 'N']",
    "copy.__orig_bases__[0].__args__ == copy.__parameters__",
)
case("two classes with one type variable", [Box, Pairing, T], "copy[0].__parameters__[0] is copy[2] is copy[1].__parameters__[0]")
if sys.version_info < (3, 15):  # there `typing` holds lazy imports, which upstream cannot pickle
    case("Greets", Greets, "raises(TypeError, copy)")
    case("Greeter", Greeter, "copy().greet('you') == 'hi you'")
    case("Closes", Closes, "isinstance(io.StringIO(), copy)", "not isinstance(1, copy)")
finish()
