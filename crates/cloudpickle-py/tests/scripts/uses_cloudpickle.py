"""Functions that use cloudpickle themselves, as a scheduler's client does."""

import pickle

import cloudpickle
from cloudpickle import CloudPickler, dumps

from zoo import case, finish


def ship(function):
    return dumps(function)


def ship_by_module(function):
    return cloudpickle.dumps(function)


def round_trip(function, *args):
    return pickle.loads(dumps(function))(*args)


class Client:
    pickler = CloudPickler

    def submit(self, function, *args):
        return pickle.loads(cloudpickle.dumps((function, args)))


case("a function that calls dumps", ship, "pickle.loads(copy(lambda: 3))() == 3")
case("a function that calls cloudpickle.dumps", ship_by_module, "pickle.loads(copy(lambda: 3))() == 3")
case("a function that pickles and calls", round_trip, "copy(lambda x: x + 1, 2) == 3")
case("a class that pickles", Client, "copy().submit(len, 'ab')[1] == ('ab',)", "copy.pickler.__name__ == 'Pickler'")
case("dumps", dumps, "pickle.loads(copy(lambda: 3))() == 3")
case("dumps after a lambda", [lambda: 1, dumps], "copy[0]() == 1")
case("the module", cloudpickle, "pickle.loads(copy.dumps(lambda: 3))() == 3")
finish()
