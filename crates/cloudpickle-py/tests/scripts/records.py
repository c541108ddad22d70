"""Dataclasses, named tuples, enumerations and typed dictionaries of `__main__`."""

import collections
import dataclasses
import enum
import typing

from zoo import case, finish


@dataclasses.dataclass
class Point:
    """A point."""

    x: int
    y: int = 0
    tags: list = dataclasses.field(default_factory=list)
    origin: typing.ClassVar[int] = 0

    def norm(self):
        return self.x**2 + self.y**2


@dataclasses.dataclass(frozen=True, order=True)
class Version:
    major: int
    minor: int = dataclasses.field(default=0, compare=True, metadata={"unit": "none"})


@dataclasses.dataclass
class Child(Point):
    z: int = 9
    seed: dataclasses.InitVar[int] = 1

    def __post_init__(self, seed):
        self.seeded = seed * 2


@dataclasses.dataclass(eq=False, repr=False)
class Quiet:
    item: object = None


@dataclasses.dataclass
class Tree:
    left: "typing.Optional[Tree]" = None
    right: "typing.Optional[Tree]" = None


Made = dataclasses.make_dataclass(
    "Made", [("a", int), ("b", str, dataclasses.field(default="b"))], namespace={"both": lambda self: (self.a, self.b)}
)
Pair = collections.namedtuple("Pair", "left right", defaults=["default"])


class Employee(typing.NamedTuple):
    """An employee."""

    name: str
    id: int = 3

    def badge(self):
        return f"{self.name}-{self.id}"


class PairWithMethods(Pair):
    __slots__ = ()

    def swapped(self):
        return PairWithMethods(self.right, self.left)


class Colour(enum.Enum):
    """Colours."""

    RED = 1
    GREEN = "green"
    ALIAS = 1
    BLUE = (0, 0, 255)

    def lower(self):
        return self.name.lower()

    @classmethod
    def favourite(cls):
        return cls.GREEN

    @property
    def shouted(self):
        return self.name + "!"


class Number(enum.IntEnum):
    ONE = 1
    TWO = 2


class Permission(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    BOTH = READ | WRITE


class Bits(enum.IntFlag):
    A = 1
    B = 4


class Auto(enum.Enum):
    FIRST = enum.auto()
    SECOND = enum.auto()


class Text(str, enum.Enum):
    HELLO = "hello"
    BYE = "bye"


class NoMembers(enum.Enum):
    def name_twice(self):
        return self.name * 2


class FromNoMembers(NoMembers):
    AB = 1


class Planet(enum.Enum):
    EARTH = (5.97, 6378)
    MARS = (0.64, 3397)

    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius


Functional = enum.Enum("Functional", "ONE TWO", module=__name__)


class Movie(typing.TypedDict):
    title: str
    year: int


case(
    "Point",
    Point,
    "copy(3, 4).norm() == 25",
    "copy(1) == copy(1)",
    "repr(copy(1)) == 'Point(x=1, y=0, tags=[])'",
    "copy(1).tags is not copy(1).tags",
    "[f.name for f in dataclasses.fields(copy)] == ['x', 'y', 'tags']",
    "dataclasses.is_dataclass(copy)",
    "dataclasses.replace(copy(1), y=5).y == 5",
    "dataclasses.asdict(copy(1)) == {'x': 1, 'y': 0, 'tags': []}",
    "copy.__match_args__ == ('x', 'y', 'tags') if sys.version_info >= (3, 10) else True",
)
case("a Point", Point(1, 2, ["t"]), "copy == type(copy)(1, 2, ['t'])", "load() == copy")
case(
    "many Points",
    [Point(i, -i) for i in range(100)],
    "[p.x for p in copy] == list(range(100))",
    "len({type(p) for p in copy}) == 1",
)
case(
    "Version",
    Version,
    "copy(1) < copy(1, 1) < copy(2)",
    "raises(dataclasses.FrozenInstanceError, setattr, copy(1), 'major', 2)",
    "hash(copy(1)) == hash(copy(1))",
    "dataclasses.fields(copy)[1].metadata['unit'] == 'none'",
)
case("a Version", Version(3, 1), "(copy.major, copy.minor) == (3, 1)")
case(
    "Child",
    Child,
    "copy(1, z=2, seed=4).seeded == 8",
    "[f.name for f in dataclasses.fields(copy)] == ['x', 'y', 'tags', 'z']",
    "copy.__base__(1, 2).norm() == 5",
)
case("a Quiet", Quiet([1]), "copy.item == [1]", "copy != load()")
case("a Tree", Tree(Tree(), Tree(Tree())), "copy.right.left == type(copy)() and copy.right.right is None")
case("Made", Made, "copy(1).both() == (1, 'b')")
case(
    "Pair",
    Pair,
    "copy(1) == (1, 'default')",
    "copy._fields == ('left', 'right')",
    "copy(1, 2)._replace(left=5) == (5, 2)",
    "copy(1, 2)._asdict() == {'left': 1, 'right': 2}",
    "copy._field_defaults == {'right': 'default'}",
)
case("a Pair", Pair(1, [2]), "copy == (1, [2]) and copy.right == [2]", "type(copy).__name__ == 'Pair'")
case("Employee", Employee, "copy('ann').badge() == 'ann-3'", "copy._fields == ('name', 'id')", "copy.__doc__ == 'An employee.'")
case("an Employee", Employee("bob", 7), "copy.badge() == 'bob-7'", "copy == ('bob', 7)")
case("a PairWithMethods", PairWithMethods(1, 2), "copy.swapped() == (2, 1)", "type(copy.swapped()) is type(copy)")
case(
    "Colour",
    Colour,
    "[c.name for c in copy] == ['RED', 'GREEN', 'BLUE']",
    "copy(1) is copy.RED is copy['RED']",
    "copy.RED.value == 1",
    "copy.GREEN.lower() == 'green'",
    "copy.favourite() is copy.GREEN",
    "copy.BLUE.value == (0, 0, 255)",
    "copy.RED.shouted == 'RED!'",
    "copy.__doc__ == 'Colours.'",
    "isinstance(copy.RED, copy)",
    "load() is copy",
)
case("a Colour", Colour.GREEN, "copy.name == 'GREEN' and copy.value == 'green'", "copy is type(copy).GREEN", "load() is copy")
case("colours in data", {Colour.RED: [Colour.BLUE, Colour.RED]}, "list(copy)[0] is list(copy.values())[0][1]")
case("Number", Number, "copy.ONE + copy.TWO == 3", "copy.ONE == 1 and isinstance(copy.ONE, int)")
case("a Number", Number.TWO, "copy == 2 and copy.name == 'TWO'")
case(
    "Permission",
    Permission,
    "copy.READ | copy.WRITE == copy.BOTH",
    "copy.READ in copy.BOTH",
    "(copy.READ & copy.WRITE).value == 0",
)
case("a Permission", Permission.READ | Permission.WRITE, "copy.value == 3", "copy is type(copy).BOTH")
case("Bits", Bits, "(copy.A | copy.B) == 5")
case("a combination of Bits", Bits.A | Bits.B, "copy == 5 and isinstance(copy, int)")
case("Auto", Auto, "[m.value for m in copy] == [1, 2]")
case("Text", Text, "copy.HELLO == 'hello' and copy('bye') is copy.BYE")
case("a Text", Text.BYE, "copy == 'bye' and copy.name == 'BYE'", "copy.upper() == 'BYE'")
case("NoMembers", NoMembers, "list(copy) == []")
case("FromNoMembers", FromNoMembers, "copy.AB.name_twice() == 'ABAB'")
case("Planet", Planet, "copy((0.64, 3397)) is copy.MARS", "copy.EARTH.name == 'EARTH'")
case("Functional", Functional, "copy.TWO.value == 2")
case(
    "Movie",
    Movie,
    "copy(title='t', year=1) == {'title': 't', 'year': 1}",
    "list(typing.get_type_hints(copy)) in (['title', 'year'], [])",
    "copy.__required_keys__ == {'title', 'year'}",
)
case(
    "a task over records",
    (lambda points, colour: [(p.norm(), colour.name) for p in points], [Point(1, 1)], Colour.RED),
    "copy[0](*copy[1:]) == [(2, 'RED')]",
)
finish()
