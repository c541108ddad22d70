"""`loads`, `load` and the `Unpickler`: their arguments, files of every kind and hooks for subclasses."""

import builtins
import collections
import io
import pickle
import sys
import time
import types

import cloudpickle_rs
import pytest

import importable
from importable import Pair, Shape, Square
from upstream import PYPY

DATA = [1, "text", {"k": (Square(2), b"x" * 70_000)}, ["y" * 70_000]]


class Readable:
    """A file with `read` and `readline` and nothing more, which is what `pickle` asks for."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read(self, size):
        return self._file.read(size)

    def readline(self):
        return self._file.readline()


class WithReadinto(Readable):
    """Reads into a buffer too."""

    def readinto(self, buffer):
        return self._file.readinto(buffer)


class WithPeek(WithReadinto):
    """Shows what comes next without taking it."""

    def peek(self, size):
        return self._file.getvalue()[self._file.tell() :][:size]


FILES = [io.BytesIO, Readable, WithReadinto, WithPeek, lambda data: io.BufferedReader(io.BytesIO(data), 16)]


@pytest.mark.parametrize("kind", FILES, ids=["BytesIO", "Readable", "WithReadinto", "WithPeek", "BufferedReader"])
def test_files_of_every_kind_are_read(kind, protocol):
    data = cloudpickle_rs.dumps(DATA, protocol)
    assert cloudpickle_rs.load(kind(data)) == DATA
    assert cloudpickle_rs.Unpickler(kind(data)).load() == DATA


@pytest.mark.parametrize("kind", FILES, ids=["BytesIO", "Readable", "WithReadinto", "WithPeek", "BufferedReader"])
def test_one_unpickler_reads_many_pickles(kind, protocol):
    unpickler = cloudpickle_rs.Unpickler(kind(b"".join(cloudpickle_rs.dumps(i, protocol) for i in range(100))))
    assert [unpickler.load() for _ in range(100)] == list(range(100))
    with pytest.raises(EOFError, match="Ran out of input"):
        unpickler.load()


@pytest.mark.parametrize(
    "kind",
    [io.BytesIO, WithPeek, lambda data: io.BufferedReader(io.BytesIO(data))],
    ids=["BytesIO", "WithPeek", "BufferedReader"],
)
def test_load_leaves_the_file_after_its_pickle(kind, protocol):
    """As `pickle` does wherever the file can be peeked into; `BytesIO` cannot, and there it reads no more than it needs."""
    file = kind(cloudpickle_rs.dumps([1], protocol) + cloudpickle_rs.dumps("two", protocol) + b"rest")
    assert cloudpickle_rs.load(file) == [1]
    assert cloudpickle_rs.load(file) == "two"
    assert file.read(4) == b"rest"


def test_a_file_that_cannot_be_read_is_refused():
    for bad in (object(), io.BytesIO().write):
        with pytest.raises(TypeError, match="file must have 'read' and 'readline' attributes"):
            cloudpickle_rs.load(bad)


def test_a_file_that_gives_no_bytes_is_told():
    class Text:
        def read(self, size):
            return "text"

        def readline(self):
            return "text"

    with pytest.raises((TypeError, ValueError, pickle.UnpicklingError)):
        cloudpickle_rs.load(Text())


def test_an_error_of_read_comes_through():
    class Broken:
        def read(self, size):
            raise OSError(5, "Input/output error")

        readline = read

    with pytest.raises(OSError, match="Input/output"):
        cloudpickle_rs.load(Broken())


def test_a_file_that_ends_early_is_an_unpickling_error(protocol):
    data = cloudpickle_rs.dumps(DATA, protocol)
    for length in (0, 1, 2, 10, 100, len(data) // 2, len(data) - 1):
        with pytest.raises((pickle.UnpicklingError, EOFError)):
            cloudpickle_rs.load(Readable(data[:length]))


# Subclasses


class Finder(cloudpickle_rs.Unpickler):
    """Keeps what it is asked for."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked = []

    def find_class(self, module, name):
        self.asked.append((module, name))
        if (module, name) == ("importable", "Square"):
            return Pair
        return super().find_class(module, name)


def test_find_class_decides_what_names_mean(protocol):
    finder = Finder(io.BytesIO(cloudpickle_rs.dumps([Shape, Square, importable.double], protocol)))
    assert finder.load() == [Shape, Pair, importable.double]
    assert finder.asked == [("importable", "Shape"), ("importable", "Square"), ("importable", "double")]


def test_find_class_is_asked_for_all_that_a_function_needs(protocol):
    finder = Finder(io.BytesIO(cloudpickle_rs.dumps(lambda x: x + 1, protocol)))
    assert finder.load()(1) == 2
    assert {("cloudpickle.cloudpickle", name) for name in ("_make_function", "_builtin_type", "_function_setstate")} <= set(
        finder.asked
    )


def test_find_class_can_refuse():
    class Strict(cloudpickle_rs.Unpickler):
        def find_class(self, module, name):
            raise pickle.UnpicklingError(f"{module}.{name} is forbidden")

    with pytest.raises(pickle.UnpicklingError, match=r"importable\.Square is forbidden"):
        Strict(io.BytesIO(cloudpickle_rs.dumps(Square))).load()


def test_find_class_finds_what_pickle_finds():
    ours, theirs = (kind(io.BytesIO()) for kind in (cloudpickle_rs.Unpickler, pickle.Unpickler))
    for module, name in [
        ("importable", "Shape"),
        ("builtins", "len"),
        ("collections", "OrderedDict"),
        ("__builtin__", "xrange"),
        ("UserDict", "UserDict"),
    ]:
        assert ours.find_class(module, name) is theirs.find_class(module, name)


def outcome(load, data):
    try:
        return load(data)
    except Exception as error:
        # PyPy's own unpickler, which is written in Python, says it in other words
        return type(error), None if PYPY else str(error)


BUILTIN_BY_LINES = b"\x80\x02cbuiltins\n%s\n."
BUILTIN_BY_STRINGS = b"\x80\x04\x8c\x08builtinsX%c\0\0\0%s\x93."


@pytest.mark.parametrize("name", [b"oct", b"int", b"__name__", b"added", b"gone", b"int.from_bytes", b"<locals>"])
def test_builtins_are_those_of_the_moment(name, monkeypatch):
    monkeypatch.setattr(builtins, "added", object(), raising=False)
    monkeypatch.setattr(builtins, "oct", "patched")
    for data in (BUILTIN_BY_LINES % name, BUILTIN_BY_STRINGS % (len(name), name)):
        assert outcome(cloudpickle_rs.loads, data) == outcome(pickle.loads, data)


def test_another_module_in_the_place_of_builtins_is_asked(monkeypatch):
    other = types.ModuleType("builtins")
    vars(other).update(vars(builtins))  # which other threads may ask for meanwhile
    del other.oct
    other.__getattr__ = lambda name: (name, "of another module")
    monkeypatch.setitem(sys.modules, "builtins", other)
    for data in (BUILTIN_BY_LINES % b"oct", BUILTIN_BY_STRINGS % (3, b"oct")):
        assert cloudpickle_rs.loads(data) == ("oct", "of another module")


def test_the_class_of_builtins_has_a_say(monkeypatch):
    class Other(types.ModuleType):
        def __getattribute__(self, name):
            return "of its class" if name == "added" else super().__getattribute__(name)

    monkeypatch.setattr(builtins, "added", "of the module", raising=False)
    monkeypatch.setattr(builtins, "__class__", Other)
    assert cloudpickle_rs.loads(BUILTIN_BY_STRINGS % (5, b"added")) == "of its class"


def test_nested_names_are_found_from_protocol_4_on():
    for data in (b"\x80\x04\x8c\x0aimportable\x8c\x10Shape.Corner.Tip\x93.", b"\x80\x04cimportable\nShape.Corner.Tip\n."):
        assert cloudpickle_rs.loads(data) is Shape.Corner.Tip
    with pytest.raises(AttributeError):
        cloudpickle_rs.loads(b"cimportable\nShape.Corner\n.")


def test_names_of_python_2_are_mapped_unless_that_is_declined():
    data = b"c__builtin__\nxrange\n(I3\ntR."
    assert cloudpickle_rs.loads(data) == range(3)
    loaders = [
        lambda **options: cloudpickle_rs.loads(data, **options),
        lambda **options: cloudpickle_rs.load(io.BytesIO(data), **options),
        lambda **options: cloudpickle_rs.Unpickler(io.BytesIO(data), **options).load(),
    ]
    for load in loaders:
        for fix_imports in (True, 1, "yes"):
            assert load(fix_imports=fix_imports) == range(3)
        for fix_imports in (False, 0, None):
            with pytest.raises(ModuleNotFoundError):
                load(fix_imports=fix_imports)
    assert cloudpickle_rs.loads(b"cUserDict\nIterableUserDict\n.") is collections.UserDict


def test_strings_of_python_2_are_decoded_as_asked():
    data = b"U\x03\xe9\xff\x80."
    with pytest.raises(UnicodeDecodeError):
        cloudpickle_rs.loads(data)
    assert cloudpickle_rs.loads(data, encoding="latin1") == "\xe9\xff\x80"
    assert cloudpickle_rs.loads(data, encoding="bytes") == b"\xe9\xff\x80"
    assert cloudpickle_rs.loads(data, errors="replace") == "\ufffd" * 3
    assert cloudpickle_rs.load(io.BytesIO(data), encoding="cp1252", errors="strict") == "\xe9\xff\u20ac"


def test_persistent_load_gets_the_ids():
    class Loader(cloudpickle_rs.Unpickler):
        def persistent_load(self, identifier):
            return ["loaded", identifier]

    assert Loader(io.BytesIO(b"Pan id\n.")).load() == ["loaded", "an id"]
    assert Loader(io.BytesIO(b"\x80\x02K\x07\x85Q.")).load() == ["loaded", (7,)]


def test_an_unpickler_without_persistent_load_says_so():
    with pytest.raises(pickle.UnpicklingError, match="persistent_load"):
        cloudpickle_rs.loads(b"Pan id\n.")


def test_buffers_are_taken_in_turn():
    data = b"\x80\x05\x97\x97\x98\x86."
    first, second = bytearray(b"first"), bytearray(b"second")
    a, b = cloudpickle_rs.loads(data, buffers=iter([first, second]))
    assert a is first and bytes(b) == b"second" and memoryview(b).readonly
    with pytest.raises(pickle.UnpicklingError, match="not enough out-of-band buffers"):
        cloudpickle_rs.loads(data, buffers=[first])
    with pytest.raises(pickle.UnpicklingError, match="out-of-band"):
        cloudpickle_rs.loads(data)
    with pytest.raises(TypeError):
        cloudpickle_rs.loads(data, buffers=5)


def test_the_memo_is_kept_from_load_to_load_and_can_be_read_and_set():
    unpickler = cloudpickle_rs.Unpickler(io.BytesIO(b"]q\x00.h\x00."))
    first = unpickler.load()
    assert unpickler.load() is first
    assert unpickler.memo.copy() == {0: first}
    other = cloudpickle_rs.Unpickler(io.BytesIO(b"h\x00."))
    other.memo = unpickler.memo
    assert other.load() is first


def test_keyword_only_arguments_are_keyword_only():
    for call in (
        lambda: cloudpickle_rs.loads(b"N.", True),
        lambda: cloudpickle_rs.load(io.BytesIO(b"N."), True),
        lambda: cloudpickle_rs.Unpickler(io.BytesIO(), True),
    ):
        with pytest.raises(TypeError):
            call()


def test_setstate_slots_and_attributes_are_interned():
    copy = cloudpickle_rs.loads(cloudpickle_rs.dumps(Shape("s")))
    [name] = vars(copy)
    assert name is sys.intern("name")


def test_an_object_that_loads_another_pickle_meanwhile_does_no_harm():
    inner = cloudpickle_rs.dumps(lambda: 7)
    outer = cloudpickle_rs.dumps([cloudpickle_rs.loads, inner])

    class Nested:
        def __reduce__(self):
            return cloudpickle_rs.loads, (inner,)

    assert [f() for f in cloudpickle_rs.loads(cloudpickle_rs.dumps([Nested(), Nested()]))] == [7, 7]
    assert cloudpickle_rs.loads(outer)[0](inner)() == 7


def test_an_error_in_setstate_comes_through():
    class Fails:
        def __getstate__(self):
            return {"a": 1}

        def __setstate__(self, state):
            raise LookupError("in __setstate__")

    with pytest.raises(LookupError, match="in __setstate__"):
        cloudpickle_rs.loads(cloudpickle_rs.dumps(Fails()))


def test_a_load_takes_no_longer_for_those_before_it():
    """What the memo has by then must not be gone through for each."""

    def seconds(count):
        file = io.BytesIO()
        pickler = pickle.Pickler(file, 4)
        for number in range(count):
            pickler.dump((str(number), number))
        file.seek(0)
        unpickler = cloudpickle_rs.Unpickler(file)
        start = time.perf_counter()
        for number in range(count):
            assert unpickler.load() == (str(number), number)
        return time.perf_counter() - start

    few, many = min(seconds(2_000) for _ in range(3)), min(seconds(16_000) for _ in range(3))
    assert many < 30 * few, (few, many)


@pytest.mark.skipif(PYPY, reason="PyPy's pickle looks at neither before it needs it")
@pytest.mark.parametrize("arguments", [{"encoding": 5}, {"errors": None}, {"encoding": "a\0b"}, {"encoding": "\ud800"}, {"errors": b"x"}])
def test_an_encoding_that_is_none_is_told_of_in_pickles_words(arguments):
    calls = [
        lambda module: module.loads(b"N.", **arguments),
        lambda module: module.load(io.BytesIO(b"N."), **arguments),
        lambda module: module.Unpickler(io.BytesIO(b"N."), **arguments),
    ]
    for call in calls:
        told = []
        for module in (pickle, cloudpickle_rs):
            with pytest.raises((TypeError, ValueError)) as caught:
                call(module)
            told.append((caught.type, str(caught.value)))
        assert told[0] == told[1]
