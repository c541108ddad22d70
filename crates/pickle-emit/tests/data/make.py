"""Makes the golden pickles of this folder.

    python3.13 make.py CPYTHON...

Each CPYTHON (2.7, 3.6 and later) pickles the same values at each protocol that it has, with the pickler that is written in C and
then with the one that is written in Python. The pickles stand one behind the other in `cpython-VERSION.pickles`; what the Python that runs this writes, or one named before, is not
kept again, and a version that writes nothing of its own has no file. `*.optimized.pickles` has what `pickletools.optimize` makes of
the pickles of the Python that runs this. `make_cloudpickle.py` makes the files of cloudpickle.

The files are those of CPython 3.13: run this with no other. `cargo xtask corpus` does.
"""

from __future__ import print_function, unicode_literals

import array
import collections
import datetime
import decimal
import os
import pickle
import subprocess
import sys

try:
    from cPickle import HIGHEST_PROTOCOL, dumps
except ImportError:
    from pickle import HIGHEST_PROTOCOL, dumps

PY2 = sys.version_info[0] == 2
dumps_in_python = pickle.dumps if PY2 else pickle._dumps


class Thing(object):
    def __init__(self, **state):
        self.__dict__.update(state)


class Words(list):
    pass


class Table(dict):
    pass


class Bag(set):
    pass


class Triple(tuple):
    pass


class Count(int):
    pass


class OldStyle:
    pass


class Slots(object):
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1
        self.b = [2]


class Keywords(object):
    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (1,), {"key": 2}


class Setter(object):
    """Reduces to six values, of which the last sets the state."""

    def __reduce__(self):
        return make_setter, (1,), {"a": [1, 2]}, None, None, set_state


def make_setter(_):
    return Setter()


def set_state(instance, state):
    instance.__dict__.update(state)


class Holder(object):
    """Is made by a call whose argument may hold it."""

    def __init__(self):
        self.items = []

    def __reduce__(self):
        return make_holder, (self.items,)


def make_holder(items):
    holder = Holder()
    holder.items = items
    return holder


class Outer(object):
    class Inner(object):
        pass


def recursive():
    value = []
    value.append(value)
    yield value
    value = {}
    value[1] = value
    yield value
    for rest in ((1,), (1, 2, 3, 4), ([], [])):
        value = ([],) + rest
        for part in value:
            if isinstance(part, list):
                part.append(value)
        yield value
    value = Thing()
    value.me = value
    yield value
    value = Thing()
    value.inside = {value}
    yield value
    for kind in (set, frozenset):
        thing = Thing()
        value = kind([thing])
        thing.outside = value
        yield value
    value = Holder()
    value.items.append(value)
    yield value


def shared():
    part, text = [1, 2], "hello " + "world"
    yield [part, part, (part, part)]
    yield [text, text, {text: text}, "other%d" % 1, "other%d" % 1]


def numbers():
    for bits in (0, 7, 8, 15, 16, 31, 32, 40, 63, 64, 70, 2100):
        for value in (2**bits - 1, 2**bits, -(2**bits), -(2**bits) - 1):
            yield value


def values(protocol):
    yield [None, True, False] + list(numbers())
    yield [0.0, -0.0, 1.0, 0.1, 1e100, 1e-100, 1e16, 123456789.123, float("inf"), float("-inf"), float("nan")]
    yield ["", "a", "\xe9", "\u20ac", "\U0001f600", "x" * 255, "x" * 256, "\n\\\r\x00\x1a", "it's", "q" if PY2 else "\ud800"]
    yield [b"", b"a", b"\xff" * 255, b"\x00" * 256, bytearray(), bytearray(b"abc")]
    yield [[], (), {}, set(), frozenset()]
    for count in (1, 2, 3, 4):
        yield list(range(count))
        yield dict.fromkeys(range(count))
        yield tuple(range(count))
        yield set(range(count))
        yield frozenset(range(count))
    yield [Words([1, 2]), Table({1: None, 2: None}), Bag([0, 1])]
    if protocol in (2, 4):
        # A batch, and one more than a batch.
        for count in (1000, 1001):
            yield list(range(count))
            yield dict.fromkeys(range(count))
            yield set(range(count))
    for value in recursive():
        yield value
    for value in shared():
        yield value
    yield [Thing(x=1), Thing(), Count(5), Triple((1, 2, 3)), Setter()]
    if protocol >= 2:
        yield Slots()
    yield [Thing, len, os.path.join, collections.OrderedDict, datetime.date, dict, int, ValueError, object]
    yield [datetime.datetime(2020, 1, 2, 3), decimal.Decimal("1.5"), collections.OrderedDict([(1, 2), (3, 4)])]
    yield [collections.defaultdict(list, {1: [2]}), collections.Counter("aab"), collections.deque([1, 2]), complex(1, 2), range(3)]
    yield array.array(str("i"), [1, 2])
    yield ValueError("x", 1)
    if PY2:
        yield [OldStyle(), OldStyle()]
        yield 0.1
        yield [long(5), 6]  # noqa: F821
        yield [b"abc", b"it's", b"\xff\n", b"x" * 300, long(5), long(0), long(-1), sys.maxint]  # noqa: F821
    elif protocol >= 4:
        yield [type(None), Outer.Inner, slice(1, 2)]
        yield Keywords()
    if sys.version_info[:2] == (3, 6) and protocol == 4:
        yield [b"x" * 65536, "end"]
    if sys.version_info[:2] == (3, 13) and protocol == 4:
        # Larger than a frame, several of which make a frame, and small again.
        yield [b"x" * 65536, "y" * 65536, ["z" * 300] * 3, ["%0200d" % i for i in range(340)], "end"]


def write():
    """Prints each pickle in hexadecimal, a line each."""
    for written_by in (dumps, dumps_in_python):
        for protocol in range(HIGHEST_PROTOCOL + 1):
            for value in values(protocol):
                try:
                    show(written_by(value, protocol))
                except Exception:
                    # No Python can pickle all of it at all protocols.
                    continue
            if protocol < 3 and not PY2:
                show(written_by([len, {1}], protocol, fix_imports=False))


def show(pickle):
    print("".join("%02x" % byte for byte in bytearray(pickle)))


def make(interpreters):
    import pickletools

    here = os.path.dirname(os.path.abspath(__file__))

    def save(name, pickles):
        with open(os.path.join(here, name + ".pickles"), "wb") as out:
            out.write(b"".join(pickles))

    for name in os.listdir(here):
        if name.startswith("cpython-"):
            os.remove(os.path.join(here, name))
    known = set()
    for interpreter in [sys.executable] + interpreters:
        version = subprocess.check_output([interpreter, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).decode().strip()
        lines = subprocess.check_output([interpreter, "-W", "ignore", os.path.abspath(__file__), "--write"]).decode().split()
        own = [bytes.fromhex(line) for line in lines]
        pickles = [pickle for i, pickle in enumerate(own) if pickle not in known and pickle not in own[:i]]
        if pickles:
            save("cpython-" + version, pickles)
            if not known:
                save("cpython-%s.optimized" % version, [pickletools.optimize(pickle) for pickle in pickles])
        known.update(pickles)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        make(sys.argv[1:])
