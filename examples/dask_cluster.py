"""Dask: a cluster of worker processes, whose client pickles with cloudpickle_rs.

    pip install ./crates/cloudpickle-py distributed numpy
    python examples/dask_cluster.py

The workers are as Dask starts them, and load the pickles with the standard library and cloudpickle. To have cloudpickle_rs in
them as well: `dask worker --preload "import cloudpickle_rs; cloudpickle_rs.install()"`, or the environment variable
`DASK_DISTRIBUTED__WORKER__PRELOAD` with that text.
"""

import os

import cloudpickle_rs
import dask
import dask.bag
import distributed
import numpy

cloudpickle_rs.install()

FACTOR = 10


class Account:
    """An actor: it lives in one worker, and its methods are called from here."""

    def __init__(self, balance):
        self.balance = balance

    def deposit(self, amount):
        self.balance += amount
        return self.balance


def times_factor(number):
    return number * FACTOR, os.getpid()


@dask.delayed
def total(numbers):
    return sum(numbers)


def main():
    # the dashboard needs packages that nothing here does
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        done = client.gather(client.map(times_factor, range(100)))
        workers = {pid for _, pid in done}
        assert [number for number, _ in done] == [number * FACTOR for number in range(100)]
        assert workers <= set(client.run(os.getpid).values()) and os.getpid() not in workers

        assert client.submit(lambda number: number + FACTOR, 1).result() == 11
        assert total([dask.delayed(lambda: number)() for number in range(4)]).compute() == 12

        bag = dask.bag.from_sequence(range(1000), npartitions=4)
        assert bag.map(lambda number: number % FACTOR).frequencies().compute() == [(digit, 100) for digit in range(FACTOR)]

        account = client.submit(Account, 5, actor=True).result()
        assert account.deposit(3).result() == 8

        # the arrays' buffers travel beside the pickle, not in it
        arrays = [numpy.full(250_000, number, dtype=float) for number in range(4)]
        sums = client.gather([client.submit(lambda array: float(array.sum()) * FACTOR, array) for array in arrays])
        assert sums == [number * 250_000.0 * FACTOR for number in range(4)]
        assert client.submit(lambda: arrays[3][:3] * 2).result().tolist() == [6, 6, 6]

        print(f"Dask {distributed.__version__}: {len(done)} tasks, and more, in the worker processes {sorted(workers)}")


if __name__ == "__main__":
    main()
