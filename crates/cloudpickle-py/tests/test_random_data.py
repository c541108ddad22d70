"""Random object graphs, each from a seed that the test's name tells."""

import random

import cloudpickle
import importable
import pytest
from oracle import compare
from same import same
from upstream import plain_loads

import cloudpickle_rs


def atom(chance):
    """A value that holds no other."""
    kinds = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.randrange(-300, 70000),
        lambda: chance.getrandbits(chance.choice([8, 16, 31, 32, 33, 63, 64, 65, 200, 3000])) * chance.choice([1, -1]),
        lambda: chance.uniform(-1e6, 1e6),
        lambda: chance.choice([0.0, -0.0, float("inf"), 1e-310]),
        lambda: "".join(
            chance.choice("ab\xe9\u20ac\U0001f600\ud800\n\\'") for _ in range(chance.choice([0, 1, 3, 10, 100, 300]))
        ),
        lambda: chance.choice(["id", "name", "value", "key"]),
        lambda: bytes(chance.getrandbits(8) for _ in range(chance.choice([0, 1, 5, 255, 256, 300]))),
        lambda: bytearray(b"array" * chance.randrange(3)),
        lambda: chance.choice([importable.double, importable.Shape, len, int, importable.Colour.RED, importable.CONSTANT, ...]),
        lambda: complex(chance.random(), -0.0),
    ]
    return chance.choice(kinds)()


def hashable(chance):
    """A value that can be a key."""
    while True:
        value = atom(chance)
        try:
            hash(value)
        except TypeError:
            continue
        return value


def graph(chance, size):
    """A graph of about `size` containers, in which containers are shared and hold themselves and each other."""
    made = [[]]
    for _ in range(size):
        items = [chance.choice(made) if chance.random() < 0.3 else atom(chance) for _ in range(chance.choice([0, 1, 2, 3, 4, 8]))]
        kind = chance.randrange(8)
        if kind == 0:
            made.append(tuple(items))
        elif kind in (1, 2):
            made.append({hashable(chance): item for item in items})
        elif kind == 3:
            made.append({hashable(chance) for _ in items})
        elif kind == 4:
            made.append(frozenset(hashable(chance) for _ in items))
        elif kind == 5:
            made.append(importable.Shape(items))
        elif kind == 6:
            made.append(importable.Record(chance.randrange(10), "name", items))
        else:
            made.append(items)
    for _ in range(size // 4):
        into, what = chance.choice(made), chance.choice(made)
        if isinstance(into, list):
            into.append(what)
        elif isinstance(into, dict):
            into[f"k{len(into)}"] = what
        elif isinstance(into, importable.Shape):
            into.extra = what
    return made


@pytest.mark.parametrize("seed", range(60))
def test_graph_has_upstreams_bytes_and_loads_as_itself(seed):
    chance = random.Random(seed)
    value = graph(chance, chance.choice([3, 10, 40, 200]))
    for protocol in range(6):
        ours, difference = compare(cloudpickle_rs.dumps, cloudpickle.dumps, value, protocol)
        assert difference is None, f"protocol {protocol}: {difference}"
        copy, reference = cloudpickle_rs.loads(ours), plain_loads(ours)
        assert cloudpickle.dumps(copy, protocol) == cloudpickle.dumps(reference, protocol), (
            f"protocol {protocol}: loaded otherwise"
        )
        assert same(value, copy), f"protocol {protocol}: not the same value"
