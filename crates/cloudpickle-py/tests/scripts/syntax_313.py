"""What Python 3.13 brought."""

import typing
import warnings

from zoo import case, finish


@warnings.deprecated("use another one")
def old():
    return 1


@warnings.deprecated("use another one")
class Old:
    def method(self):
        return 2


class Fixed(typing.TypedDict):
    key: typing.ReadOnly[int]


def by_default[T = int](value: T) -> T:
    return value


class Told:
    def method(self):
        self.seen = 1


case("a deprecated function", old, "copy() == 1 and copy.__deprecated__ == 'use another one'")
works = "copy().method() == 2 and copy.__deprecated__ == 'use another one'"
# its methods come to wrap those that it had
case("a deprecated class", Old, works, shares=True, grows=True)
case("a key that is only read", Fixed, "copy.__readonly_keys__ == frozenset({'key'}) and copy(key=1) == {'key': 1}")
case("a default of a type parameter", by_default, "copy(1) == 1")
case("a variable with a default", typing.TypeVar("D", default=int), "copy.__name__ == 'D'")
case("what the compiler notes of a class", Told, "copy.__static_attributes__ == ('seen',) and copy.__firstlineno__ > 0")
finish()
