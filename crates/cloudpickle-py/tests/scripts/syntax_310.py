"""Syntax that came with Python 3.10."""

from zoo import case, finish


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


def kind(value):
    match value:
        case 0:
            return "zero"
        case [first, *rest]:
            return "list", first, rest
        case {"key": inner, **others}:
            return "dict", inner, others
        case Point(x, y=2):
            return "point", x
        case str() | bytes() as text if text:
            return "text", text
        case None:
            return None
        case _:
            return "other"


def union(x: int | None = None) -> str | list[int]:
    return [x]


def zipped(a, b):
    return list(zip(a, b, strict=True))


case(
    "match",
    kind,
    "copy(0) == 'zero'",
    "copy([1, 2]) == ('list', 1, [2])",
    "copy({'key': 1, 'z': 2}) == ('dict', 1, {'z': 2})",
    "copy('t') == ('text', 't')",
    "copy(None) is None",
    "copy(5) == 'other'",
    "copy(copy.__globals__['Point'](1, 2)) == ('point', 1)",
)
case("unions", union, "copy(1) == [1]", "copy.__annotations__ == {'x': int | None, 'return': str | list[int]}")
case("a union type", int | str, "copy == int | str")
case("strict zip", zipped, "raises(ValueError, copy, [1], [])")
finish()
