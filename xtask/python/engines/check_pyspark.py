"""PySpark: our driver with workers that have PySpark alone, PySpark's driver with ours in the workers, and the times of both."""

import os
import sys
import time
import warnings
from pathlib import Path

import cloudpickle_rs
import pandas
import pyspark.cloudpickle
import turns
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf, udf

FACTOR = 3

work = turns.Work()


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, number):
        return number * self.factor


SCALE = Scale(FACTOR)


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


@work.kind("map")
def map_(spark, _):
    offset = 7
    numbers = spark.sparkContext.parallelize(range(100), 2)
    done = numbers.map(lambda number: (SCALE(number) + offset, os.getpid())).collect()
    assert [number for number, _ in done] == [number * FACTOR + offset for number in range(100)]
    pids = {pid for _, pid in done}
    assert len(pids) == 2 and os.getpid() not in pids
    work.workers |= pids
    return 2


@work.kind("reduceByKey")
def reduce_by_key(spark, _):
    pairs = spark.sparkContext.parallelize(range(100), 2).map(lambda number: (number % 2, SCALE.factor))
    assert dict(pairs.reduceByKey(lambda left, right: left + right).collect()) == {0: 150, 1: 150}
    return 4


@work.kind("instances of a class of __main__ on the way back")
def results(spark, _):
    assert spark.sparkContext.parallelize(range(2), 2).map(lambda _: Scale(7)).first().factor == 7
    return 1


@work.kind("broadcast")
def broadcast(spark, ours_here):
    context = spark.sparkContext
    # PySpark alone pickles what is broadcast by `pickle`: nothing of a class of __main__
    value = context.broadcast(Scale(7) if ours_here else {"factor": 7})
    read = (lambda number: value.value(number)) if ours_here else (lambda number: number * value.value["factor"])
    assert context.parallelize([1, 2], 2).map(read).collect() == [7, 14]
    return 2


@work.kind("Python UDF")
def python_udf(spark, _):
    table = spark.createDataFrame([(number,) for number in range(10)], ["number"])
    tripled = udf(lambda number: SCALE(number), "long")
    assert table.select(tripled("number").alias("tripled")).groupBy().sum("tripled").first()[0] == 135
    return 1


@work.kind("pandas UDF")
def of_pandas(spark, _):
    @pandas_udf("long")
    def tripled(series: pandas.Series) -> pandas.Series:
        return SCALE(series)

    table = spark.createDataFrame([(number,) for number in range(10)], ["number"])
    assert table.select(tripled("number").alias("tripled")).groupBy().sum("tripled").first()[0] == 135
    return 1


def worlds():
    for ours_here, ours_there in (True, False), (False, True), (True, True):
        spark = begin(ours_there)
        if ours_here:
            cloudpickle_rs.install()
        work.run(spark, ours_here)
        for pid, found, upstream in set(spark.sparkContext.parallelize(range(4), 4).map(imported).collect()):
            assert pid != os.getpid() and found == ours_there, found
            assert ours_there or not upstream, "the worker needed cloudpickle itself"
        cloudpickle_rs.uninstall()
        spark.stop()
    work.tell()


def measure(one, functions):
    with turns.Pickling((pyspark.cloudpickle, "dumps")) as pickling:
        start = time.perf_counter()
        mapped = [one.map(function) for function in functions]
        # what a job does first: it pickles the function, and hands it to the JVM
        for each in mapped:
            each._jrdd  # noqa: B018
        planned = time.perf_counter() - start
        counts = [each.count() for each in mapped]
        wall = time.perf_counter() - start
    assert counts == [1] * len(functions)
    return turns.Spent(wall, planned, pickling.seconds)


def main(tasks):
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    turns.tell("version", pyspark.__version__)
    worlds()
    spark = begin(ours_there=False)
    one = spark.sparkContext.parallelize([1], 1)
    turns.in_turns(tasks, lambda functions: measure(one, functions))
    spark.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
