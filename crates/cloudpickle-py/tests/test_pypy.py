"""What is otherwise on PyPy."""

import importlib.util
import io
import os
import pickle
import shutil
import subprocess
import sys
import types

import pytest

import cloudpickle_rs
import upstream

pytestmark = pytest.mark.skipif(not upstream.PYPY, reason="this is about PyPy")


class Slots:
    __slots__ = ("first",)


def test_an_installed_cloudpickle_that_cannot_be_imported_is_ours(processes, tmp_path):
    [source] = importlib.util.find_spec("cloudpickle").submodule_search_locations
    shutil.copytree(source, tmp_path / "cloudpickle")
    script = """
import pickle
import cloudpickle_rs
data = cloudpickle_rs.dumps(lambda value: value + 1)
assert pickle.loads(data)(3) == 4
import cloudpickle
assert cloudpickle.dumps is cloudpickle_rs.dumps and cloudpickle.__version__ == "3.1.2"
"""
    path = os.pathsep.join([str(tmp_path), str(processes.package_folders["cloudpickle_rs"])])
    done = subprocess.run([sys.executable, "-S", "-c", script], env=dict(os.environ, PYTHONPATH=path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_cloudpickle_cannot_be_imported_before_this_module():
    script = "import pickle\ntry:\n    import cloudpickle\nexcept AttributeError as error:\n    print(error)\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "dispatch" in done.stdout, (done.stdout, done.stderr)


@pytest.mark.parametrize(
    "make",
    [
        lambda: str.join,
        lambda: dict.fromkeys,
        lambda: [1, 2].append,
        lambda: len,
        lambda: len.__code__,
        lambda: int.real,
        lambda: Slots.first,
        lambda: types.CodeType.co_name,
    ],
)
def test_what_builtin_types_are_made_of_is_found_again(make, protocol):
    copy = cloudpickle_rs.loads(cloudpickle_rs.dumps(make(), protocol))
    assert type(copy) is type(make())
    assert getattr(copy, "__name__", None) == getattr(make(), "__name__", None)


def test_strings_that_are_one_stay_one():
    text = "".join(["long", "er"])
    texts = [text, text]  # a list in which PyPy keeps the texts without their objects
    assert cloudpickle_rs.dumps(texts).count(b"longer") == 1
    first, second = cloudpickle_rs.loads(cloudpickle_rs.dumps(texts))
    assert first is second


RECONSTRUCTED = b"ccopyreg\n_reconstructor\n(ccloudpickle_rs\n%s\nc__builtin__\nobject\nNtR."


def test_a_pickler_that_was_made_without_its_class_is_not_initialised():
    """`object.__new__` takes every class here, and pickles of protocols 0 and 1 have it called."""
    for pickler in [object.__new__(cloudpickle_rs.Pickler), cloudpickle_rs.loads(RECONSTRUCTED % b"Pickler")]:
        with pytest.raises(pickle.PicklingError, match="__init__"):
            pickler.dump(1)
        assert (pickler.memo.copy(), pickler.globals_ref, pickler.fast) == ({}, {}, 0)
        pickler.clear_memo()
        pickler.fast = 0
        file = io.BytesIO()
        pickler.__init__(file)
        pickler.dump(lambda: 5)
        assert cloudpickle_rs.loads(file.getvalue())() == 5


def test_an_unpickler_that_was_made_without_its_class_is_not_initialised():
    for unpickler in [object.__new__(cloudpickle_rs.Unpickler), cloudpickle_rs.loads(RECONSTRUCTED % b"Unpickler")]:
        with pytest.raises(pickle.UnpicklingError, match="__init__"):
            unpickler.load()
        assert unpickler.memo.copy() == {}
        unpickler.memo.clear()
        assert unpickler.find_class("builtins", "len") is len
        unpickler.__init__(io.BytesIO(b"K\x05."))
        assert unpickler.load() == 5


@pytest.mark.parametrize("owner", [cloudpickle_rs.Pickler, cloudpickle_rs.Unpickler])
def test_a_view_of_no_memo_says_so(owner):
    view = object.__new__(type(owner(io.BytesIO()).memo))
    for use in [view.copy, view.clear, view.__reduce__, lambda: setattr(owner(io.BytesIO()), "memo", view)]:
        with pytest.raises(TypeError, match=f"has no {owner.__name__.lower()}"):
            use()


@pytest.mark.parametrize("make", [lambda: list(range(50)), lambda: ["a", "b"], lambda: [1.5, 2.5], lambda: [[1], {"a": [2]}]])
def test_a_list_is_kept_as_it_was(make, protocol):
    """What PyPy once shows to C as a whole stays slow for Python code, and crashes where threads share it."""
    from __pypy__ import strategy

    made = make()
    before = strategy(made)
    data = cloudpickle_rs.dumps(made, protocol)
    assert strategy(made) == before
    kinds = {strategy(cloudpickle_rs.loads(data)), strategy(cloudpickle_rs.loads(b"(I1\nI2\nl."))}
    assert not any("CPy" in kind for kind in kinds)
