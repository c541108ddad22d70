"""What the checks of all engines share: their kinds of work, measuring both implementations in turns, and telling what came out.

`cargo xtask engines` reads what is told. Worker processes that import a check's script import this too, and are to have no module
of ours from it.
"""

import gc
import itertools
import statistics
import threading
import time
from collections import defaultdict
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
    """The seconds that tasks took: from the first to the last result, in the client until all were submitted, and in pickling.

    And what a scheduler in the client's process spent in pickling besides, as Dask's does, and what the processors spent on all threads
    of that process.
    """

    wall: float
    client: float
    pickling: float
    scheduler: float = 0.0
    processor: float = 0.0


class Pickling:
    """The processor time of all calls of functions that callers find as attributes of modules, while it is entered.

    It is that of the calling thread: what other threads do meanwhile, for which a call waits, is not in it. A call within a
    call is part of that one. Every fifth call is not timed. Before it the clock is read twice with nothing between, and what that
    takes is left out of each timed call: in the middle of an engine's work it is several times what it is in a loop.

    Calls that other processes interrupt find the processor's caches empty afterwards. So of a thread's calls with objects of one type
    and pickles of one size (to the power of two), which both implementations make the same, the middle half stands for all.
    """

    # no engine makes its calls in a cycle of five, so each kind of them is left out as often as the others
    CLOCK_EVERY = 5

    def __init__(self, *places):
        self.places = places

    def __enter__(self):
        self.calls = itertools.count(1)
        self.times, self.clock = defaultdict(list), []
        self.within = threading.local()
        self.functions = [getattr(module, name) for module, name in self.places]
        for (module, name), function in zip(self.places, self.functions):
            setattr(module, name, self.timed(function))
        return self

    def __exit__(self, *_):
        for (module, name), function in zip(self.places, self.functions):
            setattr(module, name, function)

    def timed(self, function):
        within, calls, times, clock = self.within, self.calls, self.times, self.clock

        def timed(*args, **kwargs):
            if getattr(within, "call", False):
                return function(*args, **kwargs)
            within.call = True
            is_left_out = not next(calls) % Pickling.CLOCK_EVERY
            start = time.thread_time()
            if is_left_out:
                clock.append(time.thread_time() - start)
            try:
                pickle = function(*args, **kwargs)
                if not is_left_out:
                    took = time.thread_time() - start
                    times[threading.get_ident(), type(args[0]), len(pickle).bit_length()].append(took)
                return pickle
            finally:
                within.call = False

        return timed

    @property
    def seconds(self):
        """Those of all threads."""
        return self.seconds_of(lambda thread: True)

    def seconds_of(self, is_asked_for):
        """Those of the threads whose identifiers are asked for."""
        groups = [times for (thread, *_), times in self.times.items() if is_asked_for(thread)]
        timed = sum(map(len, groups))
        of_timed = sum(middle(times) * len(times) for times in groups)
        calls_a_timed_one = 1 + len(self.clock) / sum(map(len, self.times.values()))
        return (of_timed - statistics.median(self.clock) * timed) * calls_a_timed_one


def middle(values):
    """The mean of values without the lowest and the highest quarter."""
    quarter = len(values) // 4
    return statistics.fmean(sorted(values)[quarter : len(values) - quarter])


def in_turns(tasks, measure):
    """Lets `measure` run functions with upstream and with ours, each beginning every other round, and tells what it took.

    It is given functions that it has not seen, and returns what was `Spent`. What is told of each are the best rounds, and as
    `..._range` the worst and the best. `..._less` is how many times less ours took than upstream in the same round: the median of
    all rounds, the worst and the best. (The median of as many pairs as could be made lies between the worst and the best of six
    with a probability of 97 %.)
    """
    import cloudpickle_rs

    sides = {"upstream": cloudpickle_rs.uninstall, "ours": cloudpickle_rs.install}
    spent = {name: [] for name in sides}

    def one(name, count):
        functions = distinct_functions(count)
        sides[name]()
        gc.collect()
        start = time.process_time()
        took = measure(functions)
        took.processor = time.process_time() - start
        return took

    for name in sides:
        one(name, min(tasks, WARM_UP))
    for number in range(ROUNDS):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            spent[name].append(one(name, tasks))
    cloudpickle_rs.uninstall()

    tell("timed", tasks)
    for name, rounds in spent.items():
        rates = [tasks / it.wall for it in rounds]
        tell(name, f"{max(rates):.1f}")
        tell(f"{name}_range", f"{min(rates):.0f} to {max(rates):.0f}")
        tell(f"{name}_client", f"{min(it.client for it in rounds) / tasks * 1e6:.1f}")
        tell(f"{name}_pickling", f"{min(it.pickling for it in rounds) / tasks * 1e6:.1f}")
        tell(f"{name}_scheduler", f"{min(it.scheduler for it in rounds) / tasks * 1e6:.1f}")
    tell("share", f"{statistics.median(it.pickling / it.wall for it in spent['upstream']):.4f}")
    for what in "wall", "processor", "pickling", "scheduler":
        pairs = [(getattr(theirs, what), getattr(ours, what)) for theirs, ours in zip(spent["upstream"], spent["ours"])]
        less = [theirs / ours for theirs, ours in pairs if ours]
        if not less:
            # no scheduler in the client's process
            continue
        tell(f"{what}_less", f"{statistics.median(less):.2f} ({min(less):.2f} to {max(less):.2f})")


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
