"""Syntax that came with Python 3.11, and code that fails in ways 3.11 reports."""

import enum
import traceback
import typing

from zoo import case, finish


def grouped(*errors):
    seen = []
    try:
        raise ExceptionGroup("many", errors)
    except* ValueError as group:
        seen.append(("values", len(group.exceptions)))
    except* (KeyError, TypeError) as group:
        seen.append(("others", len(group.exceptions)))
    return seen


def noted():
    try:
        1 / 0
    except ZeroDivisionError as error:
        error.add_note("a note")
        raise


def line_of_failure():
    try:
        noted()
    except ZeroDivisionError as error:
        return traceback.extract_tb(error.__traceback__)[-1].lineno - noted.__code__.co_firstlineno


def positions():
    return [position for position in positions.__code__.co_positions()][-1]


def starred(*args: *tuple[int, ...]):
    return args


class Level(enum.StrEnum):
    LOW = enum.auto()
    HIGH = "HIGH!"


class Chained:
    def set(self, x) -> typing.Self:
        self.x = x
        return self


case("except*", grouped, "copy(ValueError(), KeyError(), ValueError()) == [('values', 2), ('others', 1)]")
case("notes", noted, "raises(ZeroDivisionError, copy)")
case("the line table", line_of_failure, "copy() == 2")
case("positions", positions, "len(copy()) == 4")
case("starred annotations", starred, "copy(1, 2) == (1, 2)", "'args' in copy.__annotations__")
case("StrEnum", Level, "copy.LOW == 'low' and copy.HIGH == 'HIGH!'")
case("Self", Chained, "copy().set(3).x == 3")
case(
    "an exception group",
    ExceptionGroup("g", [ValueError(1), KeyError("k")]),
    "[type(e) for e in copy.exceptions] == [ValueError, KeyError]",
)
finish()
