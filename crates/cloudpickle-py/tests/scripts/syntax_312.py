"""Syntax that came with Python 3.12, and what can be pickled since then."""

import functools
import itertools
import typing

from zoo import case, finish


def first[T](items: list[T]) -> T:
    return items[0]


def bounded[T: (int, str), S](x: T, y: S = 0) -> T:
    return x


class Stack[T]:
    def __init__(self):
        self.items: list[T] = []

    def push(self, item: T) -> T:
        self.items.append(item)
        return item


class Sub[K](Stack[K]):
    extra = 1


def quoted(x):
    return f"{f'{x + 1}'!r} {'nested'}"


def inlined(n):
    return [i * j for i in range(n) for j in [i + k for k in range(i)]]


def batches(items):
    return list(itertools.batched(items, 2))


class Movie(typing.TypedDict):
    title: str


class RatedMovie(Movie, total=False):
    rating: float


class Cached:
    @functools.cached_property
    def cached(self):
        return [1]


class Base:
    @typing.override
    def method(self):
        return super().__init__() or "overridden"


case("a generic function", first, "copy([3]) == 3")
case("a generic function with a bounded parameter", bounded, "copy(1, 2) == 1")
case("nested quotes", quoted, "copy(1) == \"'2' nested\"")
case("inlined comprehensions", inlined, "copy(3) == [1, 4 - 2, 2] or len(copy(3)) == 3")
case("batched", batches, "copy([1, 2, 3]) == [(1, 2), (3,)]")
case("override", Base, "copy().method() == 'overridden'", "copy.method.__override__")
case(
    "a typed dictionary that inherits from one",
    RatedMovie,
    "copy(title='t', rating=1.5) == {'title': 't', 'rating': 1.5}",
    "copy.__total__ is False",
)
case(
    "a cached property",
    Cached,
    "(o := copy()).cached is o.cached",
    "vars(o := copy()) == {} and o.cached == [1] and vars(o) == {'cached': [1]}",
)
finish()
