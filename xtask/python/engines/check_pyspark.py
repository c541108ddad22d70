"""PySpark: our driver with workers that have PySpark alone, PySpark's driver with ours in the workers, and the times of both."""

import os
import sys
import time
from pathlib import Path

import cloudpickle_rs
import pyspark.cloudpickle
import turns
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf


class Scale:
    def __init__(self, factor):
        self.factor = factor


SCALE = Scale(3)


def imported(_):
    """What a worker has in place."""
    return os.getpid(), "cloudpickle_rs" in sys.modules, "cloudpickle" in sys.modules


def begin(ours_there):
    builder = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.executor.memory", "512m")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
    )
    if ours_there:
        builder = builder.config("spark.python.daemon.module", "spark_daemon")
        builder = builder.config("spark.executorEnv.PYTHONPATH", str(Path(__file__).resolve().parent))
    return builder.getOrCreate()


def use(spark):
    """Work of each kind. Returns the number of tasks."""
    numbers = spark.sparkContext.parallelize(range(100), 2)
    assert numbers.map(lambda number: number * SCALE.factor).sum() == 4950 * 3
    pairs = numbers.map(lambda number: (number % 2, SCALE.factor))
    assert dict(pairs.reduceByKey(lambda left, right: left + right).collect()) == {0: 150, 1: 150}
    assert numbers.map(lambda _: Scale(7)).first().factor == 7
    table = spark.createDataFrame([(number,) for number in range(10)], ["number"])
    tripled = udf(lambda number: number * SCALE.factor, "long")
    assert table.select(tripled("number").alias("tripled")).groupBy().sum("tripled").first()[0] == 135
    return numbers.count()


def worlds():
    done = 0
    for ours_here, ours_there in (True, False), (False, True):
        spark = begin(ours_there)
        if ours_here:
            cloudpickle_rs.install()
        done += use(spark)
        for pid, found, upstream in set(spark.sparkContext.parallelize(range(4), 4).map(imported).collect()):
            assert pid != os.getpid() and found == ours_there, found
            assert ours_there or not upstream, "the worker needed cloudpickle itself"
        cloudpickle_rs.uninstall()
        spark.stop()
    turns.tell("tasks", done)


def measure(one, functions):
    with turns.Share(pyspark.cloudpickle, "dumps") as share:
        start = time.perf_counter()
        counts = [one.map(function).count() for function in functions]
        seconds = time.perf_counter() - start
    assert counts == [1] * len(functions)
    return seconds, share.seconds


def main(tasks):
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    turns.tell("version", pyspark.__version__)
    worlds()
    spark = begin(ours_there=False)
    one, functions = spark.sparkContext.parallelize([1], 1), turns.distinct_functions(tasks)
    turns.in_turns(tasks, lambda: measure(one, functions))
    spark.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
