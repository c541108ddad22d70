"""Dask: our client with workers that have upstream alone, upstream's client with ours in the workers, and the times of both.

The scripts of this folder run as `__main__`, with the number of tasks to time.
"""

import os
import sys
import time

import cloudpickle
import distributed

PRELOAD = "import cloudpickle_rs; cloudpickle_rs.install()"


class Account:
    def __init__(self, balance):
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance


def imported():
    """What a worker has in place."""
    name = "cloudpickle_rs"
    return os.getpid(), name in sys.modules, type(sys.modules["cloudpickle"].dumps).__name__


def use(client):
    """Work of each kind. Returns the number of tasks."""
    import numpy

    factor = 3
    functions = [lambda value, number=number: value * factor + number for number in range(100)]
    results = client.gather([client.submit(function, 5) for function in functions])
    assert results == [15 + number for number in range(100)]
    account = client.submit(Account, 5, actor=True).result()
    assert account.deposit(factor).result() == 8
    # results that need cloudpickle on the way back
    assert client.submit(lambda: (lambda: factor)).result()() == factor
    copy = client.submit(Account, 7).result()
    assert type(copy) is Account and copy.balance == 7
    array = numpy.arange(500_000.0)
    buffers = []
    header = distributed.protocol.pickle.dumps([array, lambda: factor], buffer_callback=buffers.append)
    assert len(header) < 5000 and [len(memoryview(buffer).cast("B")) for buffer in buffers] == [array.nbytes]
    assert client.submit(lambda both: (both[0] * both[1]()).sum(), [array, lambda: factor]).result() == array.sum() * factor
    return len(functions)


def worlds(turns):
    import cloudpickle_rs

    done = 0
    for ours_here, preload in (True, []), (False, [PRELOAD]), (True, [PRELOAD]):
        with cluster(preload) as scheduler, distributed.Client(scheduler) as client:
            if ours_here:
                cloudpickle_rs.install()
            done += use(client)
            for pid, ours_there, kind in client.run(imported).values():
                assert pid != os.getpid() and ours_there == bool(preload), (pid, ours_there, preload)
                assert kind == ("builtin_function_or_method" if preload else "function")
            cloudpickle_rs.uninstall()
    turns.tell("tasks", done)


def cluster(preload=()):
    return distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, preload=list(preload))


def measure(turns, client, functions):
    with turns.Share(cloudpickle, "dumps") as share:
        start = time.perf_counter()
        futures = [client.submit(function, 1) for function in functions]
        results = client.gather(futures)
        seconds = time.perf_counter() - start
    assert results == [1 + number for number in range(len(functions))]
    return seconds, share.seconds


def main(tasks):
    # not above: worker processes import this file too, and are to have no module of ours
    import turns

    turns.tell("version", distributed.__version__)
    worlds(turns)
    with cluster() as scheduler, distributed.Client(scheduler) as client:
        functions = turns.distinct_functions(tasks)
        turns.in_turns(tasks, lambda: measure(turns, client, functions))


if __name__ == "__main__":
    main(int(sys.argv[1]))
