"""What is otherwise on PyPy."""

import importlib.util
import os
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
