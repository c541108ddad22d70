"""Modules registered to be pickled by value."""

import pickletools
import types

import cloudpickle
import importable
import importable.inner.leaf
import pytest
from oracle import compare

import cloudpickle_rs


@pytest.fixture
def registered():
    """`importable`, by value in upstream and in ours."""
    for module in (cloudpickle, cloudpickle_rs):
        module.register_pickle_by_value(importable)
    yield importable
    for module in (cloudpickle, cloudpickle_rs):
        module.unregister_pickle_by_value(importable)


OBJECTS = {
    "a function": importable.double,
    "a class": importable.Square,
    "an instance": importable.Square(3),
    "a nested class": importable.Shape.Corner,
    "a closure": importable.make_adder(2),
    "a function of a submodule": importable.inner.leaf.leaf,
    "an enumeration": importable.Colour,
    "a named tuple": importable.Pair(1, 2),
    "a dataclass's instance": importable.Record(1, "one"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_bytes_of_what_a_registered_module_holds_equal_upstreams(name, protocol, registered):
    ours, difference = compare(cloudpickle_rs.dumps, cloudpickle.dumps, OBJECTS[name], protocol)
    assert difference is None, difference
    if isinstance(ours, bytes):
        names = [argument for opcode, argument, _ in pickletools.genops(ours) if opcode.name == "GLOBAL"]
        assert not any(name.startswith("importable") for name in names)


def test_a_function_by_value_needs_no_module(registered):
    data = cloudpickle_rs.dumps(importable.inner.leaf.leaf)
    copy = cloudpickle_rs.loads(data)
    assert copy is not importable.inner.leaf.leaf and copy() == "leaf"
    assert copy.__globals__ is not vars(importable.inner.leaf)


def test_registering_is_undone_by_unregistering():
    before = cloudpickle_rs.dumps(importable.double)
    cloudpickle_rs.register_pickle_by_value(importable)
    assert cloudpickle_rs.list_registry_pickle_by_value() == {"importable"}
    assert cloudpickle_rs.dumps(importable.double) != before
    cloudpickle_rs.unregister_pickle_by_value(importable)
    assert cloudpickle_rs.list_registry_pickle_by_value() == set()
    assert cloudpickle_rs.dumps(importable.double) == before


@pytest.mark.parametrize("bad", ["importable", None, types.ModuleType("never_imported")])
@pytest.mark.parametrize("name", ["register_pickle_by_value", "unregister_pickle_by_value"])
def test_what_cannot_be_registered_is_refused_in_upstreams_words(bad, name):
    with pytest.raises(ValueError) as theirs:
        getattr(cloudpickle, name)(bad)
    with pytest.raises(ValueError) as ours:
        getattr(cloudpickle_rs, name)(bad)
    assert str(ours.value) == str(theirs.value)
