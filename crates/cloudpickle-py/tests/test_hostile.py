"""Broken and hostile pickles: an error that says where, and never a crash, a hang or memory that the input does not justify."""

import os
import pickle
import pickletools
import struct
from pathlib import Path

import cloudpickle_rs
import pytest

import importable
from upstream import PYPY, plain_loads


def sample():
    return {
        "ints": [0, 255, 256, 65535, 65536, -1, 2**31, 2**70],
        "floats": (1.5, -0.0),
        "text": ["short", "l" * 300, "\u20ac\ud800"],
        "bytes": [b"b", b"c" * 300, bytearray(b"array")],
        "sets": [{1, 2}, frozenset([3])],
        "none": (None, True, False, ..., ()),
        "objects": [
            importable.Square(3),
            importable.Shape.Corner(5),
            importable.Colour.RED,
            importable.double,
            importable.Pair(1, 2),
        ],
        "lambda": lambda x, y=[1]: x + len(y),
        "class": type("Local", (importable.Shape,), {"extra": 1}),
    }


@pytest.fixture(scope="module", params=range(6), ids="protocol{}".format)
def pickled(request):
    return cloudpickle_rs.dumps(sample(), request.param)


def boundaries(data):
    """The offsets at which an opcode starts."""
    return {offset for _, _, offset in pickletools.genops(data)}


def test_every_truncation_is_an_unpickling_error_that_says_where(pickled):
    starts = boundaries(pickled)
    for length in range(1, len(pickled)):
        with pytest.raises(pickle.UnpicklingError) as raised:
            cloudpickle_rs.loads(pickled[:length])
        error, last = raised.value, max(start for start in starts if start <= length)
        if "(FRAME at byte" in str(error):
            last = pickled.index(b"\x95")
        else:
            assert isinstance(error, EOFError) == (last == length), f"{length} of {len(pickled)}: {error!r}"
        assert f"at byte {last}" in str(error), f"{length} of {len(pickled)}: {error!r}"


def test_nothing_at_all_is_an_end_of_file():
    with pytest.raises(EOFError, match="Ran out of input") as raised:
        cloudpickle_rs.loads(b"")
    assert isinstance(raised.value, pickle.UnpicklingError)


HUGE = 2**63 - 1
BROKEN = {
    "no opcode": (b"\x80\x04\xff.", 2, None),
    "an opcode of no protocol": (b"K\x01?", 2, None),
    "a protocol from the future": (b"\x80\x63N.", 0, "PROTO"),
    "an empty stack at the end": (b".", 0, "STOP"),
    "a mark at the end": (b"(.", 1, "STOP"),
    "a pop of nothing": (b"0.", 0, "POP"),
    "a tuple of nothing": (b"\x85.", 0, "TUPLE1"),
    "a tuple of too little": (b"N\x87.", 1, "TUPLE3"),
    "no mark": (b"K\x01t.", 2, "TUPLE"),
    "a duplicate of nothing": (b"2.", 0, "DUP"),
    "a memo that was never filled": (b"h\x05.", 0, "BINGET"),
    "a far memo that was never filled": (b"j\xff\xff\xff\xff.", 0, "LONG_BINGET"),
    "a textual memo that was never filled": (b"g99999999\n.", 0, "GET"),
    "a memo of nothing": (b"\x94.", 0, "MEMOIZE"),
    "half a pair": (b"}(K\x01u.", 4, "SETITEMS"),
    "half a pair for a dict": (b"(K\x01d.", 3, "DICT"),
    "an append to nothing": (b"N(K\x01e", 4, "APPENDS"),
    "an append to an int": (b"K\x01K\x02a.", 4, "APPEND"),
    "a call of an int": (b"K\x01)R.", 3, "REDUCE"),
    "a new object of an int": (b"K\x01)\x81.", 3, "NEWOBJ"),
    "a new object with named arguments of an int": (b"K\x01)}\x92.", 4, "NEWOBJ_EX"),
    "a name of an int": (b"K\x01K\x02\x93.", 4, "STACK_GLOBAL"),
    "text that is no number": (b"Iabc\n.", 0, "INT"),
    "text that is no long": (b"Labc\n.", 0, "LONG"),
    "text that is no float": (b"Fabc\n.", 0, "FLOAT"),
    "text without quotes": (b"Sabc\n.", 0, "STRING"),
    "text with one quote": (b"S'abc\n.", 0, "STRING"),
    "text that is not UTF-8": (b"\x8c\x02\xff\xfe.", 0, "SHORT_BINUNICODE"),
    "an extension that nobody registered": (b"\x82\x63.", 0, "EXT1"),
    "an extension numbered 0": (b"\x82\x00.", 0, "EXT1"),
    "a negative extension": (b"\x84\xff\xff\xff\xff.", 0, "EXT4"),
    "a persistent id": (b"Pid\n.", 0, "PERSID"),
    "a persistent id from the stack": (b"K\x01Q.", 2, "BINPERSID"),
    "a buffer that was not given": (b"\x80\x05\x97.", 2, "NEXT_BUFFER"),
    "a view of nothing": (b"\x98.", 0, "READONLY_BUFFER"),
    "a frame beyond the end": (b"\x80\x04\x95" + struct.pack("<Q", 100) + b"N.", 2, "FRAME"),
    "a frame beyond all memory": (b"\x80\x04\x95" + struct.pack("<Q", HUGE) + b"N.", 2, "FRAME"),
    "bytes beyond the end": (b"C\x05ab", 0, "SHORT_BINBYTES"),
    "bytes beyond all memory": (b"\x8e" + struct.pack("<Q", HUGE) + b"abc", 0, "BINBYTES8"),
    "bytes beyond what a number holds": (b"\x8e" + struct.pack("<Q", 2**64 - 1) + b"abc", 0, "BINBYTES8"),
    "a bytearray beyond all memory": (b"\x96" + struct.pack("<Q", HUGE) + b"abc", 0, "BYTEARRAY8"),
    "text beyond all memory": (b"\x8d" + struct.pack("<Q", HUGE) + b"abc", 0, "BINUNICODE8"),
    "text of 4 GB": (b"X\xff\xff\xff\xffabc", 0, "BINUNICODE"),
    "a long beyond the end": (b"\x8b\xff\xff\xff\x7fabc", 0, "LONG4"),
    "a long of negative length": (b"\x8b\xff\xff\xff\xffabc", 0, "LONG4"),
    "an old string of negative length": (b"T\xff\xff\xff\xffabc", 0, "BINSTRING"),
    "a set with an item that cannot be one": (b"\x8f(]\x90.", 3, "ADDITEMS"),
    "a dict with a key that cannot be one": (b"}]Ns.", 3, "SETITEM"),
}
# What these raise is Python's own, from the object that was asked, as it is in `pickle`.
PYTHONS_OWN = {
    "an append to nothing",
    "an append to an int",
    "a call of an int",
    "a set with an item that cannot be one",
    "a dict with a key that cannot be one",
    "text that is not UTF-8",
    "text that is no number",
    "text that is no long",
    "text that is no float",
    "an extension that nobody registered",
    "a protocol from the future",
}


def raised_by_pickle(data):
    """What `pickle` raises. On PyPy neither of its two unpicklers refuses everything that the other one does."""
    for loads in (pickle.loads, plain_loads):
        try:
            loads(data)
        except Exception as error:
            return error
    raise AssertionError("pickle loads it")


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pickles_raise_what_pickle_raises_with_the_place(name):
    data, offset, opcode = BROKEN[name]
    theirs = raised_by_pickle(data)
    with pytest.raises(Exception) as ours:
        cloudpickle_rs.loads(data)
    if name in PYTHONS_OWN:
        assert isinstance(ours.value, (type(theirs), pickle.UnpicklingError)), f"{ours.value!r}, pickle {theirs!r}"
    else:
        assert isinstance(ours.value, pickle.UnpicklingError), f"{ours.value!r}, pickle {theirs!r}"
    if isinstance(ours.value, pickle.UnpicklingError):
        assert f"at byte {offset}" in str(ours.value), f"byte {offset} is not in {ours.value}"
        assert opcode is None or opcode in str(ours.value), f"{opcode} is not in {ours.value}"


def test_a_missing_module_or_name_is_what_pickle_raises():
    for data, error in [
        (b"cno.such.module\nname\n.", ModuleNotFoundError),
        (b"cimportable\nno_such_name\n.", AttributeError),
        (b"\x80\x04\x8c\x0aimportable\x8c\x0cShape.nobody\x93.", AttributeError),
    ]:
        with pytest.raises(error):
            plain_loads(data)
        with pytest.raises(error):
            cloudpickle_rs.loads(data)


def test_what_follows_the_end_is_left_alone():
    assert cloudpickle_rs.loads(b"K\x01.anything \xff") == 1


def test_a_million_lists_nested_in_a_pickle_load():
    depth = 1_000_000
    value = cloudpickle_rs.loads(b"]" * depth + b"a" * (depth - 1) + b".")
    for _ in range(depth - 1):
        [value] = value
    assert value == []


def test_a_million_marks_are_no_trouble():
    with pytest.raises(pickle.UnpicklingError):
        cloudpickle_rs.loads(b"(" * 1_000_000)
    assert cloudpickle_rs.loads(b"(" * 1_000_000 + b"t" * 1_000_000 + b".") is not None


@pytest.mark.parametrize("bad", [None, 1, "text", [1]])
def test_what_is_no_bytes_is_a_type_error(bad):
    with pytest.raises(TypeError, match="bytes-like"):
        cloudpickle_rs.loads(bad)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: memoryview(b"." + data)[1:], pickle.PickleBuffer])
def test_any_buffer_can_be_loaded(kind):
    assert cloudpickle_rs.loads(kind(cloudpickle_rs.dumps([1, "two"]))) == [1, "two"]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_pickles_never_harm_the_process(seed, processes):
    """The process has a limit on memory and on time, and says at its end how many it tried."""
    done = processes.run(Path(__file__).with_name("mutating.py"), seed, packages=["cloudpickle_rs"])
    assert "tried 20000" in done.stdout


@pytest.mark.parametrize("seed", range(2))
def test_objects_that_disturb_their_pickling_never_harm_the_process(seed, processes):
    """Two threads do so at once; the process says at its end how many objects it tried."""
    count = 40 if PYPY else 100  # all of it takes minutes there with some seeds
    done = processes.run(Path(__file__).with_name("disturbing.py"), seed, count, packages=["cloudpickle_rs"])
    assert f"tried {2 * count}" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["upstream"]])
def test_code_that_pickles_while_a_class_is_tracked_does_not_wait_for_itself(arguments, processes):
    done = processes.run(Path(__file__).with_name("reentering.py"), *arguments, timeout=30)
    assert done.stdout == "done\n"


FORKS = """
import os, signal, sys, threading
module = __import__(sys.argv[1]).cloudpickle
import cloudpickle_rs
taken = threading.Event()

def hold():
    with module._DYNAMIC_CLASS_TRACKER_LOCK:
        taken.set()
        threading.Event().wait()

threading.Thread(target=hold, daemon=True).start()
taken.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    cloudpickle_rs.dumps(type("Local", (), {"__module__": "__main__"}))
    os._exit(0)
status = os.waitpid(child, 0)[1]
print("child ended with", status, flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("whose", ["cloudpickle_rs", "cloudpickle"])
def test_a_forked_process_does_not_wait_for_a_thread_that_it_has_not(whose, processes, tmp_path):
    file = tmp_path / "forks.py"
    file.write_text(FORKS)
    assert "child ended with 0" in processes.run(file, whose, timeout=30).stdout
