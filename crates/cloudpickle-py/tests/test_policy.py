"""`inspect` tells what a pickle does, and `loads` does no more than `allow` says."""

import _compat_pickle
import collections
import decimal
import os
import pickle
import textwrap

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
    assert (function["cells"], function["globals"]) == ({"step": "3"}, {"OFFSET": "10"})
    assert function["needs"]["builtins"] == ["len", "str"]
    assert (report["error"], report["findings"], report["bytes"]) == (None, [], len(data))
    assert report["sizes"]["bytes"] == len(data)
    assert any(step["text"].startswith("calls types.CodeType(") for step in report["loading"])
    assert cloudpickle_rs.loads(data, allow=[])(1) == make_adder(3)(1)


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
