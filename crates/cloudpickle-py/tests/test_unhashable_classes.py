"""Classes that cannot be hashed: upstream cannot pickle them, but loads our pickles of them."""

import pickle

import cloudpickle_rs


class Equal(type):
    """A metaclass that defines equality and so loses its hash."""

    def __eq__(cls, other):
        return cls is other


def make():
    return Equal("Unhashable", (), {"__module__": "__main__", "answer": lambda self: 42})


def test_a_class_that_cannot_be_hashed_and_its_instance_are_pickled(protocol):
    made = make()
    for loads in (pickle.loads, cloudpickle_rs.loads):
        copy, instance = loads(cloudpickle_rs.dumps((made, made()), protocol))
        assert copy.__name__ == "Unhashable"
        assert instance.answer() == 42
        assert type(instance) is copy
