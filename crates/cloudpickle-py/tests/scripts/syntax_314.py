"""Syntax and semantics that came with Python 3.14: deferred annotations, template strings."""

import annotationlib
import dataclasses
import sys

from zoo import case, finish


def deferred(a: Later, b: list[Later] = ()) -> Later:
    return a


class Later:
    next: Later
    other: int = 1

    def method(self, x: Later) -> Later:
        return x


@dataclasses.dataclass
class Point:
    x: int
    link: Point | None = None


def templated(name):
    return t"hello {name}!"


def without_parentheses():
    try:
        raise KeyError
    except ValueError, KeyError:
        return "caught"


case(
    "deferred annotations",
    deferred,
    "copy(1) == 1",
    "copy.__annotations__['a'] is copy.__annotations__['return']",
    "copy.__annotations__['a'].__name__ == 'Later'",
)
case(
    "a class whose annotations name it",
    Later,
    "copy.method.__annotations__ == {'x': copy, 'return': copy}",
    "copy().method(1) == 1",
)
case("a template string", templated, "list(copy('you'))[1].value == 'you'")
case("except without parentheses", without_parentheses, "copy() == 'caught'")
case("annotationlib", annotationlib.Format, "copy.VALUE.value == 1")
if sys.version_info < (3, 15):  # there upstream fails on the forward reference that the field holds
    case(
        "a dataclass whose annotations name it",
        Point,
        "copy(1, copy(2)).link.x == 2",
        "[f.name for f in dataclasses.fields(copy)] == ['x', 'link']",
    )
finish()
