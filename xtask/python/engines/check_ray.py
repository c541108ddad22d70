"""Ray: our driver with workers that have Ray's copy alone, that copy's driver with ours in the workers, and the times of both."""

import os
import sys
import time

import cloudpickle_rs
import numpy
import ray
import turns

FACTOR = 3

work = turns.Work()


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, number):
        return number * self.factor


SCALE = Scale(FACTOR)


@ray.remote
class Account:
    def __init__(self, balance):
        self.balance = balance

    def deposit(self, amount):
        self.balance += SCALE(amount)
        return self.balance, os.getpid()


@ray.remote
def imported():
    """What a worker has in place."""
    reduces = ray.cloudpickle.CloudPickler.reducer_override
    return os.getpid(), "cloudpickle_rs" in sys.modules, "cloudpickle" in sys.modules, type(reduces).__name__


@work.kind("remote functions with captured globals")
def functions():
    remote = [ray.remote(lambda value, number=number: (SCALE(value) + number, os.getpid())) for number in range(50)]
    done = ray.get([function.remote(5) for function in remote])
    assert [number for number, _ in done] == [15 + number for number in range(50)]
    pids = {pid for _, pid in done}
    assert os.getpid() not in pids
    work.workers |= pids
    return len(remote)


@work.kind("actor of a class of __main__")
def actor():
    balance, pid = ray.get(Account.remote(5).deposit.remote(1))
    assert balance == 8 and pid != os.getpid()
    work.workers.add(pid)
    return 2


@work.kind("large arguments through the object store")
def arrays():
    array = numpy.arange(500_000.0)
    assert (ray.get(ray.remote(lambda array: array * FACTOR).remote(array)) == array * FACTOR).all()
    reference = ray.put(array)
    sums = ray.get([ray.remote(lambda array, power=power: (array**power).sum()).remote(reference) for power in (0, 1)])
    assert sums == [500_000.0, array.sum()]
    # what the store holds cannot be written to: it was not copied
    assert not ray.get(ray.remote(lambda array: array.flags.writeable).remote(reference))
    return 4


@work.kind("functions and instances on the way back")
def results():
    assert ray.get(ray.remote(lambda: lambda: SCALE).remote())()(1) == FACTOR
    assert ray.get(ray.remote(lambda scale: scale).remote(SCALE)).factor == FACTOR
    return 2


def begin(**options):
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error", **options)


def worlds():
    for ours_here, ours_there in (True, False), (False, True), (True, True):
        begin(**({"runtime_env": {"worker_process_setup_hook": "cloudpickle_rs.install"}} if ours_there else {}))
        if ours_here:
            cloudpickle_rs.install()
        work.run()
        pid, found, upstream, kind = ray.get(imported.remote())
        assert pid != os.getpid() and found == ours_there, found
        assert ours_there or not upstream, "the worker needed cloudpickle itself"
        assert kind == ("method_descriptor" if ours_there else "function"), kind
        cloudpickle_rs.uninstall()
        ray.shutdown()
    work.tell()


def measure(functions):
    with turns.Pickling((ray.cloudpickle, "dumps")) as pickling:
        start = time.perf_counter()
        # the first call of a remote function registers it
        references = [ray.remote(function).remote(1) for function in functions]
        registered = time.perf_counter() - start
        results = ray.get(references)
        wall = time.perf_counter() - start
    assert results == turns.results_of(functions, 1)
    return turns.Spent(wall, registered, pickling.seconds)


def main(tasks):
    turns.tell("version", ray.__version__)
    worlds()
    begin()
    turns.in_turns(tasks, measure)
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
