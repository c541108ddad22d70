"""Makes the golden files of this folder.

    python3.13 make.py PYTHON...

Each PYTHON (2.7, 3.6 and later, PyPy) pickles the same zoo of values at each protocol that it has, Python 2 with both of its
picklers. All pickles of a protocol stand one behind the other in `pPROTOCOL.pkl`, those that several picklers write just the same
once. Beside it, in `pPROTOCOL.txt`, is what `pickletools.dis` of the Python that runs this says of each, under a line that tells
the value and who wrote it so. `faults.txt` has pickles with faults in them, and what `pickle.loads` and `pickletools.dis` of that
Python say.

The listings are those of CPython 3.13: run this with no other.
"""
from __future__ import print_function

import collections
import datetime
import decimal
import fractions
import io
import os
import pickle
import pickletools
import subprocess
import sys

try:
    import copy_reg as copyreg
    import cPickle
except ImportError:
    import copyreg
    cPickle = None

PY2 = sys.version_info[0] == 2


class Point(object):
    def __init__(self, x, y):
        self.x, self.y = x, y


class Slots(object):
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1


class Reduced(object):
    def __reduce__(self):
        return Point, (1, 2), {"z": 3}


class Keywords(object):
    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __getnewargs_ex__(self):
        return (1,), {"key": 2}


class Words(list):
    pass


class Table(dict):
    pass


class Bag(set):
    pass


class Setter(object):
    """Reduces to six values, of which the last sets the state."""

    def __reduce__(self):
        return (Setter, (), {"a": 1}, None, None, set_state)


def set_state(instance, state):
    instance.__dict__.update(state)


class Extension(object):
    pass


class Outer:
    class Inner(object):
        pass


class Id(object):
    """Pickled by its persistent id."""


Pair = collections.namedtuple("Pair", "first second")

for code in (1, 300, 70000):
    copyreg.add_extension(__name__, ("Extension", "Words", "Table")[(1, 300, 70000).index(code)], code)


def recursive_list():
    value = []
    value.append(value)
    return value


def recursive_tuple():
    inner = []
    value = (inner, 1)
    inner.append(value)
    return value


def recursive_dict():
    value = {}
    value[1] = value
    return value


def recursive_object():
    value = Point(None, 1)
    value.x = value
    return value


def recursive_set():
    point = Point(None, None)
    value = {point}
    point.x = value
    return value


def shared():
    text, inner = "shared", [1]
    return [text, text, inner, inner, (inner,), 1000000, 1000000]


def zoo():
    yield "constants", [None, True, False, (), [], {}]
    yield "ints", [0, 1, -1, 255, 256, 65535, 65536, 2**31 - 1, -(2**31), 2**31, -(2**31) - 1, 2**63 - 1, -(2**63), 2**63, 2**100]
    yield "long ints", [-(2**63) - 1, 1 << 2040]
    yield "floats", [0.0, -0.0, 1.5, -0.1, 1e16, 1e-5, 1e300, 5e-324, 572463612914704.25]
    yield "not finite", [float("inf"), float("-inf"), float("nan")]
    yield "texts", [u"", u"abc", u"it's", u'"it\'s"', u"\\ \t\r\n\x00\x1a\x7f", u"\\u1234", u"\xe9\xa0\u3042\u3000", u"\U0001f600"]
    yield "surrogates", [u"\ud800", u"a\udfffb"]
    yield "long text", u"0123456789" * 26
    yield "bytes", [b"", b"abc", b"it's", b"\\ \n\x00", b"'\""]
    yield "bytes beyond ASCII", b"\x80\xff"
    yield "long bytes", b"0123456789" * 26
    yield "bytearray", [bytearray(), bytearray(b"it's \"\xff")]
    yield "tuples", [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((),)]
    yield "lists", [[1], [1, 2], [[[]]]]
    yield "dicts", [{1: 2}, {1: {2: 3}, 4: 5}]
    yield "sets", [set(), {1}, frozenset(), frozenset([1]), frozenset([frozenset()])]
    yield "shared", shared()
    yield "recursive list", recursive_list()
    yield "recursive tuple", recursive_tuple()
    yield "recursive dict", recursive_dict()
    yield "recursive object", recursive_object()
    yield "recursive set", recursive_set()
    yield "object", [Point(1, "y"), Point(1, "y")]
    yield "slots", Slots()
    yield "reduced", Reduced()
    yield "list subclass", Words([1, 2])
    yield "dict subclass", Table({1: 2})
    yield "set subclass", Bag([1])
    yield "ordered dict", collections.OrderedDict([("a", 1), ("b", 2)])
    yield "named tuple", Pair(1, 2)
    yield "globals", [len, int, Point, datetime.date]
    yield "complex", 1 + 2j
    yield "date", datetime.date(2000, 1, 2)
    yield "decimal", decimal.Decimal("1.5")
    yield "fraction", fractions.Fraction(1, 3)
    yield "extensions", [Extension, Words, Table]
    yield "persistent id", [Id(), 1]


def zoo_of_python2():
    class_of_old_style = __import__("UserDict").UserDict
    yield "old style", Outer()
    yield "old style with state", class_of_old_style({1: 2})
    yield "exception", ValueError("no")
    yield "xrange", xrange(3)  # noqa: F821


def zoo_of_python3(protocol):
    yield "range", range(3)
    yield "exception", FileNotFoundError(2, "no")  # noqa: F821
    if protocol >= 2:
        yield "keywords", Keywords()
    if protocol >= 4:
        yield "nested class", Outer.Inner
    if sys.version_info >= (3, 8):
        yield "setter", Setter()


def write():
    """Prints a line per pickle: pickler, protocol, name and the pickle in hexadecimal, with tabs between."""
    version = ".".join(map(str, sys.version_info[:2]))
    picklers = [("PyPy " if hasattr(sys, "pypy_version_info") else "", pickle.Pickler)]
    if cPickle is not None:
        picklers = [("pickle of ", pickle.Pickler), ("cPickle of ", cPickle.Pickler)]
    persistent = lambda value: "id 1" if isinstance(value, Id) else None  # noqa: E731
    for name, pickler_class in picklers:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            more = zoo_of_python2() if PY2 else zoo_of_python3(protocol)
            if protocol == 5:
                more = list(more) + [("buffers", [pickle.PickleBuffer(b"a"), pickle.PickleBuffer(bytearray(b"b"))])]
            for what, value in list(zoo()) + list(more):
                if what == "slots" and protocol < 2:
                    continue
                out = io.BytesIO()
                if PY2:
                    pickler = pickler_class(out, protocol)
                    pickler.persistent_id = persistent
                else:
                    subclass = type("Subclass", (pickler_class,), {"persistent_id": lambda self, value: persistent(value)})
                    options = {"buffer_callback": [].append} if what == "buffers" else {}
                    pickler = subclass(out, protocol, **options)
                pickler.dump(value)
                digits = "".join("%02x" % byte for byte in bytearray(out.getvalue()))
                print("\t".join([name + version, str(protocol), what, digits]))


FAULTS = r"""
N|K|K\x01|(|(N|\x80|\x80\x02|\x80\x06|\x80\xff|z|\x00|\xff|'|\\| |N\x00
I|I\n|I1|I \n|I1x\n.|I08\n.|I_1\n.|I1L\n.|I1_0\n.|I0x1f\n.|I010\n.|I-\n.|I 1\n.|I1 \n.|I-0\n.|I1.5\n.
L\n|LL\n|L1LL\n.|L012\n.|L1__0\n.|L0b2\n.|L0x\n.|Lx'\n.|L 1 L\n.|L+1\n.|L0_0\n.|L- 1\n.
F\n|Fx\n.|F 1\n.|F1 \n.|F1e999\n.|F1_0\n.|F1e\n.|F.\n.|Finf\n.|F-nan\n.|F1.\n.|F0x1\n.
S\n|S'\n.|S'a\n.|Sa\n.|S'a"\n.|S'\\x4'\n.|S'\\'\n.|S'\\xg0'\n.|S'a' \n.|S'\\q'\n.
V|V\\u12\n.|V\\U00110000\n.|V\\U1\n.|Va\\uzzzz\n.|V\\\n.|V\\\\u12\n.|V\\ud800\n.
X|X\x01\x00\x00|X\x05\x00\x00\x00abc.|X\xff\xff\xff\xff.|\x8c\x01\xff.|\x8c\x02\xed\xa0.|\x8c\x04\xf0\x9f\x98a.|\x8c\x02\xe3\x81.
\x8d\xff\xff\xff\xff\xff\xff\xff\xff.|\x8e\x00\x00\x00\x00\x00\x00\x00\x80.|\x96\xff\xff\xff\xff\xff\xff\xff\xff.
\x8d\x03\x00\x00\x00\x00\x00\x00\x00ab|T\x05\x00\x00\x00a|T\xff\xff\xff\xffa|U\x05a|C\x05a|B\x05\x00\x00\x00a|B\x05\x00
\x8a|\x8a\x02\x01|\x8b\xff\xff\xff\xff.|\x8b\x05\x00\x00\x00a|\x8b\x05|G\x00|J\x00|M\x00
.|(.|N(.|(K\x01.|0|(0.|(N000.|1|N1|t|l|d|o|ios\nx\n.|(o|(d.|(Nd|e|(e|((e|](e.|](Ne|u|(u|}(Nu|}(u.|}N(Ns
a|Na|](Na|s|Ns|NNs|}N(s|\x90|(\x90|(N\x90|\x8f(\x90.|\x91|\x85|N\x86|NN\x87|N(\x85|NN(\x86|(N\x86|2|N(2
R|NR|b|Nb|N(Nb|\x81|N\x81|\x92|NN\x92|\x93|N\x93|NN\x93|N\x8c\x01a\x93|Q|(Q|\x98|(\x98
p0\n|p\n|Np-1\n.|Npx\n.|Np\n.|Np1L\n.|Np0x1\n.|g0\n|gx\n|g-1\n|g99999999999999999999\n|Np99999999999999999999\n.
Np01\ng1\n0.|Np1_0\ng10\n0.|q\x00|Nq\x00h\x01|h\x00|j\xff\xff\xff\xff|r\x00\x00\x00\x00|\x94|N(\x94|N(q\x00|Nq\x00q\x00.|Nq\x01\x94.
c|c\n|cx|cx\n|cx\n\n|cx\ny|c\xff\nx\n|(i\nx\n|(ix\ny|(i\xff\nx\n
\x82\x00|\x83\x00\x00|\x84\x00\x00\x00\x00|\x84\xff\xff\xff\xff|\x82|\x83\x01|\x84\x01
\x95|\x95\x02\x00\x00\x00\x00\x00\x00\x00.|\x95\x01\x00\x00\x00\x00\x00\x00\x00N.|\x95\xff\xff\xff\xff\xff\xff\xff\xffN.
""".strip()


def faults():
    """A line per pickle: itself, what `loads` says, what `dis` says, with tabs between."""
    for fault in FAULTS.replace("\n", "|").split("|"):
        data = fault.encode().decode("unicode-escape").encode("latin-1")
        results = []
        for read in (pickle.loads, lambda data: pickletools.dis(data, io.StringIO())):
            try:
                read(data)
                results.append("ok")
            except Exception as error:
                results.append("%s: %s" % (type(error).__name__, str(error).replace("\n", "\\n")))
        yield "\t".join([fault] + results) + "\n"


def listing(names_and_pickles):
    out, offset = io.StringIO(), 0
    stream = io.BytesIO(b"".join(data for _, data in names_and_pickles))
    for name, data in names_and_pickles:
        out.write("# %s\n" % name)
        stream.seek(offset)
        try:
            pickletools.dis(stream, out)
        except ValueError as error:
            out.write("! %s\n" % error)
        offset += len(data)
    return out.getvalue()


def make(interpreters):
    here = os.path.dirname(os.path.abspath(__file__))
    protocols = {}
    for interpreter in interpreters:
        environment = dict(os.environ, PYTHONHASHSEED="0", PYTHONIOENCODING="utf-8")
        lines = subprocess.check_output([interpreter, os.path.abspath(__file__), "--write"], env=environment).decode()
        for line in lines.splitlines():
            pickler, protocol, what, digits = line.split("\t")
            values = protocols.setdefault(protocol, collections.OrderedDict())
            values.setdefault(what, collections.OrderedDict()).setdefault(bytes.fromhex(digits), []).append(pickler)
    for protocol, values in protocols.items():
        pickles = [
            ("%s (%s)" % (what, ", ".join(picklers)), data)
            for what, variants in values.items()
            for data, picklers in variants.items()
        ]
        with open(os.path.join(here, "p%s.pkl" % protocol), "wb") as out:
            out.write(b"".join(data for _, data in pickles))
        with open(os.path.join(here, "p%s.txt" % protocol), "w", encoding="utf-8", newline="\n") as out:
            out.write(listing(pickles))
    with open(os.path.join(here, "faults.txt"), "w", encoding="utf-8", newline="\n") as out:
        out.writelines(faults())


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        make(sys.argv[1:])
