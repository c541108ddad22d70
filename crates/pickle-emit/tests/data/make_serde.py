"""Makes `serde.txt`, beside this: what CPython 3.13 writes for values that the test `serde` has in Rust.

    python3.13 make_serde.py

A line has the name of a value, the protocol, and the pickle with Python's escapes, with tabs between. Of a letter that comes many
times in a row there is one, with the number behind it: `z×300;`.
"""
import dataclasses
import json
import os
import pickle
import re
import sys
import types

app = sys.modules["app"] = types.ModuleType("app")


def of_app(cls):
    cls.__module__ = "app"
    setattr(app, cls.__name__, cls)
    return cls


@of_app
@dataclasses.dataclass
class User:
    name: str
    tags: list
    parent: object


@of_app
@dataclasses.dataclass
class Circle:
    radius: float


@of_app
class Unit:
    pass


def fresh(text):
    """A string that is an object of its own, as those are that a program reads."""
    return bytes(text, "utf-8").decode()


def values():
    yield "unit", None
    yield "bools", (True, False)
    yield "ints", [0, -1, 255, 256, 65535, 65536, -(2**31), 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)]
    yield "large ints", (2**64 - 1, 2**127 - 1, -(2**127), 2**128 - 1)
    yield "huge ints", [2**200, -(2**200), 2**2100]
    yield "floats", [0.0, -0.0, 1.5, 0.1, 1e300, float("inf")]
    yield "strings", [fresh(text) for text in ("ab", "naïve 😀", "back\\slash\n", "ab")]
    yield "characters", ["a", "a", "", "", "é", "é", fresh("ā"), fresh("ā")]
    yield "bytes", [bytes(bytearray(b"ab\xff")), b"", b"", b"a", b"a", bytes(bytearray(b"ab\xff"))]
    yield "bytearrays", [bytearray(b"ab\xff"), bytearray(), bytearray(b"a")]
    yield "tuples", ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))
    yield "empty", ([], {}, ())
    yield "one", [[1], {"k": 1}]
    yield "nested", [[[1.5, 2.5]], [], [[3.5, 4.5], [5.5, 6.5]]]
    yield "set", {7}
    yield "frozenset", frozenset([7])
    yield "no set", set()
    yield "json", json.loads('[{"id": 1, "name": "Ada", "tags": ["x", "yy"]}, {"id": 2, "name": "Bob", "tags": []}]')
    yield "keys", ({1: fresh("one")}, {(1, fresh("key")): None}, {fresh("long key"): fresh("value")})
    yield "records", [{"id": n, "name": fresh("name %d" % n), "score": n / 2, "next": None} for n in range(3)]
    yield "variants", ["Dot", {"Circle": 1.5}, {"Line": (1, 2)}, {"Square": {"side": 1}}, "Dot"]
    for count in (1000, 1001, 2001):
        yield "list of %d" % count, [65 + n % 7 for n in range(count)]
    for count in (1000, 1001):
        yield "dict of %d" % count, {n: None for n in range(count)}
    yield "set of 1000", set(range(1000))
    yield "user", User(fresh("Ada"), [fresh("admin")], User(fresh("Bob"), [], None))
    yield "shapes", [Circle(1.5), Circle(2.5), Unit()]
    # A payload that stands between frames, and frames that end.
    yield "long string", (fresh("y" * 65536), 1)
    yield "frames", [fresh("%03d" % n + "z" * 300) for n in range(230)]


def shortened(run):
    return "%s×%d;" % (run[1], len(run[0]))


def make():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "serde.txt"), "w", encoding="utf-8", newline="\n") as out:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for name, value in values():
                large = " of " in name
                # Once or twice is enough, for they are long.
                if large and protocol not in (0, 4) or name in ("long string", "frames") and protocol != 4:
                    continue
                # Protocol 0 has no batches, of which a thousand would be one.
                if name in ("list of 1000", "list of 1001", "dict of 1000") and protocol == 0:
                    continue
                escaped = repr(pickle.dumps(value, protocol))[2:-1]
                out.write("%s\t%d\t%s\n" % (name, protocol, re.sub(r"([a-z])\1{15,}", shortened, escaped)))


make()
