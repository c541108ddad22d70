"""Ray: a driver that pickles with cloudpickle_rs, and the worker processes that Ray starts.

    pip install ./crates/cloudpickle-py ray numpy
    python examples/ray_cluster.py

Pickles name the copy of cloudpickle inside Ray, so that the workers need nothing else. To have cloudpickle_rs in them as well:
`ray.init(runtime_env={"worker_process_setup_hook": "cloudpickle_rs.install"})`.
"""

import os

import cloudpickle_rs
import numpy
import ray

cloudpickle_rs.install()

FACTOR = 10


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, number):
        return number * self.factor


SCALE = Scale(FACTOR)


@ray.remote
def scaled(number):
    return SCALE(number), os.getpid()


@ray.remote
class Account:
    """An actor: it lives in one worker, and its methods are called from here."""

    def __init__(self, balance):
        self.balance = balance

    def deposit(self, amount, fee=lambda amount: amount // FACTOR):
        self.balance += amount - fee(amount)
        return self.balance, os.getpid()


def main():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        done = ray.get([scaled.remote(number) for number in range(100)])
        assert [number for number, _ in done] == [number * FACTOR for number in range(100)]

        account = Account.remote(5)
        balance, actor = ray.get(account.deposit.remote(100))
        assert balance == 95

        # the array goes to the workers through shared memory
        array = numpy.arange(1_000_000.0)
        reference = ray.put(array)
        sums = ray.get([ray.remote(lambda array, power=power: (array**power).sum()).remote(reference) for power in (0, 1)])
        assert sums == [1_000_000.0, array.sum()]

        workers = {pid for _, pid in done} | {actor}
        assert os.getpid() not in workers
        print(f"Ray {ray.__version__}: {len(done)} tasks, and more, in the worker processes {sorted(workers)}")
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
