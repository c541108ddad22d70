"""PySpark 4: a driver that pickles with cloudpickle_rs, and worker processes of Spark's own `local-cluster` mode.

    pip install ./crates/cloudpickle-py "pyspark>=4" pandas pyarrow      # and Java 17
    python examples/pyspark_cluster.py

The workers run PySpark as it is: pickles name the copy of cloudpickle inside PySpark, so that the workers need nothing else.
"""

import os
import sys

import cloudpickle_rs
import pandas
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf, udf

cloudpickle_rs.install()

FACTOR = 10


class Rates:
    """What is broadcast to the workers: an instance of a class of `__main__`."""

    def __init__(self, **rates):
        self.rates = rates

    def convert(self, amount, currency):
        return amount * self.rates[currency]


def main():
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.executor.memory", "512m")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    try:
        context = spark.sparkContext
        numbers = context.parallelize(range(1000), 4)
        workers = set(numbers.map(lambda number: (number % 4, os.getpid())).values().distinct().collect())
        assert os.getpid() not in workers

        counts = numbers.map(lambda number: (number % FACTOR, 1)).reduceByKey(lambda left, right: left + right)
        assert dict(counts.collect()) == {digit: 100 for digit in range(FACTOR)}

        rates = context.broadcast(Rates(EUR=1, DKK=7))
        assert context.parallelize([1, 2], 2).map(lambda amount: rates.value.convert(amount, "DKK")).collect() == [7, 14]

        table = spark.createDataFrame([(number,) for number in range(100)], ["number"])
        scaled = udf(lambda number: number * FACTOR, "long")
        assert table.select(scaled("number").alias("scaled")).groupBy().sum("scaled").first()[0] == 49_500

        @pandas_udf("long")
        def shifted(series: pandas.Series) -> pandas.Series:
            return series + FACTOR

        assert table.select(shifted("number").alias("shifted")).groupBy().sum("shifted").first()[0] == 5_950
        print(f"PySpark {spark.version}: {numbers.count()} elements, and more, in the worker processes {sorted(workers)}")
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
