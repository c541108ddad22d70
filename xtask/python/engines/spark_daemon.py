"""What Spark runs in place of `pyspark.daemon` for workers that have this implementation: `spark.python.daemon.module`."""

import cloudpickle_rs

cloudpickle_rs.install()

from pyspark.daemon import manager  # noqa: E402  (it is to find this implementation)

if __name__ == "__main__":
    manager()
