"""One object of each sort that came with Python 3.10 and 3.11."""

import dataclasses
import enum
import functools
import types
import typing

from zoo import case, finish

R = typing.TypeVar("R")


class Colour(enum.StrEnum):
    RED = enum.auto()
    BLUE = "b"


class Strict(enum.Flag, boundary=enum.FlagBoundary.STRICT):
    A = 1
    B = 2
    AB = 3


class Keeping(enum.IntFlag, boundary=enum.FlagBoundary.KEEP):
    A = 1


class WithNonmember(enum.Enum):
    A = 1
    helper = enum.nonmember(5)

    @enum.member
    class Inner:
        x = 1


@enum.verify(enum.UNIQUE)
class Verified(enum.Enum):
    ONE = 1


class Valued(enum.Enum):
    EARTH = (1, 2.0)

    def __init__(self, mass, radius):
        self.mass = mass

    @enum.property
    def doubled(self):
        return self.value[0] * 2


@dataclasses.dataclass(slots=True, frozen=True, kw_only=True)
class Slots:
    x: int
    y: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True, weakref_slot=True)
class WeakSlots:
    x: int = 1


@dataclasses.dataclass
class Keyword:
    a: int
    _: dataclasses.KW_ONLY
    b: int = 2


class Calls(typing.Generic[R]):
    def __init__(self, function: "typing.Callable[P, R]"):
        self.function = function

    def __call__(self, *args: "P.args", **kwargs: "P.kwargs") -> R:
        return self.function(*args, **kwargs)

    def itself(self) -> typing.Self:
        return self


class Movie(typing.TypedDict):
    title: typing.Required[str]
    year: typing.NotRequired[int]


class Failing(ExceptionGroup):
    def derive(self, excs):
        return Failing(self.message, excs)


def grouping():
    try:
        raise ExceptionGroup("g", [ValueError(1), TypeError(2)])
    except* ValueError as group:
        caught = len(group.exceptions)
    except* TypeError:
        caught += 10
    return caught


def matching(x):
    match x:
        case {"k": [a, *rest]}:
            return a, rest
        case Keyword(a=1) | Slots(x=1):
            return "one"
        case str() as text if text:
            return text
        case _:
            return None


def union(a: int | None, b: "list[int] | str" = "b") -> int | str:
    return a or b


case("Colour", Colour, "copy.RED == 'red' and copy('b') is copy.BLUE")
case("Colour.RED", Colour.RED, "copy == 'red' and copy.name == 'RED'")
case("Strict", Strict, "copy.AB == copy.A | copy.B")
case("Keeping(9)", Keeping.A, "copy == 1")
case("WithNonmember", WithNonmember, "copy.helper == 5 and copy.A.value == 1")
case("Verified", Verified, "copy(1) is copy.ONE")
case("Valued", Valued, "copy.EARTH.doubled == 2")
case("Slots(x=1)", Slots(x=1), "(copy.x, copy.y) == (1, [])", "copy == load()")
case("Slots", Slots, "copy(x=2).x == 2")
case("WeakSlots()", WeakSlots(), "weakref.ref(copy)() is copy")
case("Keyword", Keyword, "copy(1, b=3).b == 3", "raises(TypeError, copy, 1, 2)")
case("Calls", Calls, "copy(len)('ab') == 2 and copy(len).itself()")
case("Calls(len)", Calls(len), "copy('ab') == 2")
case("Movie", Movie, "copy.__required_keys__ == {'title'}")
case("an exception group", ExceptionGroup("g", [ValueError(1), ExceptionGroup("h", [TypeError(2)])]), "copy.exceptions[1].message == 'h'")
case("Failing", Failing("f", [OSError(1, "x")]), "copy.message == 'f' and type(copy).__name__ == 'Failing'")
case("grouping", grouping, "copy() == 11")
case("matching", matching, "copy({'k': [1, 2]}) == (1, [2]) and copy('t') == 't' and copy(0) is None")
case("union", union, "copy(0) == 'b'", "copy.__annotations__['a'] == (int | None)")
case("a union", [int | str, list[int] | None], "copy[0] == int | str")
case("a partial of a union", functools.partial(isinstance, 3), "copy(int | str)")
case("an ellipsis type", [types.EllipsisType, types.NoneType, types.UnionType], "copy[0] is type(...)")
case("a note", (error := ValueError("v"), error.add_note("n"), error)[2], "copy.__notes__ == ['n']")
finish()
