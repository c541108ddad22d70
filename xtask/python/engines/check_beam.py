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

DIRECT = {
    "runner": "DirectRunner",
    "direct_num_workers": 2,
    "direct_running_mode": "multi_processing",
    "pickle_library": "cloudpickle",
}


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, number):
        return number * self.factor


class WithWorker(beam.DoFn):
    """Adds what the worker has in place."""

    def process(self, element):
        yield f"{element} {os.getpid()} {int('cloudpickle_rs' in sys.modules)}"


def use(options):
    """Runs a pipeline. Returns what the workers said of themselves."""
    scale = Scale(3)
    with tempfile.TemporaryDirectory() as folder:
        with beam.Pipeline(options=PipelineOptions(**DIRECT, **options)) as pipeline:
            numbers = pipeline | beam.Create(range(100)) | beam.Map(lambda number: scale(number))
            done = numbers | beam.ParDo(WithWorker())
            done | beam.io.WriteToText(str(Path(folder, "numbers")))
        lines = [line.split() for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    assert sorted(int(number) for number, _, _ in lines) == [number * 3 for number in range(100)]
    return {(int(pid), bool(int(found))) for _, pid, found in lines}


def worlds():
    # what Beam imports in a worker before anything else
    plugin = {"beam_plugins": ["installed"]}
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
    for ours_here, options in (True, {}), (False, plugin), (True, plugin):
        if ours_here:
            cloudpickle_rs.install()
        for pid, found in use(options):
            assert pid != os.getpid() and found == bool(options), (found, options)
        cloudpickle_rs.uninstall()
    turns.tell("tasks", 300)


def measure(functions):
    with turns.Share(cloudpickle_pickler, "_dumps") as share:
        start = time.perf_counter()
        pipeline = beam.Pipeline(options=PipelineOptions(**DIRECT))
        values = pipeline | beam.Create([1])
        for number, function in enumerate(functions):
            values | str(number) >> beam.Map(function)
        plan = pipeline.to_runner_api()
        seconds = time.perf_counter() - start
    assert len(plan.components.transforms) > len(functions)
    return seconds, share.seconds


def main(tasks):
    turns.tell("version", beam.__version__)
    worlds()
    functions = turns.distinct_functions(tasks)
    turns.in_turns(tasks, lambda: measure(functions))


if __name__ == "__main__":
    main(int(sys.argv[1]))
