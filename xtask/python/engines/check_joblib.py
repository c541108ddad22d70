"""joblib and loky: our client with workers that have upstream alone, and upstream's client with ours in the workers."""

import os
import sys
import time

import joblib
from joblib.externals import loky
from joblib.externals.loky import cloudpickle_wrapper, reusable_executor
from joblib.externals.loky.backend import queues

LIBRARIES = [loky]
try:
    import loky as alone

    LIBRARIES.append(alone)
except ImportError:
    pass


class Account:
    def __init__(self, balance):
        self.balance = balance

    def doubled(self):
        return Account(self.balance * 2)


def imported():
    """What a worker has in place."""
    return os.getpid(), "cloudpickle_rs" in sys.modules


def install():
    import cloudpickle_rs

    cloudpickle_rs.install()


def use(library, initializer):
    factor = 3
    executor = library.get_reusable_executor(max_workers=2, initializer=initializer, reuse=False)
    functions = [lambda value, number=number: value * factor + number for number in range(100)]
    calls = [executor.submit(function, 5) for function in functions]
    assert [call.result() for call in calls] == [15 + number for number in range(100)]
    copy = executor.submit(Account(7).doubled).result()
    assert type(copy) is Account and copy.balance == 14
    assert executor.submit(lambda: (lambda: factor)).result()() == factor
    pid, ours_there = executor.submit(imported).result()
    assert pid != os.getpid() and ours_there == (initializer is not None), ours_there
    assert executor is library.get_reusable_executor(max_workers=2, initializer=initializer)
    executor.shutdown()
    return len(functions)


def worlds(turns):
    import cloudpickle_rs

    done = 0
    for library in LIBRARIES:
        for ours_here, initializer in (True, None), (False, install), (True, install):
            if ours_here:
                cloudpickle_rs.install()
            pickler = library.backend.reduction.get_loky_pickler()
            assert issubclass(pickler, cloudpickle_rs.CloudPickler) == ours_here, pickler.__mro__
            done += use(library, initializer)
            cloudpickle_rs.uninstall()
        # loky's own hook takes a module that has a `Pickler`
        library.set_loky_pickler("cloudpickle_rs")
        assert issubclass(library.backend.reduction.get_loky_pickler(), cloudpickle_rs.CloudPickler)
        assert library.get_reusable_executor(max_workers=2).submit(lambda: done).result() == done
        library.set_loky_pickler()
        library.get_reusable_executor().shutdown()
    turns.tell("tasks", done)


def measure(turns, functions):
    # joblib pickles the functions, loky what carries them
    with turns.Share(cloudpickle_wrapper, "dumps") as wrapped, turns.Share(queues, "dumps") as carried:
        start = time.perf_counter()
        results = joblib.Parallel(n_jobs=2, batch_size=1)(joblib.delayed(function)(1) for function in functions)
        seconds = time.perf_counter() - start
    assert results == [1 + number for number in range(len(functions))]
    return seconds, wrapped.seconds + carried.seconds


def main(tasks):
    # not above: worker processes import this file too, and are to have no module of ours
    import turns

    turns.tell("version", joblib.__version__)
    worlds(turns)
    functions = turns.distinct_functions(tasks)
    turns.in_turns(tasks, lambda: measure(turns, functions))
    reusable_executor.get_reusable_executor().shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
