"""Functions that another version of Python pickled are refused, by the name of that version."""

import opcode
import pathlib
import pickle
import re
import sys

import pytest

import cloudpickle_rs
import upstream

# what real interpreters pickled: cpython-VERSION-cloudpickle-RELEASE-protocol-N.pkl
DATA = pathlib.Path(__file__).parents[2] / "cloud-reduce" / "tests" / "data"
RUNNING = "{} {}.{}".format("PyPy" if upstream.PYPY else "Python", *sys.version_info[:2])


def version_of(file):
    return "Python " + re.match(r"cpython-(\d+\.\d+)-", file.name).group(1)


def code_arguments(function):
    return cloudpickle_rs.cloudpickle._code_reduce(function.__code__)[1]


def pickled_code(arguments):
    """A pickle that makes a code object of the arguments."""

    class Code:
        def __reduce__(self):
            return type(pickled_code.__code__), tuple(arguments)

    return cloudpickle_rs.dumps(Code())


@pytest.mark.parametrize("file", sorted(DATA.glob("*-cloudpickle-3.1.2-protocol-5.pkl")), ids=lambda file: file.stem)
def test_only_this_versions_functions_are_loaded(file):
    if version_of(file) == RUNNING:
        cloudpickle_rs.loads(file.read_bytes())
        return
    with pytest.raises(pickle.UnpicklingError) as caught:
        cloudpickle_rs.loads(file.read_bytes())
    made, running = re.match(r"this function was pickled by (.*); this is (\w+ [\d.]+): ", str(caught.value)).groups()
    assert running == RUNNING
    assert version_of(file) in made.split(" or ")
    assert RUNNING not in made.split(" or ")


def test_a_function_of_this_version_is_loaded_however_often():
    def function(items, limit=3):
        try:
            return [item for item in items if item < limit]
        finally:
            items.clear()

    pickled = pickled_code(code_arguments(function))
    for _ in range(3):
        assert cloudpickle_rs.loads(pickled) == function.__code__


def with_bytecode(bytecode):
    arguments = list(code_arguments(pickled_code))
    position = next(index for index, argument in enumerate(arguments) if isinstance(argument, bytes))
    arguments[position] = bytecode
    return pickled_code(arguments)


def test_bytecode_that_no_compiler_made_is_left_to_the_interpreter():
    # as long as the line table says
    nothing = bytes([opcode.opmap["NOP"], 0]) * (len(pickled_code.__code__.co_code) // 2)
    assert cloudpickle_rs.loads(with_bytecode(nothing)).co_code == nothing


def test_bytecode_that_no_interpreter_has_is_refused():
    unknown = [number for number in range(1, 256) if opcode.opname[number] == f"<{number}>"]
    for number in (unknown[0], unknown[-1]):
        with pytest.raises(pickle.UnpicklingError, match=f"the function's bytecode has opcode {number} at byte 0"):
            cloudpickle_rs.loads(with_bytecode(bytes([number, 0]) * 7))
