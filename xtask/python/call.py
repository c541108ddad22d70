"""The second process of the demo: loads what the first wrote, and uses it."""

import importlib.machinery
import pathlib
import pickle
import sys

import cloudpickle_rs  # noqa: F401  (from here on plain `pickle.loads` can load what it wrote)

folder = pathlib.Path(sys.argv[1])
squared, my_function, greeter = (
    pickle.loads((folder / f"{name}.pickle").read_bytes()) for name in ("squared", "my_function", "greeter")
)
there = "is" if importlib.machinery.PathFinder.find_spec("cloudpickle") else "is not"
print(f"  the original cloudpickle {there} installed here")
print(f"  squared(2) = {squared(2)}")
print(f"  my_function(43) = {my_function(43)}")
print(f"  greeter.greet() = {greeter.greet()!r}, of {type(greeter)!r}")
if (squared(2), my_function(43), greeter.greet()) != (4, 85, "hello, world"):
    sys.exit("these are not the values that they have in the first process")
