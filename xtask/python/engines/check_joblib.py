"""joblib, loky, multiprocessing and concurrent.futures: our client with workers that have upstream alone, upstream's client with
ours in the workers, and the times of both with joblib.

multiprocessing's pickler, which concurrent.futures has too, knows nothing of cloudpickle: its `reducer_override` brings it in.
"""

import multiprocessing
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import reduction
from types import FunctionType

import joblib
import loky
import numpy
import turns
from joblib.externals import loky as loky_of_joblib
from joblib.externals.loky import cloudpickle_wrapper
from joblib.externals.loky.backend import queues

OURS, UPSTREAM = "cloudpickle_rs", "cloudpickle"
FACTOR = 3

# what `LOKY_PICKLER` is tried with, in a process of its own
BY_ENVIRONMENT = """
import os, joblib, cloudpickle_rs
from joblib.externals import loky
assert issubclass(loky.backend.reduction.get_loky_pickler(), cloudpickle_rs.CloudPickler)
done = joblib.Parallel(n_jobs=2)(joblib.delayed(lambda number: (number * 3, os.getpid()))(number) for number in range(50))
assert [number for number, _ in done] == [number * 3 for number in range(50)]
assert os.getpid() not in {pid for _, pid in done}
"""

work = turns.Work()


class Account:
    def __init__(self, balance):
        self.balance = balance

    def doubled(self):
        return Account(self.balance * 2)


def install():
    import cloudpickle_rs

    cloudpickle_rs.install()


def reduce_by(name):
    """Lets multiprocessing's pickler pickle functions that no worker can import, by the module of this name."""
    dumps = __import__(name).dumps

    def reducer_override(_, value):
        if isinstance(value, FunctionType) and "<" in value.__qualname__:
            return pickle.loads, (dumps(value),)
        return NotImplemented

    reduction.ForkingPickler.reducer_override = reducer_override


def worker(_=None):
    """Which process it is, and whether it has ours. It takes a moment, so that each worker of a pool comes to answer."""
    time.sleep(0.02)
    return os.getpid(), OURS in sys.modules


def seen(answers, ours_there):
    """Holds what workers said of themselves against what they are to be."""
    pids = {pid for pid, _ in answers}
    assert os.getpid() not in pids and all(found == ours_there for _, found in answers), (answers, ours_there)
    work.workers |= pids


@work.kind("joblib.Parallel")
def parallel(ours_here, ours_there):
    import cloudpickle_rs

    pickler = loky_of_joblib.backend.reduction.get_loky_pickler()
    assert issubclass(pickler, cloudpickle_rs.CloudPickler) == ours_here, pickler.__mro__
    options = {"initializer": install} if ours_there else {}
    run = joblib.Parallel(n_jobs=2, **options)
    functions = turns.distinct_functions(100)
    assert run(joblib.delayed(function)(5) for function in functions) == turns.results_of(functions, 5)
    [copy, function] = run([joblib.delayed(Account(7).doubled)(), joblib.delayed(lambda: lambda: FACTOR)()])
    assert type(copy) is Account and copy.balance == 14 and function() == FACTOR
    # joblib's own reducers: an array above a megabyte is given to the workers as a file in shared memory
    array = numpy.arange(300_000.0)
    [(total, kind)] = run([joblib.delayed(lambda part: (part.sum() * FACTOR, type(part).__name__))(array)])
    assert total == array.sum() * FACTOR and kind == "memmap"
    seen(run(joblib.delayed(worker)(number) for number in range(6)), ours_there)
    return len(functions) + 9


def executor_of(library, ours_there):
    initializer = install if ours_there else None
    executor = library.get_reusable_executor(max_workers=2, initializer=initializer, reuse=False)
    functions = turns.distinct_functions(100)
    calls = [executor.submit(function, 5) for function in functions]
    assert [call.result() for call in calls] == turns.results_of(functions, 5)
    copy = executor.submit(Account(7).doubled).result()
    assert type(copy) is Account and copy.balance == 14
    assert executor.submit(lambda: lambda: FACTOR).result()() == FACTOR
    assert executor is library.get_reusable_executor(max_workers=2, initializer=initializer)
    seen(list(executor.map(worker, range(6))), ours_there)
    executor.shutdown()
    return len(functions) + 8


@work.kind("reusable executor of loky")
def reusable(_, ours_there):
    return executor_of(loky, ours_there)


@work.kind("that of joblib's loky")
def reusable_of_joblib(_, ours_there):
    return executor_of(loky_of_joblib, ours_there)


@work.kind("multiprocessing.Pool")
def pool(ours_here, ours_there):
    reduce_by(OURS if ours_here else UPSTREAM)
    there = OURS if ours_there else UPSTREAM
    with multiprocessing.get_context("spawn").Pool(2, initializer=reduce_by, initargs=(there,)) as pool:
        assert pool.map(lambda number: number * FACTOR, range(100)) == [number * FACTOR for number in range(100)]
        assert pool.apply(lambda: lambda: FACTOR)() == FACTOR
        copy = pool.apply(Account(7).doubled)
        assert type(copy) is Account and copy.balance == 14
        seen(pool.map(worker, range(6), chunksize=1), ours_there)
    del reduction.ForkingPickler.reducer_override
    return 108


@work.kind("concurrent.futures.ProcessPoolExecutor")
def futures(ours_here, ours_there):
    reduce_by(OURS if ours_here else UPSTREAM)
    there, spawn = OURS if ours_there else UPSTREAM, multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn, initializer=reduce_by, initargs=(there,)) as executor:
        functions = turns.distinct_functions(100)
        calls = [executor.submit(function, 5) for function in functions]
        assert [call.result() for call in calls] == turns.results_of(functions, 5)
        assert executor.submit(lambda: lambda: FACTOR).result()() == FACTOR
        copy = executor.submit(Account(7).doubled).result()
        assert type(copy) is Account and copy.balance == 14
        seen(list(executor.map(worker, range(6))), ours_there)
    del reduction.ForkingPickler.reducer_override
    return 108


def loky_pickler():
    """loky's own hooks take the name of a module that has a `Pickler`; its workers import that module too."""
    import cloudpickle_rs

    for library in loky, loky_of_joblib:
        library.set_loky_pickler(OURS)
        assert issubclass(library.backend.reduction.get_loky_pickler(), cloudpickle_rs.CloudPickler)
        executor = library.get_reusable_executor(max_workers=2)
        assert executor.submit(lambda: FACTOR).result() == FACTOR
        seen([executor.submit(worker).result()], True)
        library.set_loky_pickler()
        executor.shutdown()
    environment = dict(os.environ, LOKY_PICKLER=OURS)
    subprocess.run([sys.executable, "-c", BY_ENVIRONMENT], env=environment, check=True)


def worlds():
    import cloudpickle_rs

    for ours_here, ours_there in (True, False), (False, True), (True, True):
        if ours_here:
            cloudpickle_rs.install()
        work.run(ours_here, ours_there)
        cloudpickle_rs.uninstall()
    loky_pickler()
    work.tell()


def measure(functions):
    # joblib pickles the functions, loky what carries them
    with turns.Pickling((cloudpickle_wrapper, "dumps"), (queues, "dumps")) as pickling:
        start = time.perf_counter()
        results = joblib.Parallel(n_jobs=2, batch_size=1)(joblib.delayed(function)(1) for function in functions)
        wall = time.perf_counter() - start
    assert results == turns.results_of(functions, 1)
    return turns.Spent(wall, wall, pickling.seconds)


def main(tasks):
    turns.tell("version", joblib.__version__)
    worlds()
    turns.in_turns(tasks, measure)
    loky_of_joblib.get_reusable_executor().shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
