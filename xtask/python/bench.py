"""Times `cloudpickle_rs` beside `cloudpickle` and `pickle` in one process.

    bench.py [--quick]

Prints a line for each case: its name, then the microseconds of dumps and of loads, ours and upstream's, separated by tabs.
`--quick` measures the first case alone, and for a shorter time.
"""

import fractions
import pickle
import random
import sys
import time

import cloudpickle
import cloudpickle_rs

QUICK = "--quick" in sys.argv
ROUNDS = 5 if QUICK else 9
SECONDS_A_ROUND = 0.02 if QUICK else 0.06

squared = lambda x: x**2  # noqa: E731
CONSTANT = 42


def my_function(data: int) -> int:
    return data + CONSTANT


def adder(n):
    def add(x, times=1):
        return x + n * times

    return add


class Model:
    """A class with methods."""

    layers = (1, 2, 3)

    def __init__(self, rate):
        self.rate = rate
        self.seen = []

    def fit(self, data):
        self.seen.extend(x * self.rate for x in data)
        return self

    def predict(self, x):
        return sum(self.seen) * x

    @property
    def size(self):
        return len(self.seen)


def cases():
    """Name and object of each case."""
    chance = random.Random(0)
    yield "lambda", squared
    if QUICK:
        return
    yield "function of __main__", my_function
    yield "closure", adder(3)
    yield "class of __main__", Model
    yield "instance of it", Model(0.5).fit(range(10))
    yield "task: function, args, kwargs", (my_function, (43,), {"retries": 3, "label": "task-1"})
    yield "1,000 fractions", [fractions.Fraction(i, 7) for i in range(1000)]
    yield (
        "1,000 records",
        [
            {
                "id": i,
                "name": f"user {i}",
                "score": chance.random(),
                "tags": ["a", f"t{i % 7}"],
                "active": i % 2 == 0,
                "parent": None,
            }
            for i in range(1000)
        ],
    )
    yield "50,000 ints", [chance.randrange(-(2**40), 2**40) for _ in range(50000)]
    yield "50,000 floats", [chance.random() for _ in range(50000)]
    yield "50,000 strings", [f"string number {i}" for i in range(50000)]
    yield "8 MB of bytes", bytes(8_000_000)


def race(*calls):
    """The best time of each call in microseconds, measured in turns so that a slow moment of the machine hits all alike."""
    counts = []
    for call in calls:
        start = time.perf_counter()
        call()
        once = time.perf_counter() - start
        counts.append(max(1, int(SECONDS_A_ROUND / max(once, 1e-7))))
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for which, (call, count) in enumerate(zip(calls, counts)):
            start = time.perf_counter()
            for _ in range(count):
                call()
            best[which] = min(best[which], (time.perf_counter() - start) / count)
    return [seconds * 1e6 for seconds in best]


for name, obj in cases():
    data = cloudpickle.dumps(obj)
    times = race(
        lambda: cloudpickle_rs.dumps(obj),
        lambda: cloudpickle.dumps(obj),
        lambda: cloudpickle_rs.loads(data),
        lambda: pickle.loads(data),
    )
    print(name, *(f"{t:.3f}" for t in times), sep="\t", flush=True)
