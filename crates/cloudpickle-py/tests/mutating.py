"""Loads pickles with bytes changed, in a process of its own.

    mutating.py SEED

There are no code objects in them: what CPython makes of arbitrary bytecode is not for a pickle module to judge.
"""

import datetime
import random
import signal
import sys

import cloudpickle_rs

import importable

COUNT = 20000
SAMPLES = [
    [
        0,
        -1,
        255,
        65536,
        2**31,
        2**70,
        1.5,
        None,
        True,
        "text",
        "\u20ac" * 90,
        b"bytes" * 60,
        bytearray(b"array"),
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 3, 4),
    ],
    {"a": [1, {"b": {2, 3}, "c": frozenset([4])}], "d": [[], {}, ()] * 3},
    [
        importable.Square(2),
        importable.Shape.Corner(3),
        importable.Pair(4, 5),
        importable.Record(6, "seven"),
        importable.Colour.GREEN,
        importable.double,
    ],
    [datetime.date(2020, 1, 1), datetime.timedelta(1), 1 + 2j, range(3), slice(1, 2), ValueError("v")],
    ["x" * 70000, b"y" * 70000, ["z"] * 30],
]


def recursive():
    value = [importable.Shape("loop")]
    value.append(value)
    value[0].name = {"back": value}
    return value


def mutate(chance, data):
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
        at = chance.randrange(len(data))
        kind = chance.randrange(6)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            data[at:at] = bytes([chance.randrange(256)])
        elif kind == 3 and len(data) > 1:
            del data[at]
        elif kind == 4:
            to = chance.randrange(len(data))
            data[to:to] = data[at : at + chance.randrange(20)]
        else:
            data[at : at + 4] = chance.choice(
                [b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x00"]
            )
    return bytes(data)


def limit():
    """No more than 4 GB, where the system can hold us to it, and no more than a minute in all."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    signal.alarm(60)


def main(seed):
    limit()
    chance = random.Random(seed)
    pickles = [cloudpickle_rs.dumps(sample, protocol) for sample in [*SAMPLES, recursive()] for protocol in range(6)]
    for _ in range(COUNT):
        data = mutate(chance, chance.choice(pickles))
        try:
            cloudpickle_rs.loads(data)
        except MemoryError:
            raise
        except Exception:
            pass
    print(f"tried {COUNT}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
