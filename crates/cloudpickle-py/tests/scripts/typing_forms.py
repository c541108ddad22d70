"""What `typing` makes of classes and functions of `__main__`."""

import collections.abc
import typing
from typing import Callable, Dict, ForwardRef, Generic, List, Optional, Protocol, TypeVar

from zoo import case, finish

T = TypeVar("T")
Number = TypeVar("Number", int, float)
Text = TypeVar("Text", bound="Later")
Source = TypeVar("Source", covariant=True)


class Later(Generic[T]):
    value: "Optional[Later[T]]" = None

    def map(self, function: Callable[[T], Number]) -> "Later[Number]":
        return Later()


class Pairs(Dict[str, T]):
    pass


class Both(Later[T], Generic[T, Number]):
    pass


class Fixed(Later[int]):
    pass


@typing.runtime_checkable
class Closing(Protocol[Source]):
    def close(self) -> Source: ...


class Door:
    def close(self):
        return "shut"


class Stream(Closing[int]):
    def close(self):
        return 1


class Table(typing.Mapping[str, "Table"]):
    def __getitem__(self, key):
        return key

    def __iter__(self):
        return iter("a")

    def __len__(self):
        return 1


class Shelf(collections.abc.MutableSequence, Generic[T]):
    def __init__(self):
        self.items = []

    def __getitem__(self, index):
        return self.items[index]

    def __setitem__(self, index, value):
        self.items[index] = value

    def __delitem__(self, index):
        del self.items[index]

    def __len__(self):
        return len(self.items)

    def insert(self, index, value):
        self.items.insert(index, value)


@typing.overload
def double(value: int) -> int: ...
@typing.overload
def double(value: str) -> str: ...
def double(value):
    return value * 2


@typing.no_type_check
def unchecked(value: 5) -> "no type":
    return value


@typing.final
class Last:
    @typing.final
    def method(self) -> "typing.NoReturn":
        return "last"


def of_variables(one: T, many: "List[T]" = None) -> Optional[T]:
    return one


shelf = Shelf()
shelf.append(3)
case("variables", [T, Number, Text, Source, T], "copy[0] is copy[4]", "copy[1].__constraints__ == (int, float)", "copy[3].__covariant__")
case("Generic", Later, "copy[int]().map(str).value is None", "copy.__parameters__[0].__name__ == 'T'")
case("a generic dict", Pairs(a=1), "copy == {'a': 1} and type(copy)[int]")
case("two parameters", Both, "[variable.__name__ for variable in copy.__parameters__] == ['T', 'Number']")
case("a fixed parameter", Fixed, "copy.__orig_bases__[0].__args__ == (int,) and copy().value is None")
case("a parametrized class", [Later[int], List[Later], Callable[[Later], T]], "copy[1].__args__[0] is copy[0].__origin__")
case("Protocol", [Closing, Door], "isinstance(copy[1](), copy[0]) and not isinstance(5, copy[0])")
case("a protocol's subclass", Stream(), "copy.close() == 1 and type(copy).__orig_bases__[0].__args__ == (int,)")
case("Mapping", Table(), "dict(copy) == {'a': 'a'}")
case("a mixin of two", shelf, "(copy.extend([4, 5]), list(copy))[1] == [3, 4, 5]")
case("ForwardRef", ForwardRef("Later"), "copy.__forward_arg__ == 'Later'")
case("overload", double, "copy(2) == 4")
case("no_type_check", unchecked, "copy(1) == 1 and copy.__no_type_check__")
case("final", Last, "copy().method() == 'last'")
case("annotations of variables", [of_variables, T], "copy[0](1) == 1 and copy[0].__annotations__['one'] is copy[1]")
finish()
