"""What upstream cannot pickle, or only so that no other process can load it. It loads our pickles of it."""

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


def test_private_slots_are_there_in_another_process(processes, tmp_path):
    (tmp_path / "dump.py").write_text(
        "import pickle, sys\n"
        "import cloudpickle_rs\n"
        "class _Hidden:\n"
        "    __slots__ = ('__one', '_two', '__three__')\n"
        "    def __init__(self): self.__one, self._two, self.__three__ = 1, 2, 3\n"
        "    def all(self): return self.__one, self._two, self.__three__\n"
        "class Single(_Hidden):\n"
        "    __slots__ = '__four'\n"
        "    def all(self): return (*super().all(), self.__four)\n"
        "single = Single()\n"
        "single._Single__four = 4\n"
        "with open(sys.argv[1], 'wb') as file:\n"
        "    pickle.dump([cloudpickle_rs.dumps([_Hidden(), single], protocol) for protocol in range(2, 6)], file)\n"
    )
    (tmp_path / "load.py").write_text(
        "import pickle, sys\n"
        "if 'ours' in sys.argv: import cloudpickle_rs\n"
        "for data in pickle.load(open(sys.argv[1], 'rb')):\n"
        "    hidden, single = pickle.loads(data)\n"
        "    assert hidden.all() == (1, 2, 3) and single.all() == (1, 2, 3, 4)\n"
    )
    processes.run(tmp_path / "dump.py", tmp_path / "pickles")
    processes.run(tmp_path / "load.py", tmp_path / "pickles", packages=["cloudpickle"])
    processes.run(tmp_path / "load.py", tmp_path / "pickles", "ours", packages=["cloudpickle_rs"])
