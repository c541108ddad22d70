"""A package that every process of the suite can import: what pickles name by reference."""

import abc
import collections
import dataclasses
import enum

CONSTANT = {"answer": 42}
REGISTRY = []


def double(x):
    """Twice `x`."""
    return 2 * x


def make_adder(amount):
    """A closure whose code lives here but which cannot be named."""

    def add(x):
        return x + amount

    return add


def make_counter():
    """Two closures that share a cell, none of which can be named."""
    count = 0

    def up():
        nonlocal count
        count += 1
        return count

    return up, lambda: count


def keep(function):
    """A decorator that changes nothing."""
    return function


class Shape:
    """A class to name, with one nested in it."""

    sides = 0

    class Corner:
        """A nested class."""

        def __init__(self, angle):
            self.angle = angle

        class Tip:
            """Nested twice."""

        def sharp(self):
            """Whether the angle is below 90 degrees."""
            return self.angle < 90

    def __init__(self, name="shape"):
        self.name = name

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(self.name)

    def area(self):
        """No area."""
        return 0

    @classmethod
    def make(cls, name):
        """A shape."""
        return cls(name)

    @staticmethod
    def unit():
        """The number 1."""
        return 1


class Square(Shape):
    """A class with a base."""

    sides = 4

    def __init__(self, edge):
        super().__init__("square")
        self.edge = edge

    def area(self):
        """The edge squared."""
        return self.edge**2


class Base(abc.ABC):
    """An abstract class to inherit from in `__main__`."""

    @abc.abstractmethod
    def run(self):
        """Must be overridden."""


class Meta(type):
    """A metaclass to use in `__main__`."""

    def __call__(cls, *args, **kwargs):
        made = super().__call__(*args, **kwargs)
        made.made_by = "Meta"
        return made


Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Record:
    """An importable dataclass."""

    id: int
    name: str
    tags: list = dataclasses.field(default_factory=list)


class Colour(enum.Enum):
    """An importable enumeration."""

    RED = 1
    GREEN = 2


class Bits(enum.IntFlag):
    """An importable flag."""

    ONE = 1
    TWO = 2


SINGLETON = object.__new__(type("Singleton", (), {"__reduce__": lambda self: "SINGLETON", "__module__": __name__}))
