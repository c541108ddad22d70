"""Times `cloudpickle_rs` beside `cloudpickle` with `pickle`, dill and pyfory, in one process.

    bench.py [--quick] [--case NAME]...

Prints a line for each case and library: the name of the case, that of the library, and the microseconds that `dumps` and `loads`
take, or `not run` and why, separated by tabs. Of cloudpickle, `loads` is `pickle.loads`, which it uses. `--quick` measures the first
case alone, without dill and pyfory and for a shorter time; `--case` measures only cases whose names begin so.
"""

import argparse
import email.mime.text
import json
import json.decoder
import pathlib
import pickle
import random
import sys
import tempfile
import time
import xml.dom.minidom

import cloudpickle
import cloudpickle_rs

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true")
options.add_argument("--case", action="append")
options = options.parse_args()

# Many short rounds: on a busy machine some of them pass undisturbed.
ROUNDS = 10 if options.quick else 50
SECONDS_A_ROUND = 0.004

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


MODULES = 1000

#: An importable module of dataclasses.
POINTS = """
import dataclasses

@dataclasses.dataclass
class Point:
    x: float
    y: float
    label: str
    weight: int = 1
"""


def parse(text):
    return email.mime.text.MIMEText(text), json.decoder.JSONDecoder(), xml.dom.minidom.parseString(text)


def user_of_packages():
    """A function that refers to three packages and a submodule of each, where a thousand more modules are imported."""
    for package in range(20):
        folder = pathlib.Path(FOLDER, f"bench_package_{package}")
        folder.mkdir()
        (folder / "__init__.py").touch()
        names = [f"module_{module}" for module in range(MODULES // 20 - 1)]
        for name in names:
            (folder / f"{name}.py").touch()
        __import__(folder.name, fromlist=names)
    return parse


def points():
    pathlib.Path(FOLDER, "bench_points.py").write_text(POINTS)
    from bench_points import Point

    return [Point(i * 0.5, -float(i), f"point {i}", i) for i in range(1000)]


def records(chance):
    return [
        {
            "id": i,
            "name": f"user {i}",
            "score": chance.random(),
            "tags": ["a", f"t{i % 7}"],
            "active": i % 2 == 0,
            "parent": None,
        }
        for i in range(1000)
    ]


def tweets(chance):
    """What a JSON reader makes of an answer of a social network: nested, with the same keys again and again, not all of it ASCII."""
    words = "the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word".split()
    words += ["Überraschung", "日本語", "naïve", "🎉"]

    def text(count):
        return " ".join(chance.choices(words, k=count))

    def tweet(i):
        return json.loads(
            json.dumps(
                {
                    "created_at": f"Mon Sep 24 03:35:{i % 60:02} +0000 2012",
                    "id": 250075927172759552 + i,
                    "id_str": str(250075927172759552 + i),
                    "text": text(18),
                    "truncated": False,
                    "entities": {
                        "hashtags": [{"text": text(1), "indices": [20, 34]} for _ in range(i % 3)],
                        "urls": [],
                        "user_mentions": [{"screen_name": text(1), "id": 1000 + i, "indices": [3, 19]}],
                    },
                    "in_reply_to_status_id": None,
                    "user": {
                        "id": 137238150 + i % 50,
                        "name": text(2),
                        "location": text(2),
                        "description": text(12),
                        "followers_count": chance.randrange(10**6),
                        "friends_count": chance.randrange(1000),
                        "verified": False,
                        "utc_offset": -28800,
                        "profile_image_url": f"http://example.org/profile_images/{i}/normal.jpeg",
                    },
                    "geo": None,
                    "coordinates": [chance.random(), chance.random()] if i % 5 == 0 else None,
                    "retweet_count": chance.randrange(100),
                    "favorited": False,
                    "metadata": {"iso_language_code": "en", "result_type": "recent"},
                }
            )
        )

    return {"statuses": [tweet(i) for i in range(200)], "search_metadata": {"count": 200, "completed_in": 0.035}}


def array():
    import numpy

    return numpy.arange(1_000_000, dtype="float64")


def cases():
    """Name and maker of each case."""
    chance = random.Random(0)
    yield "lambda", lambda: squared
    if options.quick:
        return
    yield "function of __main__", lambda: my_function
    yield "closure", lambda: adder(3)
    yield "class of __main__", lambda: Model
    yield "instance of it", lambda: Model(0.5).fit(range(10))
    yield "task: function, args, kwargs", lambda: (my_function, (43,), {"retries": 3, "label": "task-1"})
    yield "1,000 dataclass instances", points
    yield "records of dicts", lambda: records(chance)
    yield "tweets-like JSON", lambda: tweets(chance)
    yield "50,000 ints", lambda: [chance.randrange(-(2**31), 2**31) for _ in range(50000)]
    yield "50,000 consecutive ints", lambda: list(range(50000))
    yield "50,000 floats", lambda: [chance.random() for _ in range(50000)]
    yield "50,000 distinct strings", lambda: [f"string number {i}" for i in range(50000)]
    yield "8 MB of bytes, in band", lambda: bytes(8_000_000)
    yield "numpy array, out of band", array
    # the last, since the modules that it imports are there from then on
    yield "function with 3 packages", user_of_packages


def peers():
    """What is compared: name, `dumps` (which takes a `buffer_callback`, or has none) and `loads` (with `buffers`)."""
    yield "cloudpickle_rs", cloudpickle_rs.dumps, cloudpickle_rs.loads
    yield "cloudpickle", cloudpickle.dumps, pickle.loads
    if options.quick:
        return
    try:
        import dill

        yield "dill", lambda obj, **how: dill.dumps(obj, protocol=5, recurse=True, **how), dill.loads
    except ImportError as error:
        missing["dill"] = str(error)
    try:
        import pyfory

        fory = pyfory.Fory(xlang=False, ref=True, strict=False)
        yield "pyfory", fory.serialize, fory.deserialize
    except Exception as error:
        missing["pyfory"] = str(error)


def race(calls):
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
    return [round(seconds * 1e6, 3) for seconds in best]


def prepared(name, obj, dumps, loads):
    """The two calls to measure. Raises what the library raises where it cannot do either."""
    if not name.endswith("out of band"):
        data = dumps(obj)
        loads(data)
        return lambda: dumps(obj), lambda: loads(data)
    import numpy

    buffers = []
    data = dumps(obj, buffer_callback=buffers.append)
    if dumps is cloudpickle_rs.dumps:
        assert len(data) < 1000 and numpy.shares_memory(obj, buffers[0]), "dumps has copied the array"
        assert numpy.shares_memory(obj, loads(data, buffers=buffers)), "loads has copied the array"
    return lambda: dumps(obj, buffer_callback=[].append), lambda: loads(data, buffers=buffers)


def measure(name, make):
    """Prints the lines of a case."""
    not_run, runners = dict(missing), {}
    try:
        obj = make()
    except ImportError as error:
        # a case that needs numpy, where there is none
        not_run.update((library, str(error)) for library, _, _ in libraries)
    else:
        for library, dumps, loads in libraries:
            try:
                runners[library] = prepared(name, obj, dumps, loads)
            except Exception as error:
                if library.startswith("cloudpickle"):
                    raise
                not_run[library] = f"{type(error).__name__}: {error}".splitlines()[0]
    times = [race([runner[which] for runner in runners.values()]) for which in (0, 1)]
    for library, dumps, loads in zip(runners, *times):
        print(name, library, dumps, loads, sep="\t")
    for library, reason in not_run.items():
        print(name, library, "not run", reason, sep="\t")
    sys.stdout.flush()


missing = {}
libraries = list(peers())
with tempfile.TemporaryDirectory() as FOLDER:
    sys.path.insert(0, FOLDER)
    for name, make in cases():
        if not options.case or any(name.startswith(case) for case in options.case):
            measure(name, make)
