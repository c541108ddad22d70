"""Pickles what `cargo xtask test` edits without Python: a file for each, in the folder that is named.

The first argument is the module that pickles: `cloudpickle`, or a copy of it.
"""

import enum
import importlib
import pathlib
import pickle
import sys
import xml.etree.ElementTree

cloudpickle = importlib.import_module(sys.argv[1])
folder = pathlib.Path(sys.argv[2])

CONSTANT = 42


def function(a, b=2, *, c=3):
    """Is edited."""
    return a + b + c + CONSTANT


def counter(start):
    count = start

    def up():
        nonlocal count
        count += 1
        return count

    def peek():
        return count

    return up, peek


def parity():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    return even


def parse(text):
    return xml.etree.ElementTree.fromstring(text).tag


class Thing:
    number = 1

    def __init__(self, value=5):
        self.value = value

    def total(self):
        return self.value + self.number + CONSTANT


class Color(enum.Enum):
    RED = 1
    GREEN = 2


for name, value in [
    ("function", function),
    ("lambda", lambda x: x + CONSTANT),
    ("counter", counter(10)),
    ("parity", parity()),
    ("parse", parse),
    ("thing", (Thing, Thing(7))),
    ("color", (Color, Color.GREEN)),
]:
    (folder / (name + ".pickle")).write_bytes(cloudpickle.dumps(value, pickle.HIGHEST_PROTOCOL))
