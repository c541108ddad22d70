"""Nothing is left behind by dumping and loading, however often, whether it succeeds or fails.

`CLOUDPICKLE_RS_ROUNDS=1000000 pytest tests/test_leaks.py -k kinds-part` does so a million times with each kind of object.
"""

import copyreg
import ctypes
import io
import json
import mmap
import os
import pickle
import platform
import sys

import cloudpickle_rs
import pytest

import importable
from leaks import growth
from test_zoo import scripts
from upstream import PYPY

# PyPy, whose C API takes its time, gets fewer rounds of less
ROUNDS = int(os.environ.get("CLOUDPICKLE_RS_ROUNDS", "10" if PYPY else "60"))
SCRIPTS = [path for path in scripts() if not PYPY or path.stem in ("lambdas", "readme")]
# of the cases of a script, so that none takes hours
PARTS = 1 + ROUNDS // 100_000
# seconds: what a round of a script takes, with much to spare
PATIENCE = 120 + ROUNDS


@pytest.mark.parametrize("part", range(PARTS), ids="part{}".format)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_dumping_and_loading_the_zoo_leaves_nothing_behind(script, part, processes, tmp_path):
    processes.run(script, tmp_path / "leaks", ROUNDS, part, PARTS, timeout=PATIENCE)
    assert json.loads((tmp_path / "leaks.json").read_text(encoding="utf-8")) == {}


class Fails:
    def __reduce__(self):
        raise LookupError("on purpose")


class FullDisk:
    def write(self, data):
        raise OSError("on purpose")


class Hooked(cloudpickle_rs.Pickler):
    def __init__(self, *args):
        super().__init__(*args)
        self.itself = self

    def persistent_id(self, obj):
        return "square" if isinstance(obj, importable.Square) else None

    def reducer_override(self, obj):
        return super().reducer_override(obj)


class Finding(cloudpickle_rs.Unpickler):
    def persistent_load(self, pid):
        return [pid, self]

    def find_class(self, module, name):
        return super().find_class(module, name)


VALUE = [importable.make_counter(), lambda x, y=[1]: (x, y), type("Local", (), {"n": 1}), {"k": importable.Shape("s")}, importable.Square(2)]
PICKLED = cloudpickle_rs.dumps(VALUE)


def fails(call, *args):
    """Calls what must not succeed."""
    try:
        call(*args)
    except Exception:
        return
    raise AssertionError("it succeeds")


def hooked_and_found():
    file = io.BytesIO()
    pickler = Hooked(file, 4)
    pickler.dump(VALUE)
    pickler.dump(VALUE)
    pickler.clear_memo()
    other = cloudpickle_rs.Pickler(file)
    other.memo = pickler.memo.copy()
    file.seek(0)
    finding = Finding(file)
    finding.itself = [finding, finding.load(), finding.load()]


def buffers():
    kept = []
    data = cloudpickle_rs.dumps([pickle.PickleBuffer(bytearray(5000))], 5, kept.append)
    cloudpickle_rs.loads(data, buffers=kept)


def cut_short():
    for length in range(1, len(PICKLED), 97):
        fails(cloudpickle_rs.loads, PICKLED[:length])


def class_that_goes():
    """Makes a class that nothing holds in the end, loads it twice while it is not there, and lets it go."""
    data = cloudpickle_rs.dumps(type("Goes", (), {"n": 1}))
    first = cloudpickle_rs.loads(data)
    assert cloudpickle_rs.loads(data) is first


def extension_code():
    copyreg.add_extension("importable", "Record", 240)
    try:
        assert cloudpickle_rs.loads(cloudpickle_rs.dumps(importable.Record)) is importable.Record
    finally:
        copyreg.remove_extension("importable", "Record", 240)


CALLS = {
    "a class that goes": class_that_goes,
    "an extension code": extension_code,
    "many dumps with hooks and memos": hooked_and_found,
    "buffers": buffers,
    "an object that fails": lambda: fails(cloudpickle_rs.dumps, [VALUE, Fails()]),
    "a file that fails": lambda: fails(cloudpickle_rs.dump, VALUE, FullDisk()),
    "what cannot be pickled": lambda: fails(cloudpickle_rs.dumps, [VALUE, lambda: FullDisk, {"file": io.BufferedReader(io.BytesIO())}]),
    "pickles cut short": cut_short,
    "a name that is not there": lambda: fails(cloudpickle_rs.loads, b"cimportable\nno_such_name\n."),
    "what is inspected": lambda: str(cloudpickle_rs.inspect(PICKLED)),
}


# PyPy keeps a class for ever that its C API has seen and that has a weak reference, as those that are tracked have
KEPT = {"a class that goes"} if PYPY else set()


@pytest.mark.parametrize("name", CALLS)
def test_calls_leave_nothing_behind(name):
    assert (growth(CALLS[name], ROUNDS) is not None) == (name in KEPT)


@pytest.mark.parametrize("kept", [object, lambda: cut_short], ids=["objects", "references to one object"])
def test_what_is_left_is_found(kept):
    left = []
    # PyPy counts objects, not references
    is_counted = kept is object or not PYPY
    assert (growth(lambda: left.append(kept()), 1000, doublings=1) is not None) == is_counted


SCALARS = [*range(10_000, 11_000), *range(2**40, 2**40 + 1000), *map(float, range(1000)), *map("text {}".format, range(1000))]


def test_loaded_scalars_are_in_the_trace_of_memory():
    tracemalloc = pytest.importorskip("tracemalloc", exc_type=ImportError)
    data = cloudpickle_rs.dumps(SCALARS)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        loaded = cloudpickle_rs.loads(data)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown >= sum(map(sys.getsizeof, loaded)) + sys.getsizeof(loaded)


@pytest.mark.skipif(PYPY or sys.version_info < (3, 13), reason="references have no tracer there")
@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the tracer is written in machine code")
def test_a_tracer_of_references_hears_of_loaded_scalars():
    # A tracer may make no objects, so that Python cannot be one. This one counts: `if (!event) ++*data; return 0;`
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("85f6 7503 48ff02 31c0 c3"))
    view = ctypes.c_char.from_buffer(code)
    set_tracer = ctypes.pythonapi.PyRefTracer_SetTracer
    set_tracer.argtypes = [ctypes.c_void_p, ctypes.c_void_p]

    def made(load, data):
        count = ctypes.c_int64(0)
        set_tracer(ctypes.addressof(view), ctypes.addressof(count))
        try:
            load(data)
        finally:
            set_tracer(None, None)
        return count.value

    try:
        data = cloudpickle_rs.dumps(SCALARS)
        assert made(cloudpickle_rs.loads, data) >= len(SCALARS)
        assert made(cloudpickle_rs.load, io.BytesIO(data)) >= len(SCALARS)
        assert made(pickle.loads, data) >= len(SCALARS)
    finally:
        del view
