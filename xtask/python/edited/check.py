"""Loads what `cargo xtask test` edited and built without Python, in a process that knows none of it, and calls it."""

import pathlib
import pickle
import sys

folder = pathlib.Path(sys.argv[1])


def load(name):
    return pickle.loads((folder / (name + ".edited")).read_bytes())


function = load("function")
assert function() == 10 + 20 + 30 + 1000, function()
assert (function.__name__, function.__module__, function.__doc__) == ("renamed", "jobs.daily", "Was edited.")
assert function.note == ("a", 1)

up, peek = load("counter")
# Since 1.2, cloudpickle gives each function cells of its own.
assert up() == 101 and peek() in (100, 101)

even = load("parity")
assert even(10) and not even(7)

assert load("parse")("<a/>") == "a"

Thing, thing = load("thing")
assert type(thing) is Thing and thing.total() == 7 + 100 + 42, thing.total()
assert Thing.greeting == "hello"
assert load("thing")[0] is not Thing, "without a tracker id, it is another class each time"

Color, green = load("color")
assert green is Color.GREEN and [color.name for color in Color] == ["RED", "GREEN"]
assert load("color")[0] is not Color

assert load("call") == "3.142"
assert load("sorted") == [3, 2, 1]
called, args, kwargs = load("task")
assert called(*args, **kwargs) == 2 + 5 + 3 + 42
made, other, twice = load("made")
assert made() == "made here" and made.__closure__[0].cell_contents == "made here" and twice is made
assert other.static(3) == 45 and other().whole == "whole"
