"""Makes `serde.txt`, beside this.

    python3.13 make_serde.py PYTHON...

Each PYTHON (2.7, 3.6 and later, PyPy) pickles the same values at each protocol that it has, Python 2 with both of its picklers. A
line of the file has the name of a value, who wrote it so, and the pickle with Python's escapes, with tabs between; what several
picklers write just the same is there once.
"""
from __future__ import print_function

import collections
import datetime
import decimal
import fractions
import io
import os
import pickle
import subprocess
import sys
import uuid

PY2 = sys.version_info[0] == 2
if not PY2:
    import enum
    import pathlib


class Point(object):
    def __init__(self, x, y):
        self.x, self.y = x, y


class Slots(object):
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


class Attribute(Slots):
    """Has slots and a __dict__."""


class State(object):
    def __getstate__(self):
        return [1, 2]

    def __setstate__(self, state):
        pass


class Keywords(object):
    def __new__(cls, **kwargs):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"x": 1, "y": 2}


class Whole(int):
    pass


class Words(list):
    pass


class Table(dict):
    pass


class Bag(set):
    pass


class Row(tuple):
    pass


class Empty(object):
    pass


if not PY2:

    class Color(enum.Enum):
        RED = "red"

    class Level(enum.IntEnum):
        HIGH = 3


Pair = collections.namedtuple("Pair", "x y")
Single = collections.namedtuple("Single", "x")


class Old:
    def __init__(self):
        self.x, self.y = 1, 2


class OldArgs(Old):
    def __getinitargs__(self):
        return ()


def shared():
    inner = [1, 2]
    return [inner, inner, "text", "text"]


def with_attribute():
    value = Attribute(1, 2)
    value.z = 3
    return value


def values(protocol):
    yield "constants", (None, True, False)
    yield "ints", [0, -1, 255, 65535, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
    yield "u64", 2**64 - 1
    yield "i128", -(2**127)
    yield "u128", 2**128 - 1
    yield "big int", -(2**200)
    yield "floats", [0.0, -1.5, 1e300, float("inf")]
    yield "text", u"na\xefve \U0001f600"
    yield "surrogate", u"a\udc80"
    yield "bytes", b"ab\xff" if not PY2 else bytearray(b"ab\xff")
    yield "no bytes", b"" if not PY2 else bytearray()
    yield "bytearray", bytearray(b"ab\xff")
    yield "no bytearray", bytearray()
    yield "list", [1, 2]
    yield "tuple", (1, 2)
    yield "longer tuple", (1, 2, 3, 4)
    yield "empty", [[], (), {}, set(), frozenset()]
    yield "set", {1, 2}
    yield "frozenset", frozenset([1, 2])
    yield "dict", {"x": 1, "y": 2}
    yield "any keys", collections.OrderedDict([(1, "a"), ((1, 2), "b"), (None, "c")])
    yield "nested", {"points": [[[1.5, 2.5]], [], [[3.5, 4.5], [5.5, 6.5]]], "empty": {}, "one": {"two": {"three": []}}}
    if protocol == 4:  # once is enough: they are long
        yield "long list", [i % 7 for i in range(2001)]
        yield "thousand lists", [[i % 7] for i in range(1000)]
        yield "long dict", dict((i, None) for i in range(1001))
        yield "long set", set(range(1500))
    yield "shared", shared()
    yield "ordered dict", collections.OrderedDict([("x", 1), ("y", 2)])
    yield "empty ordered dict", collections.OrderedDict()
    yield "default dict", collections.defaultdict(int, {"x": 1, "y": 2})
    yield "empty default dict", collections.defaultdict(int)
    yield "counter", collections.Counter({"x": 1, "y": 2})
    yield "deque", collections.deque([1, 2])
    yield "empty deque", collections.deque()
    yield "deque with a length", collections.deque([1, 2], 5)
    yield "complex", 1 + 2j
    yield "date", datetime.date(2024, 2, 29)
    yield "time", datetime.time(23, 59, 58, 999999)
    yield "datetime", datetime.datetime(2024, 2, 29, 3, 4, 5, 6)
    yield "timedelta", datetime.timedelta(1, 2, 3)
    yield "decimal", decimal.Decimal("1.50")
    yield "fraction", fractions.Fraction(1, 3)
    yield "uuid", uuid.UUID("12345678-1234-5678-1234-567812345678")
    yield "object", Point(1, 2)
    yield "object without attributes", Empty()
    yield "state", State()
    yield "int subclass", Whole(5)
    yield "list subclass", Words([1, 2])
    yield "dict subclass", Table({"x": 1, "y": 2})
    yield "set subclass", Bag([1, 2])
    yield "tuple subclass", Row((1, 2))
    yield "namedtuple", Pair(1, 2)
    yield "namedtuple of one", Single(1)
    yield "global", collections.OrderedDict
    yield "exception", ValueError("no")
    if protocol >= 2:
        yield "slots", Slots(1, 2)
        yield "slots and attributes", with_attribute()
    if PY2:
        yield "old style", Old()
        yield "old style with arguments", OldArgs()
        yield "str of Python 2", "plain"
        yield "str of Python 2 that is not UTF-8", "na\xefve"
    else:
        yield "str enum", Color.RED
        yield "int enum", Level.HIGH
        yield "range", range(1, 9, 2)
        yield "datetime with zone", datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        yield "datetime with offset", datetime.datetime(
            2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))
        )
        yield "path", pathlib.PurePosixPath("/usr/lib/x.so")
        yield "dict of all kinds", {"a": b"1", b"k": (1, 2.5), 3: {"set": {1}}, (4,): None, False: [True]}
        if protocol >= 4:
            yield "keywords", Keywords()
        if sys.version_info >= (3, 7):
            yield "dataclass", data_class()(1, 2)
        if sys.version_info >= (3, 10):
            if protocol >= 2:
                yield "dataclass with slots", data_class(slots=True)(1, 2)
            yield "shapes", shapes()


def data_class(name="Data", fields=("x", "y"), **options):
    import dataclasses

    made = dataclasses.make_dataclass(name, fields, **options)
    made.__module__ = "__main__"
    globals()[name] = made
    return made


def shapes():
    circle = data_class("Circle", ["radius"])
    square = data_class("Square", ["side", "color"], frozen=True, slots=True)
    return [circle(1.5), square(2, "red"), data_class("Dot", [])()]


def write():
    """Prints a line per pickle: pickler, protocol, name and the pickle in hexadecimal, with tabs between."""
    version = ".".join(map(str, sys.version_info[:2]))
    picklers = [("PyPy " if hasattr(sys, "pypy_version_info") else "", pickle.Pickler)]
    if PY2:
        import cPickle

        picklers = [("pickle of ", pickle.Pickler), ("cPickle of ", cPickle.Pickler)]
    for name, pickler_class in picklers:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for what, value in values(protocol):
                out = io.BytesIO()
                pickler_class(out, protocol).dump(value)
                digits = "".join("%02x" % byte for byte in bytearray(out.getvalue()))
                print("\t".join([name + version, str(protocol), what, digits]))


def make(interpreters):
    here = os.path.dirname(os.path.abspath(__file__))
    names = collections.OrderedDict()
    for interpreter in interpreters:
        environment = dict(os.environ, PYTHONHASHSEED="0", PYTHONIOENCODING="utf-8")
        lines = subprocess.check_output([interpreter, os.path.abspath(__file__), "--write"], env=environment).decode()
        for line in lines.splitlines():
            pickler, protocol, what, digits = line.split("\t")
            pickles = names.setdefault(what, collections.OrderedDict())
            writers = pickles.setdefault(bytes.fromhex(digits), collections.OrderedDict())
            writers.setdefault(pickler, []).append(protocol)
    with open(os.path.join(here, "serde.txt"), "w", encoding="ascii", newline="\n") as out:
        for what, pickles in names.items():
            for data, writers in pickles.items():
                said = "; ".join("%s at %s" % (pickler, " ".join(protocols)) for pickler, protocols in writers.items())
                out.write("%s\t%s\t%s\n" % (what, said, repr(data)[2:-1]))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        make(sys.argv[1:])
