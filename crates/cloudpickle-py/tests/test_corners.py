"""Corners where an object is not what it seems: proxies, re-entrant subclasses, memory that runs out."""

import array
import gc
import io
import pickle
import subprocess
import sys
import weakref

import cloudpickle
import pytest

import cloudpickle_rs


def collect():
    """Lets what nobody refers to die: on PyPy it takes several turns until what the C API has referred to is gone."""
    for _ in range(4):
        gc.collect()


class Proxy:
    """Says that it is what it stands for, as wrapt's proxies do."""

    def __init__(self, target):
        self.__dict__["target"] = target

    __class__ = property(lambda self: type(self.target))

    def __getattr__(self, name):
        return getattr(self.target, name)


def test_a_proxy_of_a_function_is_pickled_as_the_function(protocol):
    def function(argument=2):
        return argument + 1

    function.__module__ = "__main__"
    proxy = Proxy(function)
    ours, theirs = cloudpickle_rs.dumps(proxy, protocol), cloudpickle.dumps(proxy, protocol)
    assert ours == theirs
    assert cloudpickle_rs.loads(ours)(4) == 5


@pytest.mark.parametrize("name", [None, 5, "double"], ids=repr)
def test_what_only_says_that_it_is_a_function_lacks_what_a_function_has(name, protocol):
    class Pretender:
        __class__ = property(lambda self: type(lambda: None))
        __module__ = "importable"

    pretender = Pretender()
    if name is not None:
        pretender.__name__ = name
    for dumps in (cloudpickle.dumps, cloudpickle_rs.dumps):
        with pytest.raises(AttributeError, match="'Pretender' object has no attribute '__code__'"):
            dumps(pretender, protocol)


def test_a_subclass_may_call_its_pickler_from_a_property():
    class Pickler(cloudpickle_rs.Pickler):
        @property
        def persistent_id(self):
            self.clear_memo()
            self.fast = 0
            return lambda obj: None

    file = io.BytesIO()
    Pickler(file).dump([1])
    assert cloudpickle_rs.loads(file.getvalue()) == [1]


@pytest.mark.parametrize("kind", [cloudpickle_rs.Pickler, cloudpickle_rs.Unpickler])
def test_a_file_that_dies_may_call_the_pickler_that_had_it(kind):
    calls = []

    class File(io.BytesIO):
        def __del__(self):
            calls.append(user.memo.copy())

    user = kind(File(b"N."))
    user.__init__(io.BytesIO(b"N."))
    collect()
    assert calls == [{}]


def test_out_of_memory_is_a_memory_error():
    pytest.importorskip("resource")
    script = """
import resource
import cloudpickle_rs
parts = [bytes(60_000_000) + bytes([i]) for i in range(5)]
resource.setrlimit(resource.RLIMIT_AS, (600_000_000, 600_000_000))
try:
    cloudpickle_rs.dumps(parts)
except MemoryError:
    print("MemoryError")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "MemoryError", (done.returncode, done.stderr)


def test_what_a_code_object_refers_to_dies_with_it():
    class Constant:
        def __reduce__(self):
            return list, ()

    def function():
        pass

    constant = Constant()
    alive = weakref.ref(constant)
    function.__module__ = "__main__"
    function.__code__ = function.__code__.replace(co_consts=(None, constant))
    cloudpickle_rs.dumps(function)
    del function, constant
    collect()
    assert alive() is None


def test_text_that_is_no_utf8_is_an_unpickling_error_and_a_unicode_error():
    with pytest.raises(pickle.UnpicklingError, match=r"invalid start byte \(SHORT_BINUNICODE at byte 2\)") as caught:
        cloudpickle_rs.loads(b"\x80\x04\x8c\x02\xff\xff.")
    assert isinstance(caught.value, UnicodeDecodeError)
    assert caught.value.place == "SHORT_BINUNICODE at byte 2"


def test_anything_with_contiguous_bytes_is_loaded():
    for data in (bytearray(b"K\x05."), memoryview(b"K\x05."), array.array("b", b"K\x05."), array.array("i", b"K\x05.\0")):
        assert cloudpickle_rs.loads(data) == 5
    with pytest.raises(BufferError):
        cloudpickle_rs.loads(memoryview(b"K.\x05...")[::2])


def test_decimal_ints_have_the_interpreters_limit():
    if not hasattr(sys, "set_int_max_str_digits"):
        assert cloudpickle_rs.loads(b"L" + b"7" * 4000 + b"L\n.") == int("7" * 4000)
        return
    before = sys.get_int_max_str_digits()
    try:
        sys.set_int_max_str_digits(0)
        assert cloudpickle_rs.loads(b"L" + b"7" * 6000 + b"L\n.") == int("7" * 6000)
        sys.set_int_max_str_digits(700)
        with pytest.raises(ValueError):
            cloudpickle_rs.loads(b"L" + b"7" * 800 + b"L\n.")
    finally:
        sys.set_int_max_str_digits(before)
