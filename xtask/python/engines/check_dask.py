"""Dask: our client with workers that have upstream alone, upstream's client with ours in the workers, and the times of both.

The scripts of this folder run as `__main__`, with the number of tasks to time.
"""

import os
import sys
import threading
import time

import cloudpickle
import dask
import dask.bag
import distributed
import numpy
import turns

PRELOAD = "import cloudpickle_rs; cloudpickle_rs.install()"
FACTOR = 3

work = turns.Work()


class Account:
    def __init__(self, balance):
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance, os.getpid()


def imported():
    """What a worker has in place."""
    return "cloudpickle_rs" in sys.modules, type(sys.modules["cloudpickle"].dumps).__name__


@work.kind("submit")
def submit(client, _):
    functions = turns.distinct_functions(100)
    assert client.gather([client.submit(function, 5) for function in functions]) == turns.results_of(functions, 5)
    return len(functions)


@work.kind("map")
def map_(client, workers):
    done = client.gather(client.map(lambda number: (number * FACTOR, os.getpid()), range(100), pure=False))
    assert [number for number, _ in done] == [number * FACTOR for number in range(100)]
    assert {pid for _, pid in done} <= workers
    return len(done)


@work.kind("delayed")
def delayed(client, _):
    numbers = [dask.delayed(lambda number=number: number * FACTOR)() for number in range(20)]
    assert dask.delayed(lambda parts: sum(parts))(numbers).compute() == sum(range(20)) * FACTOR
    return len(numbers) + 1


@work.kind("bag")
def bag(client, _):
    numbers = dask.bag.from_sequence(range(1000), npartitions=4)
    remainders = numbers.map(lambda number: number % FACTOR).frequencies()
    assert remainders.compute(scheduler=client) == [(0, 334), (1, 333), (2, 333)]
    return numbers.npartitions


@work.kind("actor of a class of __main__")
def actor(client, workers):
    account = client.submit(Account, 5, actor=True, pure=False).result()
    balance, pid = account.deposit(FACTOR).result()
    assert balance == 5 + FACTOR and pid in workers
    return 2


@work.kind("functions and instances on the way back")
def results(client, _):
    assert client.submit(lambda: lambda: FACTOR, pure=False).result()() == FACTOR
    copy = client.submit(Account, 7, pure=False).result()
    assert type(copy) is Account and copy.balance == 7
    return 2


@work.kind("arrays out of band")
def arrays(client, _):
    array = numpy.arange(500_000.0)
    buffers = []
    header = distributed.protocol.pickle.dumps([array, lambda: FACTOR], buffer_callback=buffers.append)
    assert len(header) < 5000 and [len(memoryview(buffer).cast("B")) for buffer in buffers] == [array.nbytes]
    product = client.submit(lambda both: both[0] * both[1](), [array, lambda: FACTOR], pure=False).result()
    assert (product == array * FACTOR).all()
    return 1


def worlds():
    import cloudpickle_rs

    for ours_here, preload in (True, []), (False, [PRELOAD]), (True, [PRELOAD]):
        with cluster(preload) as scheduler, distributed.Client(scheduler) as client:
            if ours_here:
                cloudpickle_rs.install()
            workers = set(client.run(os.getpid).values())
            assert len(workers) == 2 and os.getpid() not in workers
            work.workers |= workers
            work.run(client, workers)
            for ours_there, kind in client.run(imported).values():
                assert ours_there == bool(preload), (ours_there, preload)
                assert kind == ("builtin_function_or_method" if preload else "function")
            cloudpickle_rs.uninstall()
    work.tell()


def cluster(preload=()):
    return distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, preload=list(preload))


def measure(client, functions):
    with turns.Pickling((cloudpickle, "dumps")) as pickling:
        start = time.perf_counter()
        futures = [client.submit(function, 1) for function in functions]
        submitted = time.perf_counter() - start
        results = client.gather(futures)
        wall = time.perf_counter() - start
    assert results == turns.results_of(functions, 1)
    # the scheduler has another thread of this process
    client = threading.get_ident()
    scheduler = pickling.seconds_of(lambda thread: thread != client)
    return turns.Spent(wall, submitted, pickling.seconds_of(lambda thread: thread == client), scheduler)


def main(tasks):
    turns.tell("version", distributed.__version__)
    worlds()
    with cluster() as scheduler, distributed.Client(scheduler) as client:
        turns.in_turns(tasks, lambda functions: measure(client, functions))


if __name__ == "__main__":
    main(int(sys.argv[1]))
