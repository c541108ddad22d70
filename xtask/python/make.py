"""The first process of the demo: pickles what it defines and writes it to the folder that is named."""

import pathlib
import sys

import cloudpickle_rs as cloudpickle

squared = lambda x: x ** 2  # fmt: skip

CONSTANT = 42


def my_function(data: int) -> int:
    return data + CONSTANT


class Greeter:
    """A class that only this process knows."""

    greeting = "hello"

    def __init__(self, name):
        self.name = name

    def greet(self):
        return f"{self.greeting}, {self.name}"


folder = pathlib.Path(sys.argv[1])
for name, obj in [("squared", squared), ("my_function", my_function), ("greeter", Greeter("world"))]:
    pickled = cloudpickle.dumps(obj)
    (folder / f"{name}.pickle").write_bytes(pickled)
    print(f"  {name}.pickle: {len(pickled)} bytes, {obj!r}")
