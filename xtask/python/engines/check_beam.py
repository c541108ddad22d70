"""Beam: our client with workers that have Beam alone, Beam's client with ours in the workers, and the times of both.

What is timed is the planning of a pipeline with a function of its own for each step.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import apache_beam as beam
import cloudpickle_rs
import turns
from apache_beam.internal import cloudpickle_pickler
from apache_beam.options.pipeline_options import PipelineOptions

OPTIONS = [
    "--runner=DirectRunner",
    "--direct_num_workers=2",
    "--direct_running_mode=multi_processing",
    "--pickle_library=cloudpickle",
]

work = turns.Work()


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, number):
        return number * self.factor


class WithWorker(beam.DoFn):
    """Adds what the worker has in place."""

    def process(self, element):
        yield f"{element} {os.getpid()} {int('cloudpickle_rs' in sys.modules)}"


@work.kind("Map, Filter, FlatMap, CombinePerKey and ParDo in worker processes")
def steps(options):
    scale = Scale(3)
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(options=PipelineOptions(OPTIONS + options)) as pipeline:
            (
                pipeline
                | beam.Create(range(100))
                | beam.Filter(lambda number: scale(number) % 2 == 0)
                | beam.FlatMap(lambda number: [(number % 10, scale(number))] * 2)
                | beam.CombinePerKey(lambda parts: sum(parts))
                | beam.Map(lambda pair: f"{pair[0]} {pair[1]}")
                | beam.ParDo(WithWorker())
                | beam.io.WriteToText(str(Path(folder, "sums")))
            )
        lines = [line.split() for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    sums = {int(digit): int(total) for digit, total, _, _ in lines}
    assert sums == {digit: 2 * 3 * sum(range(digit, 100, 10)) for digit in range(0, 10, 2)}, sums
    for _, _, pid, found in lines:
        assert int(pid) != os.getpid() and bool(int(found)) == bool(options), (found, options)
        work.workers.add(int(pid))
    return 100


def worlds():
    # what Beam imports in a worker before anything else
    plugin = ["--beam_plugin=installed"]
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
    for ours_here, options in (True, []), (False, plugin), (True, plugin):
        if ours_here:
            cloudpickle_rs.install()
        work.run(options)
        cloudpickle_rs.uninstall()
    work.tell()


def measure(functions):
    with turns.Pickling((cloudpickle_pickler, "_dumps")) as pickling:
        start = time.perf_counter()
        pipeline = beam.Pipeline(options=PipelineOptions(OPTIONS))
        values = pipeline | beam.Create([1])
        for number, function in enumerate(functions):
            values | str(number) >> beam.Map(function)
        plan = pipeline.to_runner_api()
        wall = time.perf_counter() - start
    assert len(plan.components.transforms) > len(functions)
    return turns.Spent(wall, wall, pickling.seconds)


def main(tasks):
    turns.tell("version", beam.__version__)
    worlds()
    turns.in_turns(tasks, measure)


if __name__ == "__main__":
    main(int(sys.argv[1]))
