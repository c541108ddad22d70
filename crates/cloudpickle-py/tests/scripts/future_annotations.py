"""Annotations that stay text: `from __future__ import annotations`."""

from __future__ import annotations

import dataclasses
import typing

from zoo import case, finish


def annotated(a: int, b: not_defined.anywhere = None, *c: typing.List[Node], **d: "quoted") -> Node:  # noqa: F821
    return a


class Node:
    next: Node | None
    count: typing.ClassVar[int] = 0

    def link(self, other: Node) -> Node:
        self.next = other
        return self


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    names: list[str] = dataclasses.field(default_factory=list)

    def shifted(self, by: Point) -> Point:
        return Point(self.x + by.x, self.y + by.y)


case(
    "annotated",
    annotated,
    "copy(1) == 1",
    "copy.__annotations__['a'] == 'int'",
    "copy.__annotations__['b'] == 'not_defined.anywhere'",
    "copy.__annotations__['d'] == \"'quoted'\"",
)
case(
    "Node",
    Node,
    "copy.__annotations__['next'] == 'Node | None'",
    "copy().link(1).next == 1",
    "copy.link.__annotations__['return'] == 'Node'",
)
case(
    "Point",
    Point,
    "copy(1).shifted(copy(2, 3)) == copy(3, 3)",
    "[f.type for f in dataclasses.fields(copy)] == ['int', 'int', 'list[str]']",
)
case("a Point", Point(1, 2, ["a"]), "copy == type(copy)(1, 2, ['a'])", "repr(copy) == \"Point(x=1, y=2, names=['a'])\"")
finish()
