"""joblib, loky, concurrent.futures and multiprocessing: worker processes that are sent functions of `__main__`.

    pip install ./crates/cloudpickle-py "joblib>=1.6" numpy
    python examples/joblib_loky.py

The workers are as the libraries start them, and load the pickles with the standard library and cloudpickle.
"""

import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import reduction
from types import FunctionType

import cloudpickle_rs
import joblib
import numpy
from joblib.externals import loky

cloudpickle_rs.install()

OFFSET = 7


class Polynomial:
    """A class of `__main__`, whose instances travel to the workers and back."""

    def __init__(self, *coefficients):
        self.coefficients = coefficients

    def __call__(self, x):
        return sum(coefficient * x**power for power, coefficient in enumerate(self.coefficients))


def with_joblib():
    parallel = joblib.Parallel(n_jobs=2)
    done = parallel(joblib.delayed(lambda number: (number + OFFSET, os.getpid()))(number) for number in range(100))
    assert [number for number, _ in done] == [number + OFFSET for number in range(100)]
    # an array above a megabyte is given to the workers as a file in shared memory
    array = numpy.arange(300_000.0)
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(lambda part: part.sum())(array[i::2]) for i in range(2))[0] > 0
    return done


def with_loky():
    executor = loky.get_reusable_executor(max_workers=2)
    assert list(executor.map(Polynomial(1, 2, 3), range(5))) == [1, 6, 17, 34, 57]
    assert executor is loky.get_reusable_executor(max_workers=2)
    # loky's own hook, without `install`: a module's name here, or in the environment variable LOKY_PICKLER
    loky.set_loky_pickler("cloudpickle_rs")
    assert executor.submit(lambda: Polynomial(OFFSET)(1)).result() == OFFSET
    loky.set_loky_pickler()
    return executor.submit(os.getpid).result()


def reduce_function(_, value):
    """Says to multiprocessing's pickler that functions which no worker can import go as pickles of their own."""
    if isinstance(value, FunctionType) and "<" in value.__qualname__:
        return pickle.loads, (cloudpickle_rs.dumps(value),)
    return NotImplemented


def with_the_standard_library():
    reduction.ForkingPickler.reducer_override = reduce_function
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        assert pool.map(lambda number: number - OFFSET, range(20)) == [number - OFFSET for number in range(20)]
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        return executor.submit(lambda: os.getpid()).result()


def main():
    done = with_joblib()
    workers = {pid for _, pid in done} | {with_loky(), with_the_standard_library()}
    assert os.getpid() not in workers
    print(f"joblib {joblib.__version__}: {len(done)} tasks, and more, in the processes {sorted(workers)}")


if __name__ == "__main__":
    main()
