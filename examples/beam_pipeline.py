"""Beam: a pipeline whose functions are pickled with cloudpickle_rs, on the direct runner with worker processes.

    pip install ./crates/cloudpickle-py apache-beam
    python examples/beam_pipeline.py

Pickles name the copy of cloudpickle inside Beam, so that the workers need nothing else.
"""

import os
import tempfile
from pathlib import Path

import apache_beam as beam
import cloudpickle_rs
from apache_beam.options.pipeline_options import PipelineOptions

cloudpickle_rs.install()

FACTOR = 10


class Scale:
    """An instance of a class of `__main__` goes along with the function that refers to it."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, number):
        return number * self.factor


class WithProcess(beam.DoFn):
    def process(self, element):
        yield element, os.getpid()


def main():
    scale = Scale(FACTOR)
    options = PipelineOptions(
        runner="DirectRunner", direct_num_workers=2, direct_running_mode="multi_processing", pickle_library="cloudpickle"
    )
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(options=options) as pipeline:
            (
                pipeline
                | beam.Create(range(100))
                | beam.Map(lambda number: (number % FACTOR, scale(number)))
                | beam.CombinePerKey(sum)
                | beam.ParDo(WithProcess())
                | beam.Map(lambda done: f"{done[0][0]} {done[0][1]} {done[1]}")
                | beam.io.WriteToText(str(Path(folder, "sums")))
            )
        lines = [line.split() for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    sums, workers = {int(key): int(total) for key, total, _ in lines}, {int(pid) for *_, pid in lines}
    assert sums == {digit: sum(range(digit, 100, FACTOR)) * FACTOR for digit in range(FACTOR)}
    assert os.getpid() not in workers
    print(f"Beam {beam.__version__}: 100 elements in {len(sums)} groups, in the worker processes {sorted(workers)}")


if __name__ == "__main__":
    main()
