"""What the checks of all engines share: their kinds of work, measuring both implementations in turns, and telling what came out.

`cargo xtask engines` reads what is told. Worker processes that import a check's script import this too, and are to have no module
of ours from it.
"""

import gc
import itertools
import statistics
import threading
import time
from dataclasses import dataclass

# even, so that each implementation begins as many rounds as the other
ROUNDS = 6
# what warms up a cluster, and each implementation in its client
WARM_UP = 200

_numbers = itertools.count()


def tell(key, value):
    """Prints a line for `cargo xtask engines`."""
    print(f"{key}\t{value}", flush=True)


def distinct_functions(count):
    """As many lambdas, no two of which are the same, nor the same as one that was made before.

    Engines know a function again: Dask's client does not submit what it still has a future of, Ray exports a function once.
    """
    return [lambda value, number=number: value + number for number in itertools.islice(_numbers, count)]


def results_of(functions, value):
    """What the lambdas return for a value, by their own defaults."""
    return [value + function.__defaults__[0] for function in functions]


@dataclass
class Spent:
    """The seconds that tasks took: from the first to the last result, in the client until all were submitted, and in pickling."""

    wall: float
    client: float
    pickling: float


class Pickling:
    """The processor time of all calls of functions that callers find as attributes of modules, while it is entered.

    It is that of the calling thread: what other threads do meanwhile, for which a call waits, is not in it. A call within a
    call is part of that one, and what reading the clock takes is left out.
    """

    def __init__(self, *places):
        self.places = places

    def __enter__(self):
        self.times = []
        self.within = threading.local()
        self.clock = min(-(time.thread_time() - time.thread_time()) for _ in range(1000))
        self.functions = [getattr(module, name) for module, name in self.places]
        for (module, name), function in zip(self.places, self.functions):
            setattr(module, name, self.timed(function))
        return self

    def __exit__(self, *_):
        for (module, name), function in zip(self.places, self.functions):
            setattr(module, name, function)

    def timed(self, function):
        within, times = self.within, self.times

        def timed(*args, **kwargs):
            if getattr(within, "call", False):
                return function(*args, **kwargs)
            within.call = True
            start = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                times.append(time.thread_time() - start)
                within.call = False

        return timed

    @property
    def seconds(self):
        return sum(self.times) - self.clock * len(self.times)


def in_turns(tasks, measure):
    """Lets `measure` run functions with upstream and with ours, each beginning every other round, and tells what it took.

    It is given functions that it has not seen, and returns what was `Spent`. What is told are the best rounds, and as `..._range`
    the worst and the best; for `pickling_less` those of rounds by themselves.
    """
    import cloudpickle_rs

    sides = {"upstream": cloudpickle_rs.uninstall, "ours": cloudpickle_rs.install}
    spent = {name: [] for name in sides}

    def one(name, count):
        functions = distinct_functions(count)
        sides[name]()
        gc.collect()
        return measure(functions)

    for name in sides:
        one(name, min(tasks, WARM_UP))
    for number in range(ROUNDS):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            spent[name].append(one(name, tasks))
    cloudpickle_rs.uninstall()

    tell("timed", tasks)
    for name, rounds in spent.items():
        walls = [tasks / it.wall for it in rounds]
        tell(name, f"{max(walls):.1f}")
        tell(f"{name}_range", f"{min(walls):.0f} to {max(walls):.0f}")
        tell(f"{name}_client", f"{min(it.client for it in rounds) / tasks * 1e6:.1f}")
        tell(f"{name}_pickling", f"{min(it.pickling for it in rounds) / tasks * 1e6:.1f}")
    tell("share", f"{statistics.median(it.pickling / it.wall for it in spent['upstream']):.4f}")
    less = [theirs.pickling / ours.pickling for theirs, ours in zip(spent["upstream"], spent["ours"])]
    tell("pickling_range", f"{min(less):.1f} to {max(less):.1f}")


class Work:
    """The kinds of work that an engine is given in each world, and the processes that did them."""

    def __init__(self):
        self.kinds = []
        self.tasks = 0
        self.workers = set()
        self.worlds = 0

    def kind(self, name):
        """Marks a function as a kind of work: it is given what `run` is given, and returns how many tasks it took."""

        def mark(function):
            self.kinds.append((name, function))
            return function

        return mark

    def run(self, *cluster):
        """Does all kinds of work in one world."""
        self.worlds += 1
        for name, function in self.kinds:
            try:
                self.tasks += function(*cluster)
            except Exception as error:
                raise RuntimeError(f"in world {self.worlds}, at: {name}") from error

    def tell(self):
        tell("kinds", ", ".join(name for name, _ in self.kinds))
        tell("worlds", self.worlds)
        tell("tasks", self.tasks)
        tell("workers", len(self.workers))
