"""Ray: our driver with workers that have Ray's copy alone, that copy's driver with ours in the workers, and the times of both."""

import os
import sys
import time

import cloudpickle_rs
import numpy
import ray
import turns


class Scale:
    def __init__(self, factor):
        self.factor = factor


SCALE = Scale(3)


@ray.remote
class Account:
    def __init__(self, balance):
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance


@ray.remote
def imported():
    """What a worker has in place."""
    reduces = ray.cloudpickle.CloudPickler.reducer_override
    return os.getpid(), "cloudpickle_rs" in sys.modules, type(reduces).__name__


def use():
    """Work of each kind. Returns the number of tasks."""
    functions = [ray.remote(lambda value, number=number: value * SCALE.factor + number) for number in range(50)]
    assert ray.get([function.remote(5) for function in functions]) == [15 + number for number in range(50)]
    assert ray.get(Account.remote(5).deposit.remote(3)) == 8
    array = numpy.arange(500_000.0)
    assert ray.get(ray.remote(lambda array: array * SCALE.factor).remote(array)).sum() == array.sum() * 3
    assert ray.get(ray.remote(lambda: (lambda: SCALE)).remote())().factor == 3
    assert ray.get(ray.remote(lambda scale: scale).remote(SCALE)).factor == 3
    return len(functions)


def begin(**options):
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error", **options)


def worlds():
    done = 0
    for ours_here, ours_there in (True, False), (False, True), (True, True):
        begin(**({"runtime_env": {"worker_process_setup_hook": "cloudpickle_rs.install"}} if ours_there else {}))
        if ours_here:
            cloudpickle_rs.install()
        done += use()
        pid, found, kind = ray.get(imported.remote())
        assert pid != os.getpid() and found == ours_there, found
        assert kind == ("method_descriptor" if ours_there else "function"), kind
        cloudpickle_rs.uninstall()
        ray.shutdown()
    turns.tell("tasks", done)


def measure(functions):
    with turns.Share(ray.cloudpickle, "dumps") as share:
        start = time.perf_counter()
        results = ray.get([ray.remote(function).remote(1) for function in functions])
        seconds = time.perf_counter() - start
    assert results == [1 + number for number in range(len(functions))]
    return seconds, share.seconds


def main(tasks):
    turns.tell("version", ray.__version__)
    worlds()
    begin()
    functions = turns.distinct_functions(tasks)
    turns.in_turns(tasks, lambda: measure(functions))
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]))
