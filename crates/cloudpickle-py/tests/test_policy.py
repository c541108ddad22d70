"""`inspect` tells what a pickle does, and `loads` does no more than `allow` says."""

import _compat_pickle
import collections
import decimal
import os
import pickle
import textwrap
from inspect import signature

import pytest

import cloudpickle_rs

OFFSET = 10


def make_adder(step):
    def add(x, *, times=2):
        return x + step * times + OFFSET + len(str(x))

    add.__module__ = "__main__"
    return add


class Reduced:
    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


def test_a_function_is_told_of():
    cloudpickle_rs.register_pickle_by_value(__import__(__name__))
    try:
        data = cloudpickle_rs.dumps(make_adder(3))
    finally:
        cloudpickle_rs.unregister_pickle_by_value(__import__(__name__))
    report = cloudpickle_rs.inspect(data)
    (function,) = report["functions"]
    assert function["signature"] == "add(x, *, times=2)"
    assert [(cell["name"], cell["value"]) for cell in function["cells"]] == [("step", "3")]
    assert function["globals"] == {"OFFSET": "10"}
    assert function["needs"]["builtins"] == ["len", "str"]
    assert (report["error"], report["findings"], report["bytes"]) == (None, [], len(data))
    assert report["sizes"]["bytes"] == len(data)
    assert any(step["text"].startswith("calls types.CodeType(") for step in report["loading"])
    assert cloudpickle_rs.loads(data, allow=[])(1) == make_adder(3)(1)


def test_functions_classes_and_enums_are_told_of_as_python_itself_reports_them():
    scope = {"__name__": "__main__"}
    exec(textwrap.dedent(SOURCE), scope)
    pair = scope["make_counter"]()
    report = cloudpickle_rs.inspect(cloudpickle_rs.dumps([pair, scope["Shape"], scope["Level"]]))
    assert (report["unread"], report["is_cut"]) == ([], False)
    told = {function["qualname"]: function for function in report["functions"]}
    for function in [*pair, scope["make_counter"], scope["Shape"].area, scope["Shape"].unit.__func__, scope["Shape"].sides.fget]:
        carried = told.pop(function.__qualname__, None)
        if carried is None:
            # nothing refers to the function that made the others
            assert function is scope["make_counter"]
            continue
        assert (carried["name"], carried["module"], carried["doc"]) == (function.__name__, "__main__", function.__doc__)
        assert carried["defaults"] == [repr(value) for value in function.__defaults__ or ()]
        assert carried["kwdefaults"] == {name: repr(value) for name, value in (function.__kwdefaults__ or {}).items()}
        assert carried["attributes"] == {name: repr(value) for name, value in vars(function).items()}
        assert carried["annotations"].keys() == function.__annotations__.keys()
        assert [cell["name"] for cell in carried["cells"]] == list(function.__code__.co_freevars)
        assert carried["signature"] == function.__name__ + str(signature(function))
        assert (carried["file"], carried["line"]) == (function.__code__.co_filename, function.__code__.co_firstlineno)
        assert carried["written_by"] == "cloudpickle.cloudpickle"
    assert told == {}
    by_name = {function["name"]: function["cells"] for function in report["functions"]}
    assert by_name["up"][0]["cell"] == by_name["down"][0]["cell"] != by_name["up"][1]["cell"]

    (shape,) = report["classes"]
    assert (shape["name"], shape["qualname"], shape["module"], shape["doc"]) == ("Shape", None, "__main__", "A shape.")
    assert (shape["metaclass"], shape["bases"]) == ("abc.ABCMeta", ["collections.OrderedDict", "abc.ABC"])
    kinds = {"area": "method", "unit": "classmethod", "sides": "property"}
    assert {method["name"]: method["kind"] for method in shape["methods"]} == kinds
    assert shape["attributes"]["limit"] == "7" and shape["tracker_id"]

    # what PyPy calls `classmethod`
    assert not any("ClassMethodDescriptorType" in finding["subject"] for finding in report["findings"])

    (level,) = report["enums"]
    assert (level["name"], level["qualname"], level["module"]) == ("Level", "Level", "__main__")
    assert (level["members"], level["bases"]) == ({"LOW": "1", "HIGH": "'high'"}, ["enum.Enum"])


SOURCE = """
    import abc, collections, enum

    def make_counter():
        count, step = 0, 2

        def up(by: int = 1, *rest: str, twice=False, limit: float = 2.5, kinds=("a", {"b": [1.5]}, set())) -> float:
            "Counts up."
            nonlocal count
            count += by * step
            return count

        def down(by, /, *, times=1):
            nonlocal count
            count -= by * times

        up.note = "counts"
        return up, down

    class Shape(collections.OrderedDict, abc.ABC):
        "A shape."

        limit = 7

        @abc.abstractmethod
        def area(self): ...

        @classmethod
        def unit(cls, size: "int" = 1): ...

        @property
        def sides(self): ...

    class Level(enum.Enum):
        LOW = 1
        HIGH = "high"
"""


@pytest.mark.parametrize("value", [{"a": [1, (2.5, None)]}, collections.OrderedDict(a=1), decimal.Decimal("1.5"), {1, 2}, b"x", 1 << 99])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_is_allowed(value, protocol):
    data = pickle.dumps(value, protocol)
    assert cloudpickle_rs.loads(data, allow=[]) == value
    assert cloudpickle_rs.loads(bytearray(data), allow=()) == value


def test_what_is_not_allowed_is_not_begun():
    called = []
    cloudpickle_rs.called = called
    try:
        data = b"ccloudpickle_rs\ncalled\nK\x01a" + pickle.dumps(Reduced(textwrap.dedent, ("<i",)), 2)[2:]
        with pytest.raises(cloudpickle_rs.DisallowedPickleError) as caught:
            cloudpickle_rs.loads(data, allow=["cloudpickle_rs.called"])
        assert called == []
    finally:
        del cloudpickle_rs.called
    assert isinstance(caught.value, pickle.UnpicklingError)
    assert [finding["kind"] for finding in caught.value.findings] == ["changes-imported", "call"]


def test_the_error_names_what_and_where_and_what_to_add():
    data = pickle.dumps(Reduced(textwrap.dedent, ("<i",)), 4)
    with pytest.raises(cloudpickle_rs.DisallowedPickleError) as caught:
        cloudpickle_rs.loads(data, allow=["import:textwrap.dedent"])
    expected = f"the pickle calls textwrap.dedent('<i') at byte {data.index(b'R')}, which is not allowed; "
    assert str(caught.value) == expected + 'add "textwrap.dedent" to `allow` if you trust it'
    assert cloudpickle_rs.loads(data, allow=[caught.value.findings[0]["allow"]]) == "<i"
    assert cloudpickle_rs.loads(data, allow=["textwrap.*"]) == "<i"


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'false'\ntR.",
        b"(S'false'\nios\nsystem\n.",
        b"cbuiltins\ngetattr\n(cimportlib\nimport_module\n(S'os'\ntRS'system'\ntR(S'false'\ntR.",
        b"\x80\x04\x8c\x02os\x8c\x03popcbuiltins\nstr\n\x8c\x06system\x85R\x93\x8c\x05false\x85R.",
        pickle.dumps(Reduced(pickle.loads, (b"cos\nsystem\n(S'false'\ntR.",))),
    ],
)
def test_no_detour_leads_to_what_is_not_allowed(data):
    with pytest.raises(cloudpickle_rs.DisallowedPickleError):
        cloudpickle_rs.loads(data, allow=["numpy.**"])


def test_a_broken_pickle_raises_as_without_allow():
    with pytest.raises(pickle.UnpicklingError, match="truncated") as caught:
        cloudpickle_rs.loads(b"]X\xff\0\0\0a", allow=[])
    assert not isinstance(caught.value, cloudpickle_rs.DisallowedPickleError)
    assert "truncated" in cloudpickle_rs.inspect(b"]X\xff\0\0\0a")["error"]


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"allow": "numpy.**"}, TypeError),
        ({"allow": ["a..b"]}, ValueError),
        ({"allow": [1]}, TypeError),
        ({"allow": [], "fix_imports": False}, ValueError),
    ],
)
def test_what_is_no_list_of_rules_is_refused(arguments, error):
    with pytest.raises(error):
        cloudpickle_rs.loads(b"N.", **arguments)


def test_a_policy_can_be_named():
    data = pickle.dumps(collections.OrderedDict(a=1))
    assert cloudpickle_rs.inspect(data, policy="plain")["findings"] == []
    (finding,) = cloudpickle_rs.inspect(data, policy="nothing")["findings"]
    assert (finding["kind"], finding["allow"]) == ("call", "collections.OrderedDict")
    assert cloudpickle_rs.inspect(data, policy="nothing", allow=["collections.*"])["findings"] == []
    with pytest.raises(ValueError, match="there is no policy"):
        cloudpickle_rs.inspect(data, policy="all")
    with pytest.raises(TypeError):
        cloudpickle_rs.inspect("text")


@pytest.mark.parametrize("fixed", [b"cacme\nsafe\n(tR.", b"(iacme\nsafe\n.", b"cacme\nsafe\n."])
def test_a_name_that_this_process_maps_to_another_is_refused_while_loading(fixed, monkeypatch):
    monkeypatch.setitem(_compat_pickle.NAME_MAPPING, ("acme", "safe"), ("os", "getcwd"))
    assert cloudpickle_rs.inspect(fixed, allow=["acme.safe"])["findings"] == []
    with pytest.raises(cloudpickle_rs.DisallowedPickleError, match="imports os.getcwd") as caught:
        cloudpickle_rs.loads(fixed, allow=["acme.safe"])
    assert caught.value.findings == []
    assert cloudpickle_rs.loads(b"cacme\nsafe\n.") is os.getcwd


def test_a_string_that_decodes_to_another_name_is_refused_while_loading():
    old_string = "List".encode("utf-16-le")
    by_stack = b"\x80\x04\x8c\x06typingU" + bytes([len(old_string)]) + old_string + b"\x93."
    by_call = b"\x80\x04ccloudpickle.cloudpickle\n_builtin_type\nU" + bytes([len(old_string)]) + old_string + b"\x85R."
    for data in by_stack, by_call:
        with pytest.raises(cloudpickle_rs.DisallowedPickleError, match="never allowed"):
            cloudpickle_rs.loads(data, allow=[], encoding="utf-16-le")


def test_inspect_tells_of_the_first_pickle_and_how_many_bytes_stand_behind_it():
    first, second = pickle.dumps([1]), pickle.dumps(Reduced(textwrap.dedent, ("<i",)))
    report = cloudpickle_rs.inspect(first + second)
    assert (report["bytes"], report["trailing"], report["findings"]) == (len(first), len(second), [])
    (finding,) = cloudpickle_rs.inspect((first + second)[report["bytes"] :])["findings"]
    assert finding["allow"] == "textwrap.dedent"
