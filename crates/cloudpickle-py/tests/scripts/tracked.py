"""Classes that are loaded again and again: one class each, whatever else has its name."""

import abc
import dataclasses
import enum
import typing
from zoo import case, finish


class Thing:
    count = 0

    def method(self):
        return 1


older, of_older = Thing, Thing()


class Thing:
    count = 0

    def method(self):
        return super().__repr__() and 2


class Shade(enum.Enum):
    DARK = 1


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


class Square(Shape):
    def area(self):
        return 4


@dataclasses.dataclass
class Point:
    x: int


def made_of(n):
    class Local:
        value = n

        def get(self):
            return n

    return Local


T = typing.TypeVar("T")
first, second = made_of(1), made_of(2)

case("an instance", Thing(), "isinstance(load(), type(copy)) and type(load()) is type(copy)")
case("a class and its instances", [Thing, Thing(), Thing()], "type(copy[1]) is copy[0] is type(load()[2])")
case("a class of the same name", [older, Thing, of_older], "copy[0] is not copy[1]", "type(copy[2]) is copy[0]", "copy[1]().method() == 2")
case("a member", Shade.DARK, "load() is copy")
case("a type variable", T, "load() is copy")
case("an abstract class", [Shape, Square()], "load()[0] is copy[0] and isinstance(load()[1], copy[0])")
case("equal instances", Point(1), "copy == load()")
case("attributes that were changed", Thing, "(setattr(copy, 'count', 5), load().count)[1] == 0 and load() is copy")
case("two of one function", [first, second], "copy[0]().get() == 1 and copy[1]().get() == 2", "load()[0] is copy[0] is not copy[1]")
finish()
