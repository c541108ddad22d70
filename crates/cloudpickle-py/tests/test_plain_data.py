"""Data of the builtin types, around every boundary where the format changes its opcode."""

import collections
import math
import struct
import sys

import cloudpickle
import cloudpickle_rs
import pytest

from oracle import compare
from same import same
from upstream import PYPY, plain_loads

EDGES = [
    0,
    1,
    10,
    255,
    256,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**63 - 1,
    2**63,
    2**64,
    2**70,
    2**1015,
    2**2031,
    2**2040,
    2**2048,
    10**1000,
]
INTS = sorted({sign * (edge + step) for edge in EDGES for step in (-1, 0, 1) for sign in (1, -1)})
PAYLOAD_NANS = [struct.unpack(">d", bytes.fromhex(bits))[0] for bits in ("fff8000000000000", "7ff8000000000123")]
FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e22,
    1e23,
    1e-7,
    123456789.123456789,
    5e-324,
    2.2250738585072014e-308,
    sys.float_info.max,
    math.inf,
    -math.inf,
    math.nan,
    math.pi,
    1 / 3,
]
LENGTHS = [0, 1, 2, 254, 255, 256, 257, 65534, 65535, 65536, 65537, 70000]
CHARACTERS = ["a", "\xe9", "\u20ac", "\U0001f600", "\ud800", "\n", "\\", "\x00", "\x1a", "'"]
ODD_STRINGS = [
    "a\udcffb",
    "\udc00\ud800",
    "\ud83d\ude00",
    "line\nbreak\rand\\backslash\\u0041",
    "\x00\x1a\x7f\x80\xff",
    "tab\tquote'\"",
    "\u2028\ufeff",
    "mixed \xe9 \u20ac \U0001f600 \udfff",
    "",
    " ",
    "\\",
    "'",
    "None",
]
SIZES = [0, 1, 2, 3, 4, 5, 999, 1000, 1001, 1999, 2000, 2001]


def nested(kind, depth):
    value = kind()
    for _ in range(depth):
        value = kind([value]) if kind is not dict else {"k": value}
    return value


def recursive_list():
    value = [1]
    value.append(value)
    return value


def recursive_dict():
    value = {}
    value["self"] = value
    return value


def recursive_tuple():
    inner = []
    value = (1, inner)
    inner.append(value)
    return value


def recursive_tuples(length):
    inner = []
    value = (inner,) * length
    inner.append(value)
    return value


def recursive_everything():
    a, b = [], {}
    c = (a, b)
    a += [b, c, a]
    b.update(a=a, b=b, c=c)
    return [a, b, c]


def shared():
    inner, text, number = [1], "".join(["sha", "red"]), 2**70
    return [inner, inner, (inner, (inner,)), {"a": inner, "b": inner}, text, text, number, number, b"x" * 300, bytearray(b"y")]


def equal_but_apart():
    return [
        "".join(["te", "xt"]),
        "".join(["te", "xt"]),
        2**70,
        2**70 + 0,
        (1, 2),
        tuple([1, 2]),
        b"".join([b"by", b"te"]),
        b"".join([b"by", b"te"]),
    ]


VALUES = {
    "singletons": [None, True, False, ..., NotImplemented],
    **{f"int {n}": n for n in INTS if abs(n) < 2**71},
    "all ints around the edges": INTS,
    "int of 70,000 bytes": 7 ** (70000 * 8 // 3),
    **{f"float {x!r}": x for x in FLOATS},
    "complex": [1 + 2j, complex(-0.0, math.inf)],
    **{f"{n} times {c!a}": c * n for n in LENGTHS for c in CHARACTERS},
    **{f"string {s!a}": s for s in ODD_STRINGS},
    "odd strings as keys": {s: s for s in ODD_STRINGS},
    **{f"{n} bytes": bytes(i % 256 for i in range(n)) for n in LENGTHS},
    **{f"bytearray of {n}": bytearray(i % 256 for i in range(n)) for n in LENGTHS},
    **{f"list of {n}": list(range(n)) for n in SIZES},
    **{f"tuple of {n}": tuple(range(n)) for n in SIZES},
    **{f"dict of {n}": {f"k{i}": i for i in range(n)} for n in SIZES},
    **{f"set of {n}": set(range(n)) for n in SIZES},
    **{f"frozenset of {n}": frozenset(range(n)) for n in SIZES},
    "lists of lists": [[i, [j for j in range(i)]] for i in range(40)],
    "tuples of tuples": tuple((i, (i,), (i, i, i, (i,) * 5)) for i in range(300)),
    "empty things": [[], (), {}, set(), frozenset(), "", b"", bytearray()] * 3,
    "dicts with keys of all kinds": {
        1: "int",
        1.5: "float",
        "s": "str",
        b"b": "bytes",
        (1, 2): "tuple",
        None: "none",
        frozenset([1]): "set",
    },
    "nan as a key": {math.nan: 1},
    "sets of all kinds": [{1, 1.5, "s", b"b", (1, 2), None}, frozenset([frozenset([frozenset()])])],
    "list in itself": recursive_list(),
    "dict in itself": recursive_dict(),
    "tuple in itself": recursive_tuple(),
    **{f"tuple of {n} in itself": recursive_tuples(n) for n in (1, 2, 3, 4)},
    "everything in itself": recursive_everything(),
    "shared values": shared(),
    "equal values that are not shared": equal_but_apart(),
    "strings shared across containers": [{"name": "x", "kind": "y"} for _ in range(50)],
    "more than 256 memo entries": [[str(i), [i]] for i in range(600)],
    "100 nested lists": nested(list, 100),
    "100 nested tuples": nested(tuple, 100),
    "100 nested dicts": nested(dict, 100),
    "frame just full": [b"x" * 1000 for _ in range(64)],
    "frames of small things": ["item %d" % i for i in range(20000)],
    "a frame, then large bytes, then a frame": ["before", b"L" * 100000, "after", "M" * 100000, "end"],
    "large bytes alone": b"L" * 300000,
    "large string alone": "\u20ac" * 100000,
    "large bytes twice": [b"L" * 70000] * 2,
    **{f"{n} bytes at the frame's threshold": b"t" * n for n in (65520, 65530, 65535, 65536, 65540)},
    **{f"{n} bytes within lists": ["a", [b"t" * n], "z"] for n in (65520, 65530, 65535, 65536, 65540)},
    "records": [
        {"id": i, "name": f"user {i}", "score": i / 7, "tags": ["a", str(i % 5)], "on": i % 2 == 0, "none": None}
        for i in range(500)
    ],
}


@pytest.mark.parametrize("name", VALUES)
def test_bytes_equal_upstreams_and_load_as_the_same_value(name):
    value = VALUES[name]
    for protocol in range(6):
        ours, difference = compare(cloudpickle_rs.dumps, cloudpickle.dumps, value, protocol)
        assert difference is None, f"protocol {protocol}: {difference}"
        if isinstance(ours, ValueError):
            assert protocol < 2 and "digits" in str(ours), "only decimal text has a limit"
            continue
        assert same(value, cloudpickle_rs.loads(ours)), f"protocol {protocol}: another value by cloudpickle_rs.loads"
        assert same(value, plain_loads(ours)), f"protocol {protocol}: another value by pickle.loads"


def test_a_nan_keeps_its_payload_in_binary_protocols():
    for protocol in range(1, 6):
        assert same(PAYLOAD_NANS, cloudpickle_rs.loads(cloudpickle_rs.dumps(PAYLOAD_NANS, protocol)))


@pytest.mark.parametrize(
    "data, value",
    [
        (b"I01\n.", True),
        (b"I00\n.", False),
        (b"I1\n.", 1),
        (b"I-5\n.", -5),
        (b"I99999999999999999999\n.", 99999999999999999999),
        (b"L5L\n.", 5),
        (b"L-12345678901234567890L\n.", -12345678901234567890),
        (b"F1.5\n.", 1.5),
        (b"Finf\n.", math.inf),
        (b"F-0.0\n.", -0.0),
        (b"S'text'\n.", "text"),
        (b'S"it\'s"\n.', "it's"),
        (b"S'a\\n\\x41\\\\'\n.", "a\nA\\"),
        (b"V\\u20ac\n.", "\u20ac"),
        (b"U\x03abc.", "abc"),
        (b"T\x03\x00\x00\x00abc.", "abc"),
        (b"(lp0\nI1\naI2\na.", [1, 2]),
        (b"(dp0\nS'a'\nI1\ns.", {"a": 1}),
        (b"(I1\nI2\nt.", (1, 2)),
        (b"(I1\nI2\nl.", [1, 2]),
        (b"(S'a'\nI1\nd.", {"a": 1}),
        (b"]q\x00(K\x01K\x02e.", [1, 2]),
        (b"K\x01K\x020.", 1),
        (b"(K\x01K\x021K\x03.", 3),
        (b"K\x01K\x022\x86.", (2, 2)),
        (b"\x80\x05\x8f(K\x01\x90.", {1}),
        (b"\x80\x04(K\x01K\x02\x91.", frozenset({1, 2})),
        (b"\x80\x04\x8d\x03\x00\x00\x00\x00\x00\x00\x00abc.", "abc"),
        (b"\x80\x04\x8e\x03\x00\x00\x00\x00\x00\x00\x00abc.", b"abc"),
        (b"\x80\x05\x96\x03\x00\x00\x00\x00\x00\x00\x00abc.", bytearray(b"abc")),
        (b"\x80\x02\x8a\x00.", 0),
        (b"\x80\x02\x8a\x01\xff.", -1),
        (b"\x80\x02\x8b\x02\x00\x00\x00\x00\x80.", -32768),
        (b"G\x80\x00\x00\x00\x00\x00\x00\x00.", -0.0),
        (b"\x80\x02\x88.", True),
        (b"\x80\x02N\x85.", (None,)),
        (b"\x80\x02K\x01K\x02\x86.", (1, 2)),
        (b"\x80\x02K\x01K\x02K\x03\x87.", (1, 2, 3)),
        (b"M\xff\xff.", 65535),
        (b"J\xff\xff\xff\xff.", -1),
        (b"\x80\x03C\x02ab.", b"ab"),
        (b"\x80\x03B\x02\x00\x00\x00ab.", b"ab"),
        (b"ccollections\nOrderedDict\n)R.", collections.OrderedDict()),
    ],
)
def test_every_way_to_write_a_value_loads(data, value):
    assert same(cloudpickle_rs.loads(data), plain_loads(data))
    assert same(cloudpickle_rs.loads(data), value)


EDGE_CHARACTERS = "\x00a\x7f\x80\xff\u0100\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"


@pytest.mark.parametrize("widest", EDGE_CHARACTERS, ids=ascii)
def test_text_is_as_wide_as_its_widest_character(widest):
    """Strings that are wider than they need to be are equal to none, and make programs take more memory."""
    narrower = EDGE_CHARACTERS[: EDGE_CHARACTERS.index(widest) + 1]
    for length in [1, 2, 3, 7, 8, 9, 16, 63, 64, 65, 300]:
        for step in range(1, len(narrower) + 8):
            # runs of ASCII of each length between the others
            text = "".join(widest if at % step == 0 else narrower[at % len(narrower)] for at in range(length))
            loaded = cloudpickle_rs.loads(cloudpickle_rs.dumps(text))
            assert loaded == text
            assert hash(loaded) == hash(text)
            if not PYPY:
                assert sys.getsizeof(loaded) == sys.getsizeof(plain_loads(cloudpickle.dumps(text)))


@pytest.mark.parametrize("large", [2**16 - 1, 2**16, 2**18, 2**21, 2**23 - 64, 2**23, 2**24], ids="{}bytes".format)
def test_large_payloads_among_small_objects(large):
    """A pickle moves from one kind of memory to another as it grows, and begins anew for the next one."""
    small = [list(range(300)), "text", 1.5]
    payload = b"x" * large
    for value in [payload, [payload, small], [small, payload, small], [small * 20_000, payload, small * 20_000, bytearray(payload)]]:
        for _ in range(2):
            assert cloudpickle_rs.dumps(value) == cloudpickle.dumps(value)
            assert cloudpickle_rs.dumps(small) == cloudpickle.dumps(small)
