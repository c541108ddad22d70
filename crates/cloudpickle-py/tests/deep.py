"""Dumps what recurses too deep, in a process of its own, and prints what came of each.

A process of its own because upstream's errors, under Python 3.9, leave the interpreter with a wrong count of its recursion.
"""

import pickle
import threading

import cloudpickle_rs

from importable import Shape

DEPTH = 500_000


class CallsItself:
    def __getattribute__(self, name):
        return self.no_such_attribute


def nested_lists():
    value = []
    for _ in range(DEPTH):
        value = [value]
    return value


def nested_instances():
    value = Shape("innermost")
    for _ in range(DEPTH):
        value = Shape(value)
    return value


def nested_closures():
    value = None
    for _ in range(DEPTH):
        value = (lambda inner: lambda: inner)(value)
    return value


def dump(name, obj):
    try:
        cloudpickle_rs.dumps(obj)
        print(f"{name}: dumped", flush=True)
    except pickle.PicklingError as error:
        print(f"{name}: {error}", flush=True)


threading.stack_size(256 * 1024)
for make in (CallsItself, nested_lists, nested_instances, nested_closures):
    obj = make()
    dump(make.__name__, obj)
    if make is not CallsItself:  # in Python's own functions, which have no bounds but the interpreter's
        thread = threading.Thread(target=dump, args=(f"{make.__name__}, on little stack", obj))
        thread.start()
        thread.join()
    while type(obj) is Shape:  # from the outside, so that its end does not recurse
        obj = vars(obj).pop("name")
    while type(obj) is type(nested_lists):
        obj = obj.__closure__[0].cell_contents
assert cloudpickle_rs.loads(cloudpickle_rs.dumps([1])) == [1]
