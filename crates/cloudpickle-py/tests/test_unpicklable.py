"""What cannot be pickled: the exception is upstream's, and nothing is written."""

import io
import pickle
import re
import sys
import tempfile
import threading
from pathlib import Path

import cloudpickle
import cloudpickle_rs
import pytest

import upstream
from importable import Shape
from oracle import first_difference, outcome


class Reduces:
    """Gives what a test wants from `__reduce_ex__`."""

    def __init__(self, value):
        self.value = value

    def __reduce_ex__(self, protocol):
        return self.value


class RaisesInReduce:
    def __reduce__(self):
        raise LookupError("in __reduce__")


class RaisesInGetstate:
    def __getstate__(self):
        raise ArithmeticError("in __getstate__")


class RaisesInGetattr:
    def __getattr__(self, name):
        raise OSError("no attribute is fit to be read")

    __reduce_ex__ = property(lambda self: self.missing)


class BadNewargs:
    def __init__(self, value):
        self.value = value

    def __getnewargs_ex__(self):
        return self.value


def misplaced():
    """Found under its name is another function."""


Misplaced = type("Shape", (), {"__module__": "importable"})
misplaced.__module__, misplaced.__qualname__ = "importable", "double"


def failing_iterator():
    yield 1
    raise RuntimeError("half-way through the items")


def open_for_writing():
    return open(tempfile.mkstemp()[1], "w")


def closed_file():
    with tempfile.TemporaryFile("w+") as file:
        return file


# Kept for good: before 3.13 the collector crashes on a PickleBuffer that is garbage in a cycle, as one in a traceback is.
SCATTERED = pickle.PickleBuffer(memoryview(bytes(8))[::2])

CASES = {
    "a lock": threading.Lock,
    "a lock deep inside": lambda: {"a": [1, ({"b": threading.Lock()},)]},
    "a lock in a closure": lambda: (lambda lock: lambda: lock)(threading.Lock()),
    "a lock in a default": lambda: eval("lambda x=lock: x", {"lock": threading.Lock()}),
    "a lock in a global": lambda: eval("lambda: lock", {"lock": threading.Lock()}),
    "a lock in an attribute": lambda: type("Holder", (), {"lock": threading.Lock()}),
    "a generator": lambda: (i for i in range(3)),
    "a frame": lambda: sys._getframe(),
    "a binary file": lambda: open(__file__, "rb"),
    "a file open for writing": open_for_writing,
    "a closed file": closed_file,
    "an exception from __reduce__": RaisesInReduce,
    "an exception from __getstate__": RaisesInGetstate,
    "__reduce_ex__ gives an int": lambda: Reduces(1),
    "__reduce_ex__ gives None": lambda: Reduces(None),
    "a tuple too short": lambda: Reduces((list,)),
    "an empty tuple": lambda: Reduces(()),
    "a tuple too long": lambda: Reduces((list, (), None, None, None, None, None)),
    "a callable that is none": lambda: Reduces((1, ())),
    "arguments that are no tuple": lambda: Reduces((list, [])),
    "items that are no iterator": lambda: Reduces((list, (), None, [1])),
    "pairs that are no iterator": lambda: Reduces((dict, (), None, None, {"a": 1})),
    "pairs that are no pairs": lambda: Reduces((dict, (), None, None, iter([(1, 2, 3)]))),
    "items that fail": lambda: Reduces((list, (), None, failing_iterator())),
    "a setter that is none": lambda: Reduces((list, (), None, None, None, 1)),
    "a name that is not there": lambda: Reduces("no_such_global"),
    "a name that cannot be one": lambda: Reduces("no.such.\ud800"),
    "newargs that are no pair": lambda: BadNewargs(1),
    "newargs of three": lambda: BadNewargs(((), {}, 1)),
    "newargs without a tuple": lambda: BadNewargs(([], {})),
    "newargs without a dict": lambda: BadNewargs(((), [])),
    "a buffer that is not contiguous": lambda: SCATTERED,
    "a type that holds a lock": lambda: type("T", (), {"x": [threading.RLock()]})(),
}


# On PyPy, upstream pickles locks, generators and frames so that nothing can load them, and says what is wrong with a reducer in the
# words of the pickler in Python. There the words are those that CPython 3.11 has.
LOCK = "cannot pickle '_thread.lock' object"
CPYTHONS_WORDS = {
    "a lock": LOCK,
    "a lock deep inside": LOCK,
    "a lock in a closure": LOCK,
    "a lock in a default": LOCK,
    "a lock in a global": LOCK,
    "a lock in an attribute": LOCK,
    "a generator": "cannot pickle 'generator' object",
    "a frame": "cannot pickle 'frame' object",
    "a tuple too short": "tuple returned by __reduce__ must contain 2 through 6 elements",
    "an empty tuple": "tuple returned by __reduce__ must contain 2 through 6 elements",
    "a tuple too long": "tuple returned by __reduce__ must contain 2 through 6 elements",
    "a callable that is none": "first item of the tuple returned by __reduce__ must be callable",
    "arguments that are no tuple": "second item of the tuple returned by __reduce__ must be a tuple",
    "items that are no iterator": "fourth element of the tuple returned by __reduce__ must be an iterator, not list",
    "pairs that are no iterator": "fifth element of the tuple returned by __reduce__ must be an iterator, not dict",
    "pairs that are no pairs": "dict items iterator must return 2-tuples",
    "a setter that is none": "sixth element of the tuple returned by __reduce__ must be a function, not int",
}


def opening(error):
    """The start of a message: its words up to the first that tells a detail, such as a type or a path."""
    return re.split(r"[<\d]| '|, not | of | can ", str(error))[0]


@pytest.mark.parametrize("name", CASES)
def test_the_exception_is_upstreams(name):
    if upstream.PYPY and name in CPYTHONS_WORDS:
        for protocol in range(6):
            assert str(outcome(cloudpickle_rs.dumps, CASES[name](), protocol)) == CPYTHONS_WORDS[name], f"protocol {protocol}"
        return
    raised = 0
    for protocol in range(6):
        theirs = outcome(cloudpickle.dumps, CASES[name](), protocol)
        ours = outcome(cloudpickle_rs.dumps, CASES[name](), protocol)
        if isinstance(theirs, bytes):
            assert isinstance(ours, bytes), f"protocol {protocol}: {ours!r}, but upstream pickles it"
        if isinstance(theirs, bytes):
            difference = first_difference(ours, theirs)
            assert difference is None, f"protocol {protocol}: {difference}"
            continue
        raised += 1
        assert isinstance(ours, type(theirs)), f"protocol {protocol}: {ours!r}, upstream {theirs!r}"
        assert str(ours).startswith(opening(theirs)), f"protocol {protocol}: {ours!r}, upstream {theirs!r}"
    assert raised, "upstream pickles this at every protocol"


class Sink:
    """A file that counts what is written to it."""

    def __init__(self):
        self.written = []

    def write(self, data):
        self.written.append(bytes(data))
        return len(data)


@pytest.mark.parametrize(
    "before",
    [1, ["item"] * 100_000, bytes(70_000), "x" * 200_000],
    ids=["little", "many frames", "large bytes", "a large string"],
)
def test_nothing_is_written_when_a_part_cannot_be_pickled(before, protocol):
    sink = Sink()
    with pytest.raises(TypeError, match="cannot pickle"):
        cloudpickle_rs.dump([before, (i for i in ())], sink, protocol)
    assert sink.written == []


def test_a_pickler_goes_on_after_a_failure(protocol):
    file = io.BytesIO()
    pickler = cloudpickle_rs.Pickler(file, protocol)
    with pytest.raises(TypeError):
        pickler.dump([Shape, (i for i in ())])
    pickler.clear_memo()
    pickler.dump([1, 2])
    assert pickle.loads(file.getvalue()) == [1, 2]


def test_what_recurses_too_deep_is_upstreams_pickling_error(processes):
    done = processes.run(Path(__file__).with_name("deep.py"), packages=["cloudpickle_rs"])
    told = "Could not pickle object as excessively deep recursion required."
    nested = [f"{name}{where}" for name in ("lists", "instances", "closures") for where in ("", ", on little stack")]
    assert done.stdout.splitlines() == [f"{name}: {told}" for name in ("CallsItself", *(f"nested_{name}" for name in nested))]


def test_an_error_of_write_comes_through():
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        cloudpickle_rs.dump([1], Full())


def test_an_error_of_the_look_up_of_reduce_ex_comes_through():
    """On its own: under Python 3.9 upstream's error here leaves the interpreter with a wrong count of its recursion."""
    with pytest.raises(OSError, match="no attribute is fit to be read"):
        cloudpickle_rs.dumps(RaisesInGetattr())


def test_the_errors_are_pickles():
    assert issubclass(cloudpickle_rs.PicklingError, pickle.PicklingError)
    assert issubclass(cloudpickle_rs.UnpicklingError, pickle.UnpicklingError)


def test_a_name_that_means_another_object_is_not_used():
    assert cloudpickle_rs.loads(cloudpickle_rs.dumps(misplaced)).__doc__ == misplaced.__doc__
    assert cloudpickle_rs.loads(cloudpickle_rs.dumps(Misplaced)) is not Shape


class Global:
    """Gives a name, to be found in some module, from `__reduce__`."""

    def __init__(self, module):
        self.__module__ = module

    def __reduce__(self):
        return "name"


MODULES = {
    "that raises ImportError": "raises_ImportError",
    "that raises ValueError": "raises_ValueError",
    "that raises KeyError": "raises_KeyError",
    "that raises ZeroDivisionError": "raises_ZeroDivisionError",
    "that raises KeyboardInterrupt": "raises_KeyboardInterrupt",
    "that there is not": "no such",
    "without a name": "",
    "whose name is a number": 5,
    "whose name is bytes": b"sys",
}


@pytest.mark.parametrize("kind", MODULES)
def test_a_module_that_cannot_be_imported_is_told_as_upstream_does(kind, tmp_path, monkeypatch, protocol):
    named = Global(MODULES[kind])
    exception = str(named.__module__).rpartition("_")[2]
    tmp_path.joinpath(f"raises_{exception}.py").write_text(f"raise {exception}('half-way')")
    monkeypatch.syspath_prepend(tmp_path)
    ours = outcome_of_any(cloudpickle_rs.dumps, named, protocol)
    if upstream.PYPY:
        # as CPython 3.11 has it
        assert ours == (pickle.PicklingError, f"Can't pickle {named!r}: import of module {named.__module__!r} failed")
    else:
        assert ours == outcome_of_any(cloudpickle.dumps, named, protocol)


def outcome_of_any(dumps, obj, protocol):
    """As `outcome`, also for what is no `Exception`: its type and words."""
    try:
        return dumps(obj, protocol)
    except BaseException as error:
        return type(error), str(error)
