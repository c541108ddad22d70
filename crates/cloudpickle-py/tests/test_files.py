"""Files that do not answer as files do: what `load` makes of them is what the interpreter's own unpickler makes of them."""

import array
import io
import pickle
import re

import cloudpickle_rs
import pytest

import upstream


class File:
    """Has what `pickle` asks for and nothing more."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def read(self, size):
        return self._data.read(size)

    def readline(self):
        return self._data.readline()

    def ahead(self, size):
        return self._data.getvalue()[self._data.tell() :][:size]


def raises(*_):
    raise ZeroDivisionError("division by zero")


def cannot(*_):
    raise NotImplementedError


def none(_):
    return None


def text(data):
    return data.decode("latin-1")


def number(_):
    return 5


def chars(data):
    return array.array("b", data)


def file(name, **methods):
    return type(name, (File,), methods)


def read(answer):
    return file("read", read=lambda self, size: answer(self._data.read(size)))


def readline(answer):
    return file("readline", readline=lambda self: answer(self._data.readline()))


def peek(answer):
    return file("peek", peek=lambda self, size: answer(self.ahead(size)))


PICKLES = {
    "lines": pickle.dumps([1, "ab", 2.5], 0),
    "a name": b"cmath\npi\n.",
    "numbers": pickle.dumps([1, "abc", 70000], 2),
    "a frame": pickle.dumps([1, "abc" * 10, ("x",)], 4),
    "large bytes": pickle.dumps(b"y" * 100_000, 4),
    "small bytes": b"B\5\0\0\0hello.",
    "a bytearray": b"\x96\5\0\0\0\0\0\0\0hello.",
    "an end too early": b"(K\1",
    "a line too short": b"I12",
    "a frame too short": b"\x95\x20\0\0\0\0\0\0\0N.",
    "nothing": b"",
}
LIKE_PICKLE = {
    "plain": File,
    "a bytearray of readline": readline(bytearray),
    "a view of readline": readline(memoryview),
    "a str of readline": readline(text),
    "None of readline": readline(none),
    "nothing of readline": readline(lambda line: b""),
    "half of readline": readline(lambda line: line[:1]),
    "an error of readline": file("readline", readline=raises),
    "a str of read": read(text),
    "None of read": read(none),
    "a number of read": read(number),
    "nothing of read": read(lambda data: b""),
    "an error of read": file("read", read=raises),
    "peek": peek(bytes),
    "a bytearray of peek": peek(bytearray),
    "a view of peek": peek(memoryview),
    "little of peek": peek(lambda ahead: ahead[:3]),
    "nothing of peek": peek(lambda ahead: b""),
    "an error of peek": file("peek", peek=raises),
    "no peek after all": file("peek", peek=cannot),
    "readinto": file("readinto", readinto=lambda self, buffer: self._data.readinto(buffer)),
    "an error of readinto": file("readinto", readinto=raises),
    "None of readinto": file("readinto", readinto=none),
    "less than nothing of readinto": file("readinto", readinto=lambda self, buffer: -1),
    "nothing of readinto": file("readinto", readinto=lambda self, buffer: 0),
}
# `pickle` before 3.15 goes on with this error pending, and ends in a `SystemError`.
NO_BYTES_OF_PEEK = {"a str of peek": (peek(text), "str"), "None of peek": (peek(none), "NoneType")}
# `pickle` refuses some of what these give.
TAKEN = {
    "a bytearray of read": read(bytearray),
    "a view of read": read(memoryview),
    "an array of read": read(chars),
    "little of read": file("read", read=lambda self, size: self._data.read(min(size, 2))),
    "little of readinto": file("readinto", readinto=lambda self, buffer: self._data.readinto(memoryview(buffer)[:2])),
}


LOADS = {"load": cloudpickle_rs.load, "Unpickler": lambda source: cloudpickle_rs.Unpickler(source).load()}


def outcome(load, source):
    """What `load` gives and where it leaves the file, or what it raises."""
    try:
        return (load(source), source._data.tell()), None
    except Exception as error:
        return None, error


@pytest.mark.parametrize("data", PICKLES.values(), ids=PICKLES)
@pytest.mark.parametrize("kind", LIKE_PICKLE.values(), ids=LIKE_PICKLE)
@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_a_file_is_read_as_pickle_reads_it(kind, data, load):
    theirs, their_error = outcome(pickle.load, kind(data))
    ours, our_error = outcome(load, kind(data))
    if upstream.PYPY:
        # it refuses other files, in words of its own, and leaves files elsewhere
        assert None in (ours, theirs) or repr(ours[0]) == repr(theirs[0])
        assert not isinstance(our_error, SystemError), our_error
        return
    assert ours == theirs, our_error or their_error
    if their_error is not None:
        assert isinstance(our_error, type(their_error))
        assert re.sub(r" \((\w+ )?at byte \d+\)$", "", str(our_error)) == str(their_error)


@pytest.mark.parametrize(("kind", "class_name"), NO_BYTES_OF_PEEK.values(), ids=NO_BYTES_OF_PEEK)
@pytest.mark.parametrize("data", PICKLES.values(), ids=PICKLES)
def test_what_peek_shows_has_to_be_bytes(kind, class_name, data):
    with pytest.raises(TypeError, match=f"^a bytes-like object is required, not '{class_name}'$"):
        cloudpickle_rs.load(kind(data))


WHOLE = ["lines", "a name", "numbers", "a frame", "large bytes", "small bytes", "a bytearray"]


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("kind", TAKEN.values(), ids=TAKEN)
def test_a_file_that_pickle_does_not_always_read_is_read(kind, name):
    source = kind(PICKLES[name])
    assert cloudpickle_rs.load(source) == pickle.loads(PICKLES[name])
    assert source._data.tell() == len(PICKLES[name])


class Counting(File):
    """Notes how often it is read by `readinto`, and how much is asked for."""

    def __init__(self, data):
        super().__init__(data)
        self.asked = []

    def readinto(self, buffer):
        self.asked.append(memoryview(buffer).nbytes)
        return self._data.readinto(buffer)


COUNTED = [b"short", b"x" * 300, bytearray(b"array"), "text" * 300, b"y" * 100_000, 1.5]


@pytest.mark.parametrize("protocol", range(2, 6))
def test_bytes_that_an_opcode_counts_are_read_into_place_as_pickle_does(protocol):
    data = pickle.dumps(COUNTED, protocol)
    ours, theirs = Counting(data), Counting(data)
    assert cloudpickle_rs.load(ours) == pickle.load(theirs) == COUNTED
    # PyPy's unpickler asks for as much in other ways
    assert upstream.PYPY or ours.asked == theirs.asked
    assert ours._data.tell() == theirs._data.tell() == len(data)


def test_bytes_are_read_into_place_in_parts_of_what_there_is():
    claimed = Counting(b"\x8e" + (1 << 50).to_bytes(8, "little") + b"z" * 3_000_000)
    with pytest.raises(pickle.UnpicklingError, match="pickle data was truncated"):
        cloudpickle_rs.load(claimed)
    assert max(claimed.asked) <= 4_000_000
    large = Counting(pickle.dumps(b"z" * 5_000_000, 3))
    assert cloudpickle_rs.load(large) == b"z" * 5_000_000


def test_a_view_that_a_file_keeps_sees_nothing_of_the_object():
    kept = []
    source = file("readinto", readinto=lambda self, buffer: kept.append(buffer) or self._data.readinto(buffer))
    copy = cloudpickle_rs.load(source(pickle.dumps(b"bytes" * 100, 3)))
    kept[0][:] = bytes(len(kept[0]))
    assert copy == b"bytes" * 100


def test_more_than_was_asked_for_is_refused():
    with pytest.raises(ValueError, match=r"^readinto\(\) returned too much data: 9 bytes, not 5$"):
        cloudpickle_rs.load(file("readinto", readinto=lambda self, buffer: len(buffer) + 4)(PICKLES["small bytes"]))
    with pytest.raises(ValueError, match=r"^read\(\) returned too much data: 4 bytes, not 1$"):
        cloudpickle_rs.load(file("read", read=lambda self, size: self._data.read(size + 3))(PICKLES["numbers"]))


def buffered(data):
    return io.BufferedReader(io.BytesIO(data))


# each fails at its last opcode
FAILING = {
    "a call without a callable": b"R",
    "a module that does not exist": b"cno_such_module\nname\n",
    "text that is no number": b"I12x\n",
    "no opcode": b"\x80\x04\xff",
    "an opcode in a frame": b"\x80\x04\x95" + (5).to_bytes(8, "little") + b"\x8c\x01aR.",
}


def outcomes(unpickler, count):
    """What so many loads give, or the class of what they raise."""
    found = []
    for _ in range(count):
        try:
            found.append(unpickler.load())
        except Exception as error:
            found.append(type(error))
    return found


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("kind", [io.BytesIO, buffered, File], ids=lambda kind: kind.__name__)
def test_the_next_load_begins_behind_what_failed(kind, failing):
    data = failing + b"K\x01.K\x02."
    if kind is buffered and b"\x95" in failing:
        # what is peeked has more than the frame
        data = failing[:-1] + b"K\x01.K\x02."
    first, *rest = outcomes(cloudpickle_rs.Unpickler(kind(data)), 3)
    assert issubclass(first, (pickle.UnpicklingError, ImportError))
    assert rest == [1, 2]
    if b"\x95" not in failing:
        assert outcomes(pickle.Unpickler(kind(data)), 3)[1:] == [1, 2]


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING)
def test_a_failed_load_leaves_bytes_in_memory_where_pickle_does(failing):
    theirs, ours = io.BytesIO(b"N." + failing + b"N."), io.BytesIO(b"N." + failing + b"N.")
    for load, file in ((pickle.load, theirs), (cloudpickle_rs.load, ours)):
        assert load(file) is None
        with pytest.raises((pickle.UnpicklingError, ImportError, ValueError, LookupError)):
            load(file)
    assert ours.tell() == theirs.tell()


@pytest.mark.parametrize("data", [b"Np\xff\n.", b"g1\xff\n.", b"L12\xe9\n.", b"L\xffL\n."])
@pytest.mark.parametrize("kind", [lambda data: data, io.BytesIO, buffered, File], ids=["bytes", "BytesIO", "buffered", "File"])
def test_a_number_that_is_no_text_is_refused_as_pickle_refuses_it(kind, data):
    load = cloudpickle_rs.loads if kind(data) is data else cloudpickle_rs.load
    with pytest.raises(ValueError) as theirs:
        pickle.loads(data)
    with pytest.raises(type(theirs.value)) as ours:
        load(kind(data))
    assert isinstance(ours.value, pickle.UnpicklingError)
    if isinstance(theirs.value, UnicodeDecodeError):
        assert ours.value.args == theirs.value.args
