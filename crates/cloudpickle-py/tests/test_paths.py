"""The path from the pickled object to what cannot be pickled."""

import functools
import sys
import threading

import pytest

import cloudpickle_rs
import upstream

LOCK = threading.Lock()


class Session:
    def __init__(self):
        self._lock = LOCK


class Client:
    def __init__(self):
        self.session = Session()


client = Client()


def by_value(function):
    """The function as one of a module that no other process can import."""
    function.__module__ = "__main__"
    return function


def closure_over(value):
    return by_value(lambda: value)


def with_attribute(value):
    function = by_value(lambda: None)
    function.attribute = value
    return function


def with_default(value):
    return by_value(lambda argument=value: argument)


class Methods:
    def __init__(self):
        self.lock = LOCK

    def method(self):
        pass


def dynamic_class():
    return type("Dynamic", (), {"__module__": "__main__", "lock": LOCK})


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: by_value(lambda: client), "<lambda>.__globals__['client'].session._lock"),
        (lambda: [0, {"a": (1, LOCK)}], "list[1]['a'][1]"),
        (lambda: {1: {2: LOCK}}, "dict[1][2]"),
        (lambda: closure_over(LOCK), "<lambda>.__closure__[0].cell_contents"),
        (lambda: with_attribute(LOCK), "<lambda>.attribute"),
        (lambda: with_default([LOCK]), "<lambda>.__defaults__[0][0]"),
        (dynamic_class, "Dynamic.lock"),
        (lambda: Methods().method, "method.__self__.lock"),
        (
            client.session.__reduce_ex__,
            # on PyPy a builtin's method is one like any other
            "method.__self__._lock" if upstream.PYPY else "builtin_function_or_method.__reduce__()[1][0]._lock",
        ),
        (lambda: functools.partial(print, LOCK), "partial.__getstate__()[1][0]"),
    ],
)
def test_the_path_leads_to_the_culprit(make, path):
    with pytest.raises(TypeError, match="cannot pickle '_thread.lock' object") as caught:
        cloudpickle_rs.dumps(make() if make.__name__ in ("<lambda>", "dynamic_class") else make)
    assert caught.value.path == path
    by_value_is_on_the_way = path.startswith(("<lambda>", "Dynamic"))
    if sys.version_info >= (3, 14) and not by_value_is_on_the_way:
        assert all(note.startswith("when serializing") for note in caught.value.__notes__)
    elif sys.version_info >= (3, 11):
        assert caught.value.__notes__[-1] == f"{path}: cannot pickle '_thread.lock' object"


def test_an_error_in_the_object_itself_has_no_path():
    with pytest.raises(TypeError) as caught:
        cloudpickle_rs.dumps(LOCK)
    assert not hasattr(caught.value, "path")


def test_the_path_of_what_nests_deep_is_its_innermost_part():
    nested = LOCK
    for _ in range(300):
        nested = [nested]
    with pytest.raises(TypeError) as caught:
        cloudpickle_rs.dumps(nested)
    assert caught.value.path == "list" + "[0]" * 100
